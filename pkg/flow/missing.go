package flow

import (
	"context"
	"errors"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// MapFrames is ordered.Map for what emit gets of the frames of in. If work or consume need a codec that
// is missing, then what comes after that in an archive is still read and worked on, but not consumed: the
// name of the codec may be damaged, and only the end of the archive tells. An error that is found on the
// way is returned in place of the first codec.UnknownError.
func MapFrames[T, R any](ctx context.Context, workers int, in *archive.Scanner, produce func(emit func(T) error) error,
	work func(T) (R, error), consume func(R) error) error {
	type result struct {
		out   R
		needs error
	}
	var needs error
	err := ordered.Map(ctx, workers, produce, func(v T) (result, error) {
		out, err := work(v)
		if needsCodec(in, err) {
			return result{needs: err}, nil
		}
		return result{out: out}, err
	}, func(r result) error {
		if needs == nil {
			needs = r.needs
		}
		if needs != nil {
			return nil
		}
		err := consume(r.out)
		if needsCodec(in, err) {
			needs, err = err, nil
		}
		return err
	})
	if err == nil {
		err = needs
	}
	return err
}

// needsCodec reports whether err, at a frame of in, can still turn out to be damage of an archive.
func needsCodec(in *archive.Scanner, err error) bool {
	return errors.As(err, new(*codec.UnknownError)) && in.InArchive()
}

// readOn reads in to its end.
func readOn(ctx context.Context, in *archive.Scanner) error {
	return EachFrame(ctx, in, nil, func(f stream.Frame) error {
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
		return nil
	})
}
