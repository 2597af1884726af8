package archive

import (
	"errors"
	"io"
	"sort"

	"hexz/pkg/blake"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// stored checks the digests of all frames of the body.
func (v *verifier) stored() {
	done := int64(0)
	v.found(ordered.Map(v.ctx, v.o.Threads, func(emit func(run) error) error {
		for _, s := range v.r.root.runs {
			if err := emit(s); err != nil {
				return err
			}
		}
		return nil
	}, func(s run) (result, error) {
		err := v.r.verifyRun(s)
		if errors.Is(err, stream.ErrCorrupt) {
			return result{s, v.r.damagedSegments(s, err)}, nil
		}
		return result{s, nil}, err
	}, func(res result) error {
		done += res.len
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
	run
	faults []error
}

// damagedSegments names the segments of a damaged run that are damaged. If none is, the fault
// err is in another frame.
func (r *Reader) damagedSegments(s run, err error) []error {
	var faults []error
	n := sort.Search(len(r.root.maps), func(n int) bool {
		page, err := r.page(n)
		return err != nil || page[len(page)-1].end() > s.pos
	})
	for ; n < len(r.root.maps); n++ {
		page, pageErr := r.page(n)
		if pageErr != nil {
			return append(faults, err)
		}
		if page[0].pos >= s.end() {
			break
		}
		for i := range page {
			if page[i].pos < s.pos || page[i].end() > s.end() {
				continue
			}
			if _, err := r.readSpan(page[i].span, "segment"); err != nil {
				faults = append(faults, err)
			}
		}
	}
	if faults == nil {
		faults = []error{err}
	}
	return faults
}

// verifyRun walks the frames of a run. It needs to know nothing of what is in them.
func (r *Reader) verifyRun(s run) error {
	in := wire.NewReader(io.NewSectionReader(r.src, s.pos, s.len))
	var frames, frame blake.Hasher
	for range s.frames {
		frame.Reset()
		in.Tee(&frame)
		in.SkipFrame(maxFrame)
		in.Tee(nil)
		digest := frame.Sum()
		frames.Write(digest[:])
	}
	switch err := in.Err(); {
	case err != nil && !errors.Is(err, wire.ErrFormat) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case err != nil, in.Pos() != s.len, frames.Sum() != s.digest:
		return damagedf(s.span, "frames from byte %d to %d: at least one is damaged", s.pos, s.end())
	}
	return nil
}
