package archive

import (
	"errors"
	"math"
	"slices"

	"hexz/pkg/stream"
)

// CheckParents looks for all parents that the content needs, before anything is read. The error is
// an ErrParent that names all missing parents, or says which parent cannot be read. Parents that
// the content does not use may be missing.
func (r *Reader) CheckParents() error {
	return r.checkParents(0, len(r.Root.Info.Streams), 0, math.MaxInt64)
}

// CheckParentsOf is CheckParents for a range of one stream, given by its number.
func (r *Reader) CheckParentsOf(streamNo int, from, to int64) error {
	return r.checkParents(streamNo, streamNo+1, from, to)
}

func (r *Reader) checkParents(firstStream, endStream int, from, to int64) error {
	if err := r.Locked(); err != nil {
		return err
	}
	absent := r.parents.absent()
	if len(absent) == 0 {
		return nil
	}
	n := &needs{r: r, absent: absent, taken: map[int32]map[int64]bool{}}
	err := r.entriesIn(firstStream, endStream, from, to, n.entry)
	if err == nil {
		err = n.patches()
	}
	if err != nil {
		return err
	}
	return n.error()
}

// absent returns the errors of the parents that are not found, by their numbers.
func (p *parentList) absent() map[int32]error {
	list := map[int32]error{}
	for i := range p.list {
		if err := p.family.look(&p.list[i]); err != nil {
			list[int32(i)] = err
		}
	}
	return list
}

// look returns nil if there is a copy of a parent. It does not open the copy.
func (f *family) look(want *stream.Parent) error {
	if f.o.Find == nil {
		return missing(want)
	}
	var worst error
	for _, err := range f.o.Find(want) {
		if err == nil {
			return nil
		}
		worst = worse(worst, err)
	}
	return worst
}

// needs finds out which absent parents are needed.
type needs struct {
	r      *Reader
	absent map[int32]error
	needed []int32                  // numbers from absent, each once
	taken  map[int32]map[int64]bool // chunks that are taken from the other parents
}

func (n *needs) need(parent int32) {
	if n.absent[parent] != nil && !slices.Contains(n.needed, parent) {
		n.needed = append(n.needed, parent)
	}
}

// entry records which parents an entry of r needs.
func (n *needs) entry(e *stream.Entry) {
	switch e.Kind {
	case stream.ParentRef:
		if n.need(e.Parent); n.absent[e.Parent] == nil {
			if n.taken[e.Parent] == nil {
				n.taken[e.Parent] = map[int64]bool{}
			}
			n.taken[e.Parent][e.Ordinal] = true
		}
	case stream.Patched:
		for _, b := range e.Patch.Bases {
			if b.Parent != stream.OwnBase {
				n.need(b.Parent)
			}
		}
	}
}

// patches records which parents are needed by the patches among the taken chunks.
func (n *needs) patches() error {
	for parent, taken := range n.taken {
		err := n.r.parents.with(int(parent), func(from *Reader) error {
			if from.Root.Info.Totals.Patch.N == 0 {
				return nil
			}
			next := int64(0)
			return from.entriesIn(0, len(from.Root.Info.Streams), 0, math.MaxInt64, func(e *stream.Entry) {
				if !e.Kind.IsStored() {
					return
				}
				if e.Kind == stream.Patched && taken[next] {
					for _, b := range e.Patch.Bases {
						n.needByID(from, b.Parent)
					}
				}
				next++
			})
		})
		if err != nil && !errors.Is(err, stream.ErrCorrupt) { // reading the chunks will report damage
			return err
		}
	}
	return nil
}

// needByID records that a parent of a parent is needed.
func (n *needs) needByID(from *Reader, parent int32) {
	if parent == stream.OwnBase {
		return
	}
	id := from.Root.Info.Parents[parent].ID
	for i := range n.absent {
		if n.r.Root.Info.Parents[i].ID == id {
			n.need(i)
		}
	}
}

// error joins the errors of the needed parents.
func (n *needs) error() error {
	var list []error
	slices.Sort(n.needed)
	for _, i := range n.needed {
		list = append(list, n.absent[i])
	}
	return joinMissing(list)
}

// entriesIn calls visit for the entries of a range of some streams, from the index alone.
func (r *Reader) entriesIn(firstStream, endStream int, from, to int64, visit func(e *stream.Entry)) error {
	for n := range r.Root.Entries {
		begin, end := r.Root.Firsts[n].Position, r.EndOfPage(n).Position
		if begin.Stream >= endStream || end.Stream < firstStream {
			continue
		}
		if firstStream+1 == endStream && (begin.Stream == firstStream && begin.Offset >= to || end.Stream == firstStream && end.Offset <= from) {
			continue
		}
		for s, err := range r.SegmentsOf(n) {
			if err != nil {
				return err
			}
			off := s.Offset
			for i := range s.Entries {
				e := &s.Entries[i]
				if s.Stream >= firstStream && s.Stream < endStream && off < to && off+e.Len > from {
					visit(e)
				}
				off += e.Len
			}
		}
	}
	return nil
}
