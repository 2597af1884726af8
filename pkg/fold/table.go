package fold

import (
	"encoding/binary"
	"iter"

	"hexz/pkg/dedup"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Table knows the nodes of the content trees of some archives, the parents, and numbers these as
// the Parent frames of an output do. The zero Table knows none, and has no limit.
type Table struct {
	Parents []stream.Parent // those given, and their parents
	Numbers []int32         // of Parents in the output; nil until Number
	Absent  int64           // bytes of nodes that stand in archives that were not found

	nodes   dedup.Sparse[place]
	file    *dedup.FileStore[place] // of nodes; nil if there is no limit
	pages   *index.PageCache        // of all parents
	scans   []*scan                 // of Parents; nil for those that were not opened
	working int64                   // bytes that Add takes and gives back
	seen    map[stream.Hash]int32   // numbers of the Parent frames on the output
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

// placeLayout is that of a place in a file.
var placeLayout = dedup.Layout[place]{
	Size: 4 + 2 + 1 + 3*8,
	Put: func(b []byte, p place) {
		binary.LittleEndian.PutUint32(b, p.parent)
		binary.LittleEndian.PutUint16(b[4:], p.stream)
		b[6] = p.level
		binary.LittleEndian.PutUint64(b[7:], uint64(p.len))
		binary.LittleEndian.PutUint64(b[15:], uint64(p.offset))
		binary.LittleEndian.PutUint64(b[23:], uint64(p.holes))
	},
	Get: func(b []byte) place {
		return place{
			parent: binary.LittleEndian.Uint32(b), stream: binary.LittleEndian.Uint16(b[4:]), level: b[6],
			len: int64(binary.LittleEndian.Uint64(b[7:])), offset: int64(binary.LittleEndian.Uint64(b[15:])),
			holes: int64(binary.LittleEndian.Uint64(b[23:])),
		}
	},
}

// nodePage is how many nodes are read from a file at a time.
const nodePage = 256

// NewTable returns an empty Table that holds limit bytes of nodes in memory, at least 256 KiB. What is
// over it is in a file, which it asks temp for. Pages of the indexes of parents take as much again, from
// 1 to 12 MiB. Close it after use.
func NewTable(limit int64, temp func() (dedup.File, error)) *Table {
	file := dedup.NewFileStore(temp, placeLayout)
	pages := index.NewPageCache(min(max(limit, minPages), index.DefaultPages))
	return &Table{nodes: *dedup.NewSparse(limit, nodePage, file), file: file, pages: pages}
}

// minPages is the least memory for pages of the indexes of parents, in bytes.
const minPages = 1 << 20

// Close closes the file of nodes.
func (t *Table) Close() {
	if t.file != nil {
		t.file.Close()
	}
}

// Bytes returns the memory that the nodes take, in bytes.
func (t *Table) Bytes() int64 { return t.nodes.Bytes() + t.working }

// Err returns why nodes are missing, or nil: the error of the file of nodes.
func (t *Table) Err() error { return t.nodes.Err() }

// add adds a node, unless it is known, or empty: then there is nothing to stand for.
func (t *Table) add(hash stream.Hash, at place) error {
	if at.len == 0 {
		return nil
	}
	_, err := t.nodes.Add(hash, at)
	return err
}

// Node returns an entry for a node, if a parent has it. Call Number before.
func (t *Table) Node(n stream.Node) (e stream.Entry, ok bool, err error) {
	at, ok, err := t.nodes.Lookup(n.Hash)
	if !ok || int(at.level) != n.Level || at.len != n.Len || at.holes != n.Holes {
		return e, false, err
	}
	return n.Ref(t.Numbers[at.parent], int(at.stream), at.offset), true, err
}

// Range is a part of a stream of a parent.
type Range struct {
	Archive  uint32 // its number in Table.Parents
	Stream   int
	From, To int64
}

// Chunks reads the chunks of a range again, from the index that had them in Add, and those around
// it.
func (t *Table) Chunks(r Range) iter.Seq2[Chunk, error] {
	s := t.scans[r.Archive]
	return func(yield func(Chunk, error) bool) {
		for e, err := range s.x.Range(r.Stream, r.From, r.To) {
			if err != nil {
				yield(Chunk{}, err)
				return
			}
			if c, ok := s.chunk(e, r.Stream); ok && !yield(c, nil) {
				return
			}
		}
	}
}

// Index returns the index of a parent by its number in Parents, or nil if it was not opened.
func (t *Table) Index(number uint32) *index.Index {
	if s := t.scans[number]; s != nil {
		return s.x
	}
	return nil
}

// parent returns the number of an archive in Parents.
func (t *Table) parent(p stream.Parent) uint32 {
	for i := range t.Parents {
		if t.Parents[i].ID == p.ID {
			return uint32(i)
		}
	}
	t.Parents, t.scans = append(t.Parents, p), append(t.scans, nil)
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
