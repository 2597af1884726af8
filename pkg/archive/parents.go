package archive

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"hexz/pkg/stream"
)

// FindFunc finds an archive by its id. The hint is what the thin archive says of where it is: a
// stranger's text. What it returns stays open for as long as the Reader is used. An error that
// is ErrParent says where was looked.
type FindFunc func(id Hash, hint string) (src io.ReaderAt, size int64, err error)

// ErrParent: a parent of a thin archive cannot be had.
var ErrParent = errors.New("parent archive is missing")

// parent is a parent of a Reader, once it was needed.
type parent struct {
	mu sync.Mutex
	r  *Reader
}

// parent opens parent number i. An error is not remembered.
func (r *Reader) parent(i int) (*Reader, error) {
	if i >= len(r.parents) {
		return nil, corruptf("chunk of parent %d, there are %d", i, len(r.parents))
	}
	p := &r.parents[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.r != nil {
		return p.r, nil
	}
	want := &r.root.info.Parents[i]
	if r.o.Find == nil {
		return nil, fmt.Errorf("%w: %v (%q)", ErrParent, want.ID, want.Hint)
	}
	src, size, err := r.o.Find(want.ID, want.Hint)
	if err != nil {
		return nil, err
	}
	o := r.o
	o.Find = nil // a chunk of a parent is never in a parent of it
	found, err := newReader(src, size, o, r.caches)
	if err == nil {
		err = found.Locked()
	}
	if err == nil && found.ID() != want.ID {
		err = corruptf("it has the id %v", found.ID())
	}
	if err != nil {
		return nil, fmt.Errorf("parent %v: %w", want.ID, err)
	}
	p.r = found
	return found, nil
}

// fromParent returns the bytes of entry i of b, as bytes does.
func (r *Reader) fromParent(b *block, i int) ([]byte, *heldBlock, error) {
	p, held, err := r.parentChunk(&b.entries[i])
	if err != nil {
		err = fmt.Errorf("chunk at offset %d: %w", b.starts[i], err)
	}
	return p, held, err
}

// parentChunk returns the bytes of a chunk that a parent holds, as bytes does.
func (r *Reader) parentChunk(e *stream.Entry) ([]byte, *heldBlock, error) {
	from, err := r.parent(int(e.Parent))
	if err != nil {
		return nil, nil, err
	}
	if n := from.root.info.Totals.Data.N; e.Ordinal >= n {
		return nil, nil, corruptf("chunk %d of the parent %v, which has %d", e.Ordinal, from.ID(), n)
	}
	held, err := from.segmentOf(e.Ordinal)
	if err != nil {
		return nil, nil, fmt.Errorf("parent %v: %w", from.ID(), err)
	}
	p, err := held.value.target(e)
	if err != nil {
		r.release(held)
		return nil, nil, fmt.Errorf("parent %v: %w", from.ID(), err)
	}
	return p, held, nil
}

// Parents reads chunks of the parents of a stream of frames. Safe for concurrent use, but for
// Add.
type Parents struct{ r *Reader }

// NewParents returns Parents that are found as o says.
func NewParents(o Options) *Parents {
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCache
	}
	return &Parents{&Reader{o: o, caches: newCaches(o.CacheBytes), root: &root{}}}
}

// Add takes in a Parent frame.
func (p *Parents) Add(f *stream.Parent) {
	p.r.root.info.Parents = append(p.r.root.info.Parents, *f)
	p.r.parents = make([]parent, len(p.r.root.info.Parents))
}

// Append appends the bytes that a ParentRef stands for to dst.
func (p *Parents) Append(dst []byte, e *stream.Entry) ([]byte, error) {
	b, held, err := p.r.parentChunk(e)
	if err != nil {
		return dst, err
	}
	dst = append(dst, b...)
	p.r.release(held)
	return dst, nil
}
