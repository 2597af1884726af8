package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Copy is an archive that may serve as a parent.
type Copy struct {
	io.ReaderAt
	Size int64  // bytes
	Name string // for messages; may be empty
}

// FindFunc yields the copies of a parent, as many as the caller takes, and in the same order each
// time: first archives with the parent's id, then archives with its content. want.Hint is where the
// thin archive says that the parent is; do not trust it. A copy stays open as long as the Reader is
// used.
//
// An error is yielded instead of a copy. If there is no copy, the last error is a MissingError,
// which says where the search went. Any other error says that a file which may be the parent cannot
// be read.
type FindFunc func(want *stream.Parent) iter.Seq2[Copy, error]

// family is the state that a Reader shares with its parents, and with the parents of these, which
// hold the bases of their patches.
type family struct {
	o       Options
	caches  *caches
	decoder func() (*codec.Decoder, error) // for archives without dictionaries

	mu      sync.Mutex
	parents map[index.Hash]*copies
	faults  nodeFaults
}

func newFamily(o Options) *family {
	decoder := sync.OnceValues(func() (*codec.Decoder, error) { return NewDecoder(o) })
	return &family{o: o, caches: newCaches(o.CacheBytes), decoder: decoder, parents: map[index.Hash]*copies{}}
}

// copies are the copies of one parent that were opened so far. Errors are not remembered.
type copies struct {
	mu      sync.Mutex
	opened  []*Reader
	numbers map[int]bool // of the opened copies, in the order of the FindFunc
}

// copiesOf returns the copies of a parent.
func (f *family) copiesOf(want *stream.Parent) *copies {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.parents[want.ID]
	if all == nil {
		all = &copies{numbers: map[int]bool{}}
		f.parents[want.ID] = all
	}
	return all
}

// open returns copy n of a parent, or nil if there are fewer copies. Then the error is the worst
// one of the copies that could not be opened.
func (f *family) open(want *stream.Parent, all *copies, n int) (*Reader, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if n < len(all.opened) {
		return all.opened[n], nil
	}
	if f.o.Find == nil {
		return nil, missing(want)
	}
	var worst error
	number := -1
	for c, err := range f.o.Find(want) {
		if err == nil {
			if number++; all.numbers[number] {
				continue
			}
			var found *Reader
			if found, err = f.openCopy(want, c); err == nil {
				all.opened, all.numbers[number] = append(all.opened, found), true
				return found, nil
			}
		}
		worst = worse(worst, err)
	}
	return nil, worst
}

// openCopy opens an archive as a parent.
func (f *family) openCopy(want *stream.Parent, c Copy) (*Reader, error) {
	found, err := newReader(c.ReaderAt, c.Size, f)
	if err == nil {
		err = found.Locked()
	}
	if err == nil && found.ID() != want.ID {
		found.other = &otherOrder{}
		if !found.Info().Origin().ServesAs(want) {
			err = index.Corruptf("it has the id %v", found.ID())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("parent %v: %w", want.ID, err)
	}
	return found, nil
}

// parentList is the parents of an archive or of a stream of frames, by their numbers.
type parentList struct {
	family *family
	list   []stream.Parent
}

// indexOf returns the number of a parent, or -1.
func (p *parentList) indexOf(id index.Hash) int {
	return slices.IndexFunc(p.list, func(q stream.Parent) bool { return q.ID == id })
}

// with calls read with a copy of parent i. If read fails, with looks for the next copy, until read
// succeeds.
func (p *parentList) with(i int, read func(from *Reader) error) error {
	if i >= len(p.list) {
		return index.Corruptf("chunk of parent %d, there are %d", i, len(p.list))
	}
	want := &p.list[i]
	all := p.family.copiesOf(want)
	var worst error
	for n := 0; ; n++ {
		from, err := p.family.open(want, all, n)
		worst = worse(worst, err)
		if from == nil {
			return cmp.Or(worst, missing(want))
		}
		if err = read(from); err == nil {
			return nil
		}
		worst = worse(worst, fmt.Errorf("parent %v: %w", from.ID(), err))
	}
}

// chunk returns the verified bytes that a ParentRef stands for. The bytes are valid until the
// caller gives the item back to the caches of the family.
func (p *parentList) chunk(e *stream.Entry) (b []byte, held *heldBlock, err error) {
	err = p.with(int(e.Parent), func(from *Reader) error {
		h, err := from.homeOfHash(e)
		if err == nil {
			b, held, err = h.bytes()
		}
		return err
	})
	return b, held, err
}

// base returns the bytes of a base that a parent holds, and a function that gives them back.
func (p *parentList) base(base *stream.Base) (b []byte, free func(), err error) {
	err = p.with(int(base.Parent), func(from *Reader) error {
		b, free, err = from.base(nil, base)
		return err
	})
	return b, free, err
}

// worse returns the error that counts if no copy of a parent can be read. An error that says
// nothing about the content ranks highest, since it may pass. Damage comes next, since it can be
// repaired. A missing parent comes last. Among equals the first counts.
func worse(a, b error) error {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, ErrParent):
			return 1
		case errors.Is(err, stream.ErrCorrupt):
			return 2
		}
		return 3
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// IsLost reports whether an error says that content is lost: damaged, or in a missing parent. Any
// other error may pass, such as that of a disk or of a missing key.
func IsLost(err error) bool {
	return errors.Is(err, stream.ErrCorrupt) || errors.Is(err, ErrParent)
}

// Parents reads chunks of the parents of a stream of frames. All methods but Add are safe for
// concurrent use.
type Parents struct{ p parentList }

// NewParents returns Parents that o.Find finds.
func NewParents(o Options) *Parents { return &Parents{parentList{family: newFamily(o)}} }

// Add adds the parent of a Parent frame.
func (p *Parents) Add(f *stream.Parent) { p.p.list = append(p.p.list, *f) }

// Reader opens parent number i of those that were added. The archive has the parent's id, so that
// chunks have the same ordinals.
func (p *Parents) Reader(i int) (found *Reader, err error) {
	err = p.p.with(i, func(from *Reader) error {
		if from.other != nil {
			return fmt.Errorf("%w: there is only one with the same content and another id", ErrParent)
		}
		found = from
		return nil
	})
	return found, err
}

// Missing returns err, or, if err is an ErrParent, an error that names all missing parents.
func (p *Parents) Missing(err error) error {
	if !errors.Is(err, ErrParent) {
		return err
	}
	looked := map[index.Hash]error{}
	p.p.lookAll(looked)
	var list []error
	for i := range p.p.list {
		list = append(list, looked[p.p.list[i].ID])
	}
	return cmp.Or(joinMissing(list), err)
}

// Base returns the bytes of a base that a parent holds, for BuildPatch.
func (p *Parents) Base(base *stream.Base) ([]byte, func(), error) { return p.p.base(base) }

// Append appends the bytes that a ParentRef stands for to dst.
func (p *Parents) Append(dst []byte, e *stream.Entry) ([]byte, error) {
	b, held, err := p.p.chunk(e)
	defer p.p.family.caches.segments.Put(held)
	return append(dst, b...), err
}
