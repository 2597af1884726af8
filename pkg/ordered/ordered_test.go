package ordered

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func numbers(n int) func(func(int) error) error {
	return func(emit func(int) error) error {
		for i := range n {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestOrderIsKept(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 7, 64} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			next := 0
			err := Map(t.Context(), workers, numbers(2000), func(v int) (int, error) {
				if rand.IntN(50) == 0 {
					time.Sleep(time.Millisecond)
				}
				return v * 3, nil
			}, func(r int) error {
				if r != next*3 {
					t.Fatalf("result %d: got %d, want %d", next, r, next*3)
				}
				next++
				return nil
			})
			if err != nil || next != 2000 {
				t.Fatalf("got %d results and the error %v", next, err)
			}
		})
	}
}

func TestFirstErrorInOrder(t *testing.T) {
	boom, late := errors.New("boom"), errors.New("late")
	tests := []struct {
		name               string
		produce, work, use int // number of the value that fails
		want               error
		consumed           int
	}{
		{"work", 100, 7, 100, boom, 7},
		{"consume", 100, 100, 7, boom, 7},
		{"produce", 7, 100, 100, boom, 7},
		{"produce after a failed value", 9, 7, 100, boom, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			consumed := 0
			err := Map(t.Context(), 3, func(emit func(int) error) error {
				for i := range 50 {
					if i == tt.produce {
						if tt.work < i {
							return late
						}
						return boom
					}
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			}, func(v int) (int, error) {
				if v == tt.work {
					return 0, boom
				}
				return v, nil
			}, func(r int) error {
				if r == tt.use {
					return boom
				}
				consumed++
				return nil
			})
			if err != tt.want || consumed != tt.consumed {
				t.Errorf("got %v after %d values, want %v after %d", err, consumed, tt.want, tt.consumed)
			}
		})
	}
}

// A producer stuck in a read must not keep a failed stage alive.
func TestReturnsWhileProducerBlocks(t *testing.T) {
	boom := errors.New("boom")
	release := make(chan struct{})
	defer close(release)
	err := Map(t.Context(), 2, func(emit func(int) error) error {
		emit(1)
		<-release
		return nil
	}, func(v int) (int, error) { return v, nil }, func(int) error { return boom })
	if err != boom {
		t.Errorf("got %v, want %v", err, boom)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	go cancel()
	err := Map(ctx, 2, func(emit func(int) error) error {
		<-release
		return nil
	}, func(v int) (int, error) { return v, nil }, func(int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
