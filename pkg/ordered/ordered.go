// Package ordered runs work on several goroutines and delivers the results in order.
package ordered

import "context"

// job is sent twice: to a worker, and in order to the consumer, which waits for done.
type job[T, R any] struct {
	in   T
	out  R
	err  error
	done chan struct{}
}

// Map calls work for every value that produce emits, on workers goroutines (at least one). It calls
// consume for every result in the order of emission. At most three times workers values are under
// way, which bounds the memory. produce and work run on goroutines of their own, consume runs on
// the caller's.
//
// Map returns the first error in the order of the values: of work, of consume, of produce after all
// values before it are consumed, or of ctx. When Map returns early, the error of emit tells
// produce. Map does not wait for produce, since it may be blocked in a read that nothing can
// interrupt.
func Map[T, R any](ctx context.Context, workers int, produce func(emit func(T) error) error,
	work func(T) (R, error), consume func(R) error) error {
	workers = max(workers, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	todo := make(chan *job[T, R], workers)
	queue := make(chan *job[T, R], 2*workers)
	var produceErr error // written before queue is closed, read after
	go func() {
		defer close(queue)
		defer close(todo)
		produceErr = produce(func(v T) error {
			j := &job[T, R]{in: v, done: make(chan struct{})}
			if err := send(ctx, queue, j); err != nil {
				return err
			}
			return send(ctx, todo, j)
		})
	}()
	for range workers {
		go func() {
			for j := range todo {
				j.out, j.err = work(j.in)
				close(j.done)
			}
		}()
	}

	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case j, more := <-queue:
			if !more {
				return produceErr
			}
			if err := finish(ctx, j, consume); err != nil {
				return err
			}
		}
	}
}

func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func finish[T, R any](ctx context.Context, j *job[T, R], consume func(R) error) error {
	select {
	case <-j.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if j.err != nil {
		return j.err
	}
	return consume(j.out)
}
