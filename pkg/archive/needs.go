package archive

import (
	"errors"
	"math"

	"hexz/pkg/index"
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
	n := &needs{looked: map[index.Hash]error{}, needed: map[index.Hash]error{}, taken: map[*Reader]map[int64]bool{}, seen: map[neededPart]bool{}}
	if to-from > wideRange && r.parents.lookAll(n.looked) {
		return nil
	}
	for no := firstStream; no < endStream; no++ {
		if err := n.entries(r, no, max(from, 0), min(to, r.Root.Info.Streams[no].Size), index.AnyLevel); err != nil {
			return err
		}
	}
	if err := n.patches(); err != nil {
		return err
	}
	var list []error
	for i := range r.Root.Info.Parents {
		if id := r.Root.Info.Parents[i].ID; n.needed[id] != nil {
			list = append(list, n.needed[id])
		}
	}
	return joinMissing(list)
}

// wideRange is how many bytes of a stream are so many that all parents are looked for before it is
// found out which are needed: if all are there, nothing more need be read.
const wideRange = 1 << 30

// lookAll looks for all parents, and reports whether all are found. It adds what it finds to looked.
func (p *parentList) lookAll(looked map[index.Hash]error) bool {
	all := true
	for i := range p.list {
		err := p.family.look(&p.list[i])
		looked[p.list[i].ID] = err
		all = all && err == nil
	}
	return all
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

// needs finds out which absent parents are needed. The parents of parents that are needed are
// parents of the archive as well.
type needs struct {
	looked map[index.Hash]error       // nil for those that were found, by their ids
	needed map[index.Hash]error       // those that were not, and are needed
	taken  map[*Reader]map[int64]bool // chunks that are taken from the other parents
	seen   map[neededPart]bool
}

// neededPart is a part of a node, which need not be looked at again.
type neededPart struct {
	r        *Reader
	stream   uint16
	level    uint8
	from, to int64
}

// need records that a parent of r is needed. It reports whether the parent is there.
func (n *needs) need(r *Reader, parent int32) bool {
	p := &r.Root.Info.Parents[parent]
	err, known := n.looked[p.ID]
	if !known {
		err = r.parents.family.look(p)
		n.looked[p.ID] = err
	}
	if err != nil {
		n.needed[p.ID] = err
	}
	return err == nil
}

// entries records which parents a range of a stream of r needs. Nodes must be below level.
func (n *needs) entries(r *Reader, streamNo int, from, to int64, level int) error {
	for e, err := range r.Range(streamNo, from, to) {
		if err == nil {
			err = n.entry(r, e.Entry, max(from-e.Offset, 0), min(to-e.Offset, e.Len), level)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry records which parents an entry of r needs, if it is a node from byte from of it up to byte
// to. Damage to parents is left to what reads them.
func (n *needs) entry(r *Reader, e *stream.Entry, from, to int64, level int) error {
	var err error
	switch e.Kind {
	case stream.ParentRef:
		if n.need(r, e.Parent) {
			err = r.parents.with(int(e.Parent), func(from *Reader) error {
				n.take(from, e.Ordinal)
				return nil
			})
		}
	case stream.NodeRef:
		if n.need(r, e.Parent) {
			err = r.parents.node(e, level, needing, func() int64 { return from }, func(p *Reader) error {
				return n.node(p, e, from, to)
			})
		}
	case stream.Patched:
		n.bases(r, e)
	}
	if errors.Is(err, stream.ErrCorrupt) {
		err = nil
	}
	return err
}

// node records which parents are needed from byte from of e, a node, up to byte to. r is the parent
// that holds e.
func (n *needs) node(r *Reader, e *stream.Entry, from, to int64) error {
	part := neededPart{r, e.Stream, e.Level, e.Offset + from, e.Offset + to}
	if n.seen[part] {
		return nil
	}
	n.seen[part] = true
	return n.entries(r, int(e.Stream), part.from, part.to, int(e.Level))
}

// take records that a chunk of from is taken. Only a patch can need further archives.
func (n *needs) take(from *Reader, ordinal int64) {
	if from.Root.Info.Totals.Patch.N == 0 {
		return
	}
	if n.taken[from] == nil {
		n.taken[from] = map[int64]bool{}
	}
	n.taken[from][ordinal] = true
}

// bases records which parents of r a patch of r needs.
func (n *needs) bases(r *Reader, e *stream.Entry) {
	for _, b := range e.Patch.Bases {
		if b.Parent != stream.OwnBase {
			n.need(r, b.Parent)
		}
	}
}

// patches records which parents are needed by the patches among the taken chunks.
func (n *needs) patches() error {
	for from, taken := range n.taken {
		for no := range from.Root.Info.Streams {
			for e, err := range from.Range(no, 0, from.Root.Info.Streams[no].Size) {
				if errors.Is(err, stream.ErrCorrupt) {
					break // reading the chunks will report damage
				}
				if err != nil {
					return err
				}
				if e.Kind == stream.Patched && taken[e.Ordinal] {
					n.bases(from, e.Entry)
				}
			}
		}
	}
	return nil
}
