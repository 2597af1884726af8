package ordered

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// numbers yields the numbers from 0 to n-1, and then err unless it is nil.
func numbers(n int, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func same(v int) (int, error) { return v, nil }

func TestOrderIsKept(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 7, 64} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			next := 0
			for r, err := range Map(t.Context(), workers, numbers(2000, nil), func(v int) (int, error) {
				if rand.IntN(50) == 0 {
					time.Sleep(time.Millisecond)
				}
				return v * 3, nil
			}) {
				if err != nil || r != next*3 {
					t.Fatalf("result %d: got %d, %v, want %d", next, r, err, next*3)
				}
				next++
			}
			if next != 2000 {
				t.Fatalf("got %d results", next)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	want := []int{3, 1, 2}
	var got []int
	for v, err := range From(slices.Values(want)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range From(slices.Values(want)) {
		break // From panics if it goes on
	}
}

func TestFirstErrorInOrder(t *testing.T) {
	boom, late := errors.New("boom"), errors.New("late")
	tests := []struct {
		name       string
		values     int
		end        error // of the values
		work, loop int   // number of the value that fails
	}{
		{"work", 50, nil, 7, 100},
		{"loop", 50, nil, 100, 7},
		{"values", 7, boom, 100, 100},
		{"values after a failed value", 9, late, 7, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			consumed := 0
			use := func() error {
				for r, err := range Map(t.Context(), 3, numbers(tt.values, tt.end), func(v int) (int, error) {
					if v == tt.work {
						return 0, boom
					}
					return v, nil
				}) {
					if err == nil && r == tt.loop {
						err = boom
					}
					if err != nil {
						return err
					}
					consumed++
				}
				return nil
			}
			if err := use(); err != boom || consumed != 7 {
				t.Errorf("got %v after %d values, want %v after 7", err, consumed, boom)
			}
		})
	}
}

// Nothing comes after an error, even if the loop goes on.
func TestErrorIsLast(t *testing.T) {
	boom := errors.New("boom")
	var errs []error
	for _, err := range Map(t.Context(), 2, numbers(5, boom), same) {
		errs = append(errs, err)
	}
	if len(errs) != 6 || errs[5] != boom {
		t.Errorf("got %v", errs)
	}
}

// A source that is stuck in a read must not keep a failed stage alive.
func TestReturnsWhileSourceBlocks(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for v, err := range MapPipe(t.Context(), 2, func(yield func(int, error) bool) {
		yield(1, nil)
		<-release
	}, same) {
		if v != 1 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
		break
	}
}

func TestCancel(t *testing.T) {
	boom := errors.New("boom")
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	defer close(release)
	go cancel(boom)
	var errs []error
	for _, err := range MapPipe(ctx, 2, func(func(int, error) bool) { <-release }, same) {
		errs = append(errs, err)
	}
	if !slices.Equal(errs, []error{boom}) {
		t.Errorf("got %v", errs)
	}
}

// However a loop ends, the source is stopped, its deferred calls run, and no goroutine is left: one
// that is would fail synctest.Test.
func TestNothingIsLeft(t *testing.T) {
	boom := errors.New("boom")
	loops := map[string]func(ctx context.Context, cancel context.CancelCauseFunc, values iter.Seq2[int, error]) error{
		"break": func(ctx context.Context, _ context.CancelCauseFunc, values iter.Seq2[int, error]) error {
			for v := range Map(ctx, 3, values, same) {
				if v == 20 {
					break
				}
			}
			return boom
		},
		"break at once": func(ctx context.Context, _ context.CancelCauseFunc, values iter.Seq2[int, error]) error {
			for range Map(ctx, 3, values, same) {
				break
			}
			return boom
		},
		"error of work": func(ctx context.Context, _ context.CancelCauseFunc, values iter.Seq2[int, error]) (last error) {
			for _, err := range Map(ctx, 3, values, func(v int) (int, error) {
				if v == 20 {
					return 0, boom
				}
				return v, nil
			}) {
				last = err
			}
			return last
		},
		"cancelled": func(ctx context.Context, cancel context.CancelCauseFunc, values iter.Seq2[int, error]) (last error) {
			for v, err := range Map(ctx, 3, values, same) {
				if v == 20 {
					cancel(boom)
				}
				last = err
			}
			return last
		},
		"cancelled before": func(ctx context.Context, cancel context.CancelCauseFunc, values iter.Seq2[int, error]) (last error) {
			cancel(boom)
			for _, err := range Map(ctx, 3, values, same) {
				last = err
			}
			return last
		},
		"panic": func(ctx context.Context, _ context.CancelCauseFunc, values iter.Seq2[int, error]) (err error) {
			defer func() { err = recover().(error) }()
			for range Map(ctx, 3, values, same) {
				panic(boom)
			}
			return nil
		},
	}
	for name, loop := range loops {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stopped := make(chan struct{})
				endless := func(yield func(int, error) bool) {
					defer close(stopped)
					for i := 0; yield(i, nil); i++ {
					}
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if err := loop(ctx, cancel, endless); err != boom {
					t.Errorf("got %v", err)
				}
				select {
				case <-stopped:
				default:
					t.Error("the source still runs")
				}
			})
		})
	}
}

// A caller may close what work uses as soon as the loop has ended.
func TestWorkHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		for v := range MapPipe(t.Context(), 4, numbers(100, nil), func(v int) (int, error) {
			running.Add(1)
			defer running.Add(-1)
			time.Sleep(time.Duration(1+v%7) * time.Second)
			return v, nil
		}) {
			if v == 20 {
				break
			}
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d still work", n)
		}
	})
}

func BenchmarkMap(b *testing.B) {
	for _, workers := range []int{1, 2, 8} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			for _, err := range Map(b.Context(), workers, numbers(b.N, nil), same) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
