package fold

import (
	"hexz/pkg/stream"
)

// Table knows the nodes of the content trees of some archives, the parents, and numbers these as
// the Parent frames of an output do. The zero Table knows none.
type Table struct {
	Parents []stream.Parent // those given, and their parents
	Numbers []int32         // of Parents in the output; nil until Number
	Absent  int64           // bytes of nodes that stand in archives that were not found

	nodes   map[stream.Hash]place
	working int64                 // bytes that Add takes and gives back
	seen    map[stream.Hash]int32 // numbers of the Parent frames on the output
}

// place says where a node stands as entries.
type place struct {
	parent uint32 // number in Parents
	stream uint16
	level  uint8
	len    int64
	offset int64
	holes  int64 // see stream.Node
}

// nodeMemory is what a node takes in a Table, in bytes, in the mean.
const nodeMemory = 120

// Bytes returns the memory that the Table takes.
func (t *Table) Bytes() int64 { return int64(len(t.nodes))*nodeMemory + t.working }

// add adds a node, unless it is known, or empty: then there is nothing to stand for.
func (t *Table) add(hash stream.Hash, at place) {
	if at.len == 0 {
		return
	}
	if t.nodes == nil {
		t.nodes = map[stream.Hash]place{}
	}
	if _, ok := t.nodes[hash]; !ok {
		t.nodes[hash] = at
	}
}

// find returns an entry for a node, if a parent has it.
func (t *Table) find(n stream.Node) (e stream.Entry, ok bool) {
	at, ok := t.nodes[n.Hash]
	if !ok || int(at.level) != n.Level || at.len != n.Len || at.holes != n.Holes {
		return e, false
	}
	return n.Ref(t.Numbers[at.parent], int(at.stream), at.offset), true
}

// parent returns the number of an archive in Parents.
func (t *Table) parent(p stream.Parent) uint32 {
	for i := range t.Parents {
		if t.Parents[i].ID == p.ID {
			return uint32(i)
		}
	}
	t.Parents = append(t.Parents, p)
	return uint32(len(t.Parents) - 1)
}

// Pass notes a Parent frame that is written before Number is called.
func (t *Table) Pass(f *stream.Parent) {
	if t.seen == nil {
		t.seen = map[stream.Hash]int32{}
	}
	t.seen[f.ID] = int32(f.Index)
}

// Number numbers the parents after those that were passed. The first call returns the frames to be
// written.
func (t *Table) Number() []*stream.Parent {
	if t.Numbers != nil {
		return nil
	}
	t.Numbers = make([]int32, 0, len(t.Parents))
	var frames []*stream.Parent
	for i := range t.Parents {
		p := &t.Parents[i]
		n, ok := t.seen[p.ID]
		if !ok {
			n = int32(len(t.seen) + len(frames))
			p.Index = int64(n)
			frames = append(frames, p)
		}
		t.Numbers = append(t.Numbers, n)
	}
	return frames
}
