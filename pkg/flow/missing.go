package flow

import (
	"context"
	"errors"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// A codec that is missing need not be what is wrong: in a damaged archive its name may be damaged,
// and only the end of the archive tells. So an archive is read to its end before that is said.

// ReadOn returns err. If err is about a missing codec, and in is an archive, it first reads the rest
// of in, and an error that it finds there takes the place of err.
func ReadOn(ctx context.Context, in *archive.Scanner, err error) error {
	if !needsCodec(in, err) {
		return err
	}
	for f, worse := range Frames(ctx, in, nil) {
		if worse != nil {
			return worse
		}
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
	}
	return err
}

// needsCodec reports whether err, at a frame of in, can still turn out to be damage of an archive.
func needsCodec(in *archive.Scanner, err error) bool {
	return errors.As(err, new(*codec.UnknownError)) && in.InArchive()
}

// MissingCodec keeps the first error about a codec that is missing, while MapFrames goes on.
type MissingCodec struct {
	In  *archive.Scanner
	err error
}

// Keep returns err, or nil if it keeps it. The loop over MapFrames gives it its own errors.
func (m *MissingCodec) Keep(err error) error {
	if !needsCodec(m.In, err) {
		return err
	}
	if m.err == nil {
		m.err = err
	}
	return nil
}

// MapFrames is ordered.MapPipe for values that come from the frames of needs.In. After an error that
// needs keeps, of work or of the loop, the rest is still read and worked on, but not yielded; the
// error comes at the end, if there was no other.
func MapFrames[T, R any](ctx context.Context, workers int, needs *MissingCodec, values iter.Seq2[T, error],
	work func(T) (R, error)) iter.Seq2[R, error] {
	type result struct {
		out R
		err error // about a missing codec
	}
	return func(yield func(R, error) bool) {
		var none R
		for r, err := range ordered.MapPipe(ctx, workers, values, func(v T) (result, error) {
			out, err := work(v)
			if needsCodec(needs.In, err) {
				return result{err: err}, nil
			}
			return result{out: out}, err
		}) {
			if err == nil {
				err = needs.Keep(r.err)
			}
			if err != nil {
				yield(none, err)
				return
			}
			if needs.err == nil && !yield(r.out, nil) {
				return
			}
		}
		if needs.err != nil {
			yield(none, needs.err)
		}
	}
}
