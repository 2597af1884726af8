package archive

import (
	"errors"
	"iter"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// This file goes along a stream by the index: by entries, or past whole nodes without their entries.

// Numbering returns the number that entries have for an archive: for one that is read, or for a
// parent of it.
type Numbering func(stream.Parent) (int32, error)

// NodesAt returns entries for the nodes of the content tree of a stream that begin at an offset, the
// highest first. A node that stands in a parent refers to that parent. If a parent is missing, the
// nodes in it are left out.
func (r *Reader) NodesAt(streamNo int, off int64, number Numbering) ([]stream.Entry, error) {
	return r.nodesBelow(index.AnyLevel, r.self(), streamNo, off, number)
}

// as returns r as parent n of p.
func (r *Reader) as(p *parentList, n int32) stream.Parent {
	if r.other != nil { // it has another id than what it stands for
		return p.list[n]
	}
	return r.self()
}

// nodesBelow is NodesAt for the nodes below a level. own is r as a parent.
func (r *Reader) nodesBelow(level int, own stream.Parent, streamNo int, off int64, number Numbering) (list []stream.Entry, err error) {
	outer, err := r.nodeOver(streamNo, off)
	if err != nil {
		return nil, err
	}
	least := 0 // r has no lower nodes there
	if outer != nil {
		least = int(outer.Level) + 1
	}
	n, err := number(own)
	if err != nil {
		return nil, err
	}
	for k := least; k < min(level, r.Levels()); k++ {
		node, ok, err := r.NodeAt(k, streamNo, off)
		if err != nil {
			return nil, err
		}
		if !ok {
			break // what begins here is part of all higher nodes, but not their beginning
		}
		list = append(list, node.Ref(n, streamNo, off))
	}
	if top := r.Top(streamNo); off == 0 && top.Len > 0 && top.Level >= least && top.Level < level {
		list = append(list, top.Ref(n, streamNo, 0))
	}
	slices.Reverse(list)
	if outer == nil {
		return list, nil
	}
	if outer.Offset == off {
		e := *outer.Entry
		if e.Parent, err = number(r.Info().Parents[e.Parent]); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	inner, err := r.innerNodes(level, outer, off, number)
	if errors.Is(err, ErrParent) {
		return list, nil
	}
	return append(list, inner...), err
}

// nodeOver returns the entry for a node that holds an offset, or nil if that is not in one.
func (r *Reader) nodeOver(streamNo int, off int64) (*index.Leaf, error) {
	if r.Info().Totals.Node.N == 0 {
		return nil, nil
	}
	for e, err := range r.Range(streamNo, off, min(off+1, r.Info().Streams[streamNo].Size)) {
		if err != nil || e.Kind != stream.NodeRef {
			return nil, err
		}
		copied := *e.Entry
		return &index.Leaf{Entry: &copied, Offset: e.Offset, Ordinal: e.Ordinal}, nil
	}
	return nil, nil
}

// innerNodes is nodesBelow for what a parent has of outer, a node that holds the offset.
func (r *Reader) innerNodes(level int, outer *index.Leaf, off int64, number Numbering) (list []stream.Entry, err error) {
	skip := off - outer.Offset
	err = r.parents.node(outer.Entry, level, planning, func() int64 { return skip }, func(from *Reader) (err error) {
		list, err = from.nodesBelow(int(outer.Level), from.as(&r.parents, outer.Parent), int(outer.Stream), outer.Entry.Offset+skip, number)
		return err
	})
	return list, err
}

// EntriesFrom yields the content of a stream from an offset on: runs, and references to the archives
// that store the chunks. At the offset a chunk must begin, or there must be a run.
func (r *Reader) EntriesFrom(streamNo int, off int64, number Numbering) iter.Seq2[stream.Entry, error] {
	return func(yield func(stream.Entry, error) bool) {
		size := r.Info().Streams[streamNo].Size
		x := &expansion{number: number, yield: yield}
		for f, err := range r.EntriesIn(streamNo, 0, size, off) {
			if err != nil {
				yield(stream.Entry{}, err)
				return
			}
			skip := max(off-f.Offset, 0)
			if f.Kind == stream.NodeRef {
				x.done = skip
				if err := x.whole(&r.parents, f.Entry); err != nil {
					yield(stream.Entry{}, err)
					return
				}
			} else if err := x.part(r, r.self(), f, index.AnyLevel, skip); err != nil {
				yield(stream.Entry{}, err)
				return
			}
			if x.stop {
				return
			}
		}
	}
}
