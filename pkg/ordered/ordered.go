// Package ordered runs work on several goroutines and delivers the results in order.
package ordered

import (
	"context"
	"iter"
	"sync"
)

// Map yields work(v) for each value v of in, in the order of the values. It works on up to workers
// values at a time, at least one. At most three times workers values are under way, which bounds
// the memory. in and work run on goroutines of their own, the loop runs on the caller's.
//
// Map ends with the first error in the order of the values: of work, of in after all values before
// it, or of ctx. When the loop ends early, in is stopped at its next value. After Map neither in nor
// work runs, so that the caller may close what they read.
func Map[T, R any](ctx context.Context, workers int, in iter.Seq2[T, error], work func(T) (R, error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		ended := make(chan struct{})
		defer func() { <-ended }()
		MapPipe(ctx, workers, func(yield func(T, error) bool) {
			defer close(ended)
			in(yield)
		}, work)(yield)
	}
}

// MapPipe is Map that does not wait for in, which may be blocked in a read of a pipe that nothing
// can interrupt.
func MapPipe[T, R any](ctx context.Context, workers int, in iter.Seq2[T, error], work func(T) (R, error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var working sync.WaitGroup
		defer working.Wait()
		defer cancel()
		queue := start(ctx, &working, max(workers, 1), in, work)
		for {
			j, more := receive(ctx, queue)
			if more {
				receive(ctx, j.done)
			}
			if err := context.Cause(ctx); err != nil {
				var none R
				yield(none, err)
				return
			}
			if !more || !yield(j.out, j.err) || j.err != nil {
				return
			}
		}
	}
}

// From yields the values of a sequence that has no errors.
func From[T any](values iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// job is sent twice: to a worker, and in order to the loop, which waits for done.
type job[T, R any] struct {
	in   T
	out  R
	err  error
	done chan struct{}
}

// start starts the goroutines, and returns the channel of the jobs in order. They end after the
// last value or the first error of in, or after ctx. Those that work are counted in working.
func start[T, R any](ctx context.Context, working *sync.WaitGroup, workers int, in iter.Seq2[T, error], work func(T) (R, error)) <-chan *job[T, R] {
	todo := make(chan *job[T, R], workers)
	queue := make(chan *job[T, R], 2*workers)
	go func() {
		defer close(queue)
		defer close(todo)
		for v, err := range in {
			j := &job[T, R]{in: v, err: err, done: make(chan struct{})}
			if err != nil { // there is nothing to work on
				close(j.done)
			}
			if !send(ctx, queue, j) || err != nil || !send(ctx, todo, j) {
				return
			}
		}
	}()
	for range workers {
		working.Go(func() {
			for {
				j, more := receive(ctx, todo)
				if !more || ctx.Err() != nil {
					return
				}
				j.out, j.err = work(j.in)
				close(j.done)
			}
		})
	}
	return queue
}

// send reports whether it has sent v before ctx ended.
func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// receive returns the next value. There is none if the channel is closed, or if ctx has ended.
func receive[T any](ctx context.Context, from <-chan T) (v T, more bool) {
	select {
	case v, more = <-from:
	case <-ctx.Done():
	}
	return v, more
}
