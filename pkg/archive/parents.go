package archive

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// FindFunc finds an archive by its id. The hint is what the thin archive says of where it is: a
// stranger's text. What it returns stays open for as long as the Reader is used. An error that
// is ErrParent says where was looked.
type FindFunc func(id Hash, hint string) (src io.ReaderAt, size int64, err error)

// ErrParent: a parent of a thin archive cannot be had.
var ErrParent = errors.New("parent archive is missing")

// family is a Reader and the parents that were needed so far, by their ids: its own, and those of
// its parents, whose patches have their bases there.
type family struct {
	decoder func() (*codec.Decoder, error) // of those without dictionaries

	mu      sync.Mutex
	readers map[Hash]*Reader
}

func newFamily(threads int) *family {
	decoder := sync.OnceValues(func() (*codec.Decoder, error) { return codec.NewDecoder(threads) })
	return &family{decoder: decoder, readers: map[Hash]*Reader{}}
}

// parent opens parent number i. An error is not remembered.
func (r *Reader) parent(i int) (*Reader, error) {
	parents := r.root.info.Parents
	if i >= len(parents) {
		return nil, corruptf("chunk of parent %d, there are %d", i, len(parents))
	}
	want := &parents[i]
	all := r.family
	all.mu.Lock()
	defer all.mu.Unlock()
	if p := all.readers[want.ID]; p != nil {
		return p, nil
	}
	if r.o.Find == nil {
		return nil, fmt.Errorf("%w: %v (%q)", ErrParent, want.ID, want.Hint)
	}
	src, size, err := r.o.Find(want.ID, want.Hint)
	if err != nil {
		return nil, err
	}
	found, err := newReader(src, size, r.o, r.caches, all)
	if err == nil {
		err = found.Locked()
	}
	if err == nil && found.ID() != want.ID {
		err = corruptf("it has the id %v", found.ID())
	}
	if err != nil {
		return nil, fmt.Errorf("parent %v: %w", want.ID, err)
	}
	all.readers[want.ID] = found
	return found, nil
}

// Parents reads chunks of the parents of a stream of frames. Safe for concurrent use, but for
// Add.
type Parents struct{ r *Reader }

// NewParents returns Parents that are found as o says.
func NewParents(o Options) *Parents {
	return &Parents{&Reader{Index: &Index{root: &root{}}, o: o, caches: newCaches(o.CacheBytes), family: newFamily(o.Threads)}}
}

// Add takes in a Parent frame.
func (p *Parents) Add(f *stream.Parent) {
	p.r.root.info.Parents = append(p.r.root.info.Parents, *f)
}

// Reader opens parent number i, of those that were added.
func (p *Parents) Reader(i int) (*Reader, error) { return p.r.parent(i) }

// Base returns the bytes of a base that a parent holds, for BuildPatch.
func (p *Parents) Base(base *stream.Base) ([]byte, func(), error) {
	return p.r.parentBase(base)
}

// Append appends the bytes that a ParentRef stands for to dst.
func (p *Parents) Append(dst []byte, e *stream.Entry) ([]byte, error) {
	h, err := p.r.parentHome(e)
	if err != nil {
		return dst, err
	}
	b, held, err := h.bytes(p.r)
	defer p.r.release(held)
	return append(dst, b...), err
}
