package archive

import (
	"errors"
	"io"
	"sort"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// stored checks the digests of all frames of the body.
func (v *verifier) stored() {
	done := int64(0)
	v.found(ordered.Map(v.ctx, v.o.Threads, func(emit func(index.Run) error) error {
		for _, s := range v.r.Root.Runs {
			if err := emit(s); err != nil {
				return err
			}
		}
		return nil
	}, func(s index.Run) (result, error) {
		err := v.r.verifyRun(s)
		if errors.Is(err, stream.ErrCorrupt) {
			return result{s, v.r.damagedSegments(s, err)}, nil
		}
		return result{s, nil}, err
	}, func(res result) error {
		done += res.Len
		v.o.Progress(done)
		for _, err := range res.faults {
			if v.found(err); !v.goOn() {
				return err
			}
		}
		return nil
	}))
}

type result struct {
	index.Run
	faults []error
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
