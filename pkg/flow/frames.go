package flow

import (
	"context"
	"errors"
	"io"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// Frames yields the frames of in, up to the end. A Parent frame goes to parents first. A frame
// belongs to the loop, as Scanner.Next says. The first error is the last thing that it yields.
func Frames(ctx context.Context, in *archive.Scanner, parents ParentFunc) iter.Seq2[stream.Frame, error] {
	return func(yield func(stream.Frame, error) bool) {
		for {
			f, err := in.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				err = parents.Check(f)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Expand yields what of makes of each frame of in, in order. An error of it goes through ReadOn.
func Expand[T any](ctx context.Context, in *archive.Scanner, parents ParentFunc, of func(stream.Frame) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for f, err := range Frames(ctx, in, parents) {
			if err != nil {
				yield(none, err)
				return
			}
			for v, err := range of(f) {
				if err != nil {
					yield(none, ReadOn(ctx, in, err))
					return
				}
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}
