package archive

import (
	"bytes"
	"fmt"
	"sync"

	"hexz/pkg/blake"
	"hexz/pkg/delta"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// runPatch returns the output of the patch that has an ordinal, for the cache.
func (r *Reader) runPatch(ordinal int64) (*block, int64, error) {
	b, held, err := r.holder(nil, ordinal)
	if err != nil {
		return nil, 0, err
	}
	defer r.release(held)
	i, err := b.entryOf(ordinal)
	if err != nil {
		return nil, 0, err
	}
	e := &b.entries[i]
	made := &block{}
	made.data, err = BuildPatch(nil, e, b.data[b.places[i]:][:e.Patch.Len], func(base *stream.Base) ([]byte, func(), error) {
		if base.Parent == stream.OwnBase {
			return r.base(b, base)
		}
		return r.parents.base(base)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("patch at offset %d: %w", b.starts[i], err)
	}
	return made, int64(cap(made.data) + 200), nil
}

// Above largeSegment bytes of payload a base is copied, so that its segment need not stay pinned. A
// patch may have bases in many segments.
const largeSegment = 512 << 10

// base returns the bytes of a base that r holds, perhaps in b, and a function that gives them back.
func (r *Reader) base(b *block, base *stream.Base) ([]byte, func(), error) {
	from, held, err := r.holder(b, base.Ordinal)
	free := func() { r.release(held) }
	var p []byte
	if err == nil {
		p, err = from.base(base)
	}
	if err != nil {
		free()
		return nil, nil, err
	}
	if held != nil && len(from.data) > largeSegment {
		p = bytes.Clone(p)
		free()
		free = func() {}
	}
	return p, free, nil
}

// base returns the bytes of a base that b holds.
func (b *block) base(base *stream.Base) ([]byte, error) {
	i, err := b.entryOf(base.Ordinal)
	if err != nil {
		return nil, err
	}
	e := &b.entries[i]
	switch {
	case e.Kind == stream.Data && (base.Parent != stream.OwnBase || e.Hash == base.Hash):
		return b.chunk(i)
	case base.Parent == stream.OwnBase:
		return nil, index.Corruptf("its base, chunk %d, is patched itself or has another hash", base.Ordinal)
	}
	return b.data[b.places[i]:][:e.Patch.Len], nil
}

// largeBases is the most bytes of bases with which a patch may run beside others.
const largeBases = 32 << 20

// largePatches is held by a patch with more bytes of bases. They can be 512 MiB.
var largePatches sync.Mutex

// BuildPatch appends the bytes of the patched chunk e to dst. find returns the bytes of a base, and
// a function that is called when they are no longer needed. Output without the hash of e is an
// ErrCorrupt.
func BuildPatch(dst []byte, e *stream.Entry, program []byte, find func(*stream.Base) ([]byte, func(), error)) ([]byte, error) {
	bases, size := make([][]byte, len(e.Patch.Bases)), 0
	for i := range e.Patch.Bases {
		p, free, err := find(&e.Patch.Bases[i])
		if err != nil {
			return dst, err
		}
		defer free()
		bases[i] = p
		if size <= largeBases && size+len(p) > largeBases {
			largePatches.Lock()
			defer largePatches.Unlock()
		}
		size += len(p)
	}
	made, err := delta.Apply(dst, program, bases, int(e.Len))
	if err != nil {
		return dst, index.Corrupt(err)
	}
	if blake.Sum(made[len(dst):]) != e.Hash {
		return dst, index.Corruptf("what it makes does not have the hash %v", e.Hash)
	}
	return made, nil
}
