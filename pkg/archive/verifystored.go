package archive

import (
	"context"
	"errors"
	"io"
	"iter"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// checkStored checks the digests of all frames of the body.
func (v *verifier) checkStored(ctx context.Context) {
	done := int64(0)
	for res, err := range ordered.Map(ctx, v.o.Threads, v.r.storedParts(), v.r.faultOf) {
		if err != nil {
			v.report(ctx, err)
			if !v.goesOn(ctx) {
				return
			}
			continue
		}
		done += res.size
		v.o.Progress(done)
		if v.report(ctx, res.fault); !v.goesOn(ctx) {
			return
		}
	}
}

// storedPart is a segment with the frames before it, or the frames after the last segment.
type storedPart struct {
	segment, other index.Extent
}

// storedParts yields the parts of the body, as far as the map pages are whole.
func (r *Reader) storedParts() iter.Seq2[storedPart, error] {
	return func(yield func(storedPart, error) bool) {
		for n := range r.Pages() {
			page, err := r.Page(n)
			if err != nil {
				continue // it was reported
			}
			for i := range page {
				if !yield(storedPart{page[i].Extent, page[i].Before}, nil) {
					return
				}
			}
		}
		yield(storedPart{other: r.Root.Rest}, nil)
	}
}

// checkedPart is what was found in a part.
type checkedPart struct {
	size  int64
	fault error
}

// faultOf looks for damage of a part. The error is that of a part that cannot be read.
func (r *Reader) faultOf(p storedPart) (checkedPart, error) {
	err := r.verifyFrames(p.other)
	if err == nil && p.segment.Len > 0 {
		_, err = r.ReadExtent(p.segment, "segment")
	}
	if err != nil && !errors.Is(err, stream.ErrCorrupt) {
		return checkedPart{}, err
	}
	return checkedPart{p.other.Len + p.segment.Len, err}, nil
}

// verifyFrames checks the digests of frames that follow each other. It does not look at their
// content.
func (r *Reader) verifyFrames(s index.Extent) error {
	if s.Len == 0 {
		return nil
	}
	in := wire.NewReader(io.NewSectionReader(r.Src, s.Pos, s.Len))
	var frames, frame blake.Hasher
	for in.Err() == nil && in.Pos() < s.Len {
		frame.Reset()
		in.Tee(&frame)
		in.SkipFrame(index.MaxFrame)
		in.Tee(nil)
		digest := frame.Sum()
		frames.Write(digest[:])
	}
	switch err := in.Err(); {
	case err != nil && !errors.Is(err, wire.ErrFormat) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case err != nil, in.Pos() != s.Len, frames.Sum() != s.Digest:
		return index.Damagedf(s, "frames from byte %d to %d: at least one is damaged", s.Pos, s.End())
	}
	return nil
}
