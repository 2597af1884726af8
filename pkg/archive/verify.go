package archive

import (
	"context"
	"errors"

	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Level says how deep Verify goes. Each level includes the ones before it.
type Level int

// The levels of Verify.
const (
	Structure Level = iota // the index is whole and agrees with itself; reads no payload
	Stored                 // every stored byte is that of the archive id
	Content                // every chunk and stream has its hash; decodes all
)

// VerifyOptions are the options of Verify. The zero value checks the structure.
type VerifyOptions struct {
	Level    Level
	Threads  int              // 0 is 1
	Progress func(done int64) // called with the bytes done: of the archive, then of the content
	// Damage is called for each damaged part, and Verify goes on to the next. If Damage is nil,
	// Verify stops at the first.
	Damage func(error)
}

// Verify checks the archive, and returns nil or the first fault. Damage counts before other faults.
// Verify keeps 33 bytes for each data chunk and patch.
func (r *Reader) Verify(ctx context.Context, o VerifyOptions) error {
	if err := r.Locked(); err != nil && o.Level >= Content {
		return err
	}
	v := &verifier{r: r, o: o, said: map[string]bool{}}
	if o.Progress == nil {
		v.o.Progress = func(int64) {}
	}
	if !v.checkPlaces(ctx) {
		return v.err
	}
	if v.goesOn(ctx) {
		v.report(ctx, r.verifyStructure(func(err error) bool {
			v.report(ctx, err)
			return v.goesOn(ctx)
		}))
	}
	if o.Level >= Stored && v.goesOn(ctx) {
		v.checkStored(ctx)
	}
	if o.Level >= Content && v.goesOn(ctx) {
		v.report(ctx, r.verifyAgreement())
	}
	if o.Level >= Content && v.goesOn(ctx) {
		err := r.CheckParents()
		v.report(ctx, err)
		v.missing = errors.Is(err, ErrParent)
	}
	if o.Level >= Content && v.goesOn(ctx) {
		v.checkNodes(ctx)
	}
	if o.Level >= Content && v.goesOn(ctx) {
		v.checkContent(ctx)
	}
	if v.err == nil {
		return context.Cause(ctx)
	}
	return v.err
}

type verifier struct {
	r    *Reader
	o    VerifyOptions
	err  error
	said map[string]bool // faults so far: a level may find a fault again that an earlier level found

	missing bool // all missing parents were reported, so their chunks need not be
}

// report tells of a fault, unless err is nil or was told of before.
func (v *verifier) report(ctx context.Context, err error) {
	if err == nil {
		return
	}
	var codec *codec.UnknownError
	if errors.As(err, &codec) && !errors.Is(err, stream.ErrCorrupt) {
		err = codec // reported once, and not for each segment
	}
	if v.said[err.Error()] || v.missing && errors.Is(err, ErrParent) {
		return
	}
	v.said[err.Error()] = true
	if v.err == nil || errors.Is(err, stream.ErrCorrupt) && !errors.Is(v.err, stream.ErrCorrupt) {
		v.err = err // damage counts more than a missing parent
	}
	if v.o.Damage != nil && ctx.Err() == nil {
		v.o.Damage(err)
	}
}

// goesOn reports whether to look for more faults.
func (v *verifier) goesOn(ctx context.Context) bool {
	return ctx.Err() == nil && (v.err == nil || v.o.Damage != nil)
}

// checkPlaces checks that the frames of the body, the pages, root and trailer lie in the file without
// a gap. An index that lies about that could lead to the same bytes a million times. So nothing else
// is checked if checkPlaces returns false.
func (v *verifier) checkPlaces(ctx context.Context) bool {
	body, err := v.r.AreaStart(0), error(nil)
	last := int64(0)
	lost := false // whether it is not known where the last segment ends
	for n := range v.r.Pages() {
		page, err := v.r.Page(n)
		if err != nil {
			if v.report(ctx, err); !v.goesOn(ctx) {
				return false
			}
			lost = true
			continue
		}
		for i := range page {
			if s := &page[i]; s.Before.Pos < last || s.Before.Pos > last && !lost || s.End() > body {
				v.report(ctx, index.Corruptf("segment at byte %d is not in its place", s.Pos))
				return false
			}
			last, lost = page[i].End(), false
		}
	}
	if rest := v.r.Root.Rest; rest.Pos < last || rest.Pos > last && !lost {
		err = index.Corruptf("the index says that its body ends with %d bytes after the last segment, there are %d", rest.Len, body-last)
		v.report(ctx, err)
	}
	return err == nil
}
