package archive

import (
	"context"
	"errors"
	"io"
	"slices"
	"sort"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// checkStored checks the digests of all frames of the body.
func (v *verifier) checkStored(ctx context.Context) {
	done := int64(0)
	for res, err := range ordered.Map(ctx, v.o.Threads, ordered.From(slices.Values(v.r.Root.Runs)), v.r.faultsOf) {
		if err != nil {
			v.report(ctx, err)
			return
		}
		done += res.Len
		v.o.Progress(done)
		for _, err := range res.faults {
			if v.report(ctx, err); !v.goesOn(ctx) {
				return
			}
		}
	}
}

// checkedRun is a run with its damage.
type checkedRun struct {
	index.Run
	faults []error
}

// faultsOf looks for damage of a run. The error is that of a run that cannot be read.
func (r *Reader) faultsOf(s index.Run) (checkedRun, error) {
	err := r.verifyRun(s)
	if errors.Is(err, stream.ErrCorrupt) {
		return checkedRun{s, r.damagedSegments(s, err)}, nil
	}
	return checkedRun{s, nil}, err
}

// damagedSegments returns an error for each damaged segment of a damaged run. If no segment is
// damaged, the damage is in another frame, and damagedSegments returns err.
func (r *Reader) damagedSegments(s index.Run, err error) []error {
	var faults []error
	n := sort.Search(len(r.Root.Maps), func(n int) bool {
		page, err := r.Page(n)
		return err != nil || page[len(page)-1].End() > s.Pos
	})
	for ; n < len(r.Root.Maps); n++ {
		page, pageErr := r.Page(n)
		if pageErr != nil {
			return append(faults, err)
		}
		if page[0].Pos >= s.End() {
			break
		}
		for i := range page {
			if page[i].Pos < s.Pos || page[i].End() > s.End() {
				continue
			}
			if _, err := r.ReadExtent(page[i].Extent, "segment"); err != nil {
				faults = append(faults, err)
			}
		}
	}
	if faults == nil {
		faults = []error{err}
	}
	return faults
}

// verifyRun checks the digests of the frames of a run. It does not look at their content.
func (r *Reader) verifyRun(s index.Run) error {
	in := wire.NewReader(io.NewSectionReader(r.Src, s.Pos, s.Len))
	var frames, frame blake.Hasher
	for range s.Frames {
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
		return index.Damagedf(s.Extent, "frames from byte %d to %d: at least one is damaged", s.Pos, s.End())
	}
	return nil
}
