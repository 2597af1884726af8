package stage

import (
	"fmt"
	"reflect"
	"unsafe"

	"hexz/pkg/dedup"
	"hexz/pkg/fold"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// parentTable knows the chunks of parents. A chunk that a thin parent takes from a parent of its
// own is taken from there, so that a chunk is always found in one step.
type parentTable struct {
	*fold.Table
	chunks   *dedup.Sparse[parentPlace]
	ranges   []fold.Range // of the pages of chunks
	inRange  int          // chunks in the last one, with those that were known already
	chunkers []stream.Meta
	given    []parents.Parent
	reading  *index.Index // of the last page that was read

	// replaced has the places of all chunks that became references, if chunks may be overlooked: a
	// later reference in the input has to become one, too.
	replaced *dedup.Table
}

// parentPlace names a chunk of a parent. Parents are counted as in Table.Parents.
type parentPlace struct{ parent, length, ordinal uint32 }

const (
	parentPage = 512     // chunks of a page
	maxGap     = 1 << 20 // bytes between two chunks of a page
)

// newParentTable returns an empty table that holds limit bytes in memory, or everything if limit is 0.
func newParentTable(limit int64, temp func() (dedup.File, error)) *parentTable {
	nodes := limit / 8
	if limit > 0 {
		nodes = max(nodes, 256<<10)
	}
	t := &parentTable{Table: fold.NewTable(nodes, temp)}
	t.chunks = dedup.NewSparse(max(limit-nodes, min(limit, 1)), parentPage, t)
	return t
}

// load adds the chunks and nodes of p.
func (t *parentTable) load(p parents.Parent, find fold.FindFunc) error {
	for _, s := range p.Index.Info().Streams {
		t.chunkers = append(t.chunkers, s.Chunker)
	}
	defer p.Close() // there may be a thousand
	t.given = append(t.given, p)
	err := t.Table.Add(p.Index, p.Hint, find, func(c fold.Chunk) error {
		t.enter(c.At)
		known, err := t.chunks.Add(c.Hash, placeOf(c))
		if !known {
			t.ranges[len(t.ranges)-1].To = c.At.To
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("parent %s: %w", p.Hint, err)
	}
	return err
}

func placeOf(c fold.Chunk) parentPlace {
	return parentPlace{c.Parent, uint32(c.Len), uint32(c.Ordinal)}
}

// enter begins a page with the chunk at r, unless it goes on with it.
func (t *parentTable) enter(r fold.Range) {
	t.inRange++
	if page, n := t.chunks.Page(); n > 0 {
		last := t.ranges[page]
		if t.inRange <= parentPage && r.Archive == last.Archive && r.Stream == last.Stream && r.From >= last.To && r.From-last.To <= maxGap {
			return
		}
		t.chunks.EndPage()
	}
	page, _ := t.chunks.Page()
	t.ranges = append(t.ranges[:page], r)
	t.inRange = 1
}

// Keep implements dedup.Store: the archives keep their pages.
func (t *parentTable) Keep([]dedup.Record[parentPlace]) error { return nil }

// Read implements dedup.Store.
func (t *parentTable) Read(page uint32, list []dedup.Record[parentPlace]) ([]dedup.Record[parentPlace], error) {
	r := t.ranges[page]
	if x := t.Index(r.Archive); x != t.reading {
		t.closeRead()
		t.reading = x
	}
	for c, err := range t.Chunks(r) {
		if err != nil {
			return list, err
		}
		list = append(list, dedup.Record[parentPlace]{Hash: c.Hash, Value: placeOf(c)})
		if len(list) == 4*parentPage {
			break // an index with many chunks in the gaps of a page
		}
	}
	return list, nil
}

// closeRead closes the file of the parent that was read last.
func (t *parentTable) closeRead() {
	for _, p := range t.given {
		if p.Index == t.reading {
			p.Close()
		}
	}
}

func (t *parentTable) close() {
	t.closeRead()
	t.Table.Close()
	if t.replaced != nil {
		t.replaced.Close()
	}
}

// loaded is called after the last load. If chunks may be overlooked, it takes limit bytes for those
// that are not, and reports that.
func (t *parentTable) loaded(limit int64, temp func() (dedup.File, error)) (overlooks bool) {
	if t.chunks.Rate() > 1 {
		t.replaced = dedup.NewTable(limit, temp)
	}
	return t.replaced != nil
}

// refer turns e into a reference to a parent if a parent has its chunk.
func (t *parentTable) refer(e *stream.Entry) (bool, error) {
	at, ok, err := t.chunks.Lookup(e.Hash)
	ok = ok && int64(at.length) == e.Len
	if err == nil && t.replaced != nil {
		at, ok, err = t.remember(e, at, ok)
	}
	if !ok || err != nil {
		return false, err
	}
	e.Kind, e.Parent, e.Ordinal, e.Patch = stream.ParentRef, t.Numbers[at.parent], int64(at.ordinal), nil
	return true, nil
}

// remember notes what became of a chunk, and returns what became of the target of a reference.
func (t *parentTable) remember(e *stream.Entry, at parentPlace, found bool) (parentPlace, bool, error) {
	switch {
	case found && e.Kind.IsStored():
		return at, true, t.replaced.Add(e.Hash, uint64(at.parent)<<32|uint64(at.ordinal))
	case !found && e.Kind == stream.Ref:
		v, ok, err := t.replaced.Lookup(e.Hash)
		return parentPlace{uint32(v >> 32), uint32(e.Len), uint32(v)}, ok, err
	}
	return at, found, nil
}

// took reports whether an own base of a patch has become a reference to a parent.
func (t *parentTable) took(base stream.Base) (took bool, err error) {
	if base.Parent != stream.OwnBase {
		return false, nil
	}
	if t.replaced != nil {
		_, took, err = t.replaced.Lookup(base.Hash)
	} else {
		_, took, err = t.chunks.Lookup(base.Hash)
	}
	return took, err
}

// cutAs reports whether one of the parents' streams was cut with the parameters of chunker, or
// there are no parents.
func (t *parentTable) cutAs(chunker stream.Meta) bool {
	for _, c := range t.chunkers {
		if reflect.DeepEqual(c, chunker) {
			return true
		}
	}
	return len(t.chunkers) == 0
}

// bytes returns the memory that the table takes, but for replaced.
func (t *parentTable) bytes() int64 {
	return t.chunks.Bytes() + t.Table.Bytes() + int64(cap(t.ranges))*int64(unsafe.Sizeof(fold.Range{}))
}
