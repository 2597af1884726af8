package stream

import (
	"encoding/binary"
	"slices"

	"hexz/pkg/blake"
)

// The content tree. Its leaves are the records of a stream: one of each chunk, and one of each run
// of zeros and holes, however it is cut into entries. A node of level 0 is a sequence of records,
// and a node of level k is a sequence of the records of nodes of level k-1. The records alone say
// where a node ends, so an edit changes the nodes above it, and few beside them.
//
// The prolly trees of Noms and Dolt are cut in the same way.
const (
	recordSize = 8 + blake.Size

	minNode = 16  // records of a node, if it is not the last of its level
	maxNode = 256 // a node ends with the first chunk or node after that many records, at the latest

	// A node ends after a record whose hash has these bits of its last byte clear. That is one record
	// in 8, so a node has 23 records in the mean, and the node of a random record 26. The sizes are to
	// be near each other, since a change costs all records of a node of each level.
	nodeMask = 7

	messageCap = 16 << 10 // more than a node has, so that package blake need not copy it

	// MaxLevel is the highest level of a node. A stream of 2^63 chunks needs no more than 16.
	MaxLevel = 23
)

var nodeContext = blake.NewContext("hexz 2026-11-25 content tree node v1")

// Tree computes the root of a stream: the digest of the top of its content tree. The root depends
// on the content and on where chunks were cut. It does not depend on dedup, on codecs, on the bounds
// of segments, or on which zeros are a hole. A Tree takes 16 KiB of memory for each level.
// The zero Tree is ready for use.
type Tree struct {
	// Ended, if not nil, is called for each node as soon as it is known where it ends, also for those
	// that Sum ends, from the lowest level up. It is not called for nodes that AddNode adds.
	Ended func(Node)

	levels  []treeLevel
	run     int64 // length of a zero or hole run that may go on
	holeAt  int64 // where the last hole in it begins
	holeLen int64 // or 0
}

// Node is a node of a content tree.
type Node struct {
	Level int
	Len   int64 // bytes of content
	Hash  Hash

	// Holes tells which zeros of the node are holes, which Hash does not tell. Two nodes of one Hash
	// have the same holes if they have the same number. 0 is none.
	Holes int64
}

// Ref returns an entry for the node, where it stands at an offset of a stream of a parent.
func (n *Node) Ref(parent int32, streamNo int, offset int64) Entry {
	return Entry{
		Kind: NodeRef, Len: n.Len, Hash: n.Hash, Level: uint8(n.Level), Holes: n.Holes,
		Parent: parent, Stream: uint16(streamNo), Offset: offset, Ordinal: NoOrdinal,
	}
}

// Node returns the node that e, a NodeRef, stands for.
func (e *Entry) Node() Node { return Node{int(e.Level), e.Len, e.Hash, e.Holes} }

// treeLevel is a level of a tree, with the node that may go on.
type treeLevel struct {
	message []byte // what the digest of that node covers: the level, then the records
	records int    // of that node
	size    int64  // bytes of content of that node
	holes   uint64 // of that node, see mix
	nodes   int    // how many have ended
	last    Node   // the last of them
}

// Add adds an entry. It returns an error only for a node that does not fit.
func (t *Tree) Add(e *Entry) error {
	if err := t.hasRoom(); err != nil {
		return err
	}
	switch {
	case e.Kind.IsRun():
		t.addRun(e)
		return nil
	case e.Kind == NodeRef:
		return t.addNode(e.Node())
	}
	t.endRun()
	t.addRecord(0, e.Len, &e.Hash, false)
	return nil
}

// addRun adds to the run.
func (t *Tree) addRun(e *Entry) {
	if e.Kind == Hole {
		if t.holeAt+t.holeLen < t.run {
			t.endHole()
			t.holeAt = t.run
		}
		t.holeLen += e.Len
	}
	t.run += e.Len
}

// addNode adds all that a node holds.
func (t *Tree) addNode(n Node) error {
	if err := t.mayBegin(n.Level); err != nil {
		return err
	}
	for k := range n.Level {
		t.level(k).nodes += 2 // some, but more than one: or that one would be the top
	}
	t.addEnded(n)
	return nil
}

// Takes returns an error unless e can come next: a node may begin only where none of its level or a
// lower one goes on.
func (t *Tree) Takes(e *Entry) error {
	if err := t.hasRoom(); err != nil || e.Kind != NodeRef {
		return err
	}
	return t.mayBegin(int(e.Level))
}

// hasRoom returns an error if nothing can follow: a node of the highest level would not be the root
// then.
func (t *Tree) hasRoom() error {
	if len(t.levels) > MaxLevel && t.levels[MaxLevel].nodes > 0 {
		return corruptf("a node of level %d is not alone", MaxLevel)
	}
	return nil
}

// mayBegin returns an error unless an entry for a node of a level can come next.
func (t *Tree) mayBegin(level int) error {
	for k := range min(level+1, max(len(t.levels), 1)) {
		if k == 0 && t.run > 0 || k < len(t.levels) && t.levels[k].records > 0 {
			return corruptf("a node of level %d begins within a node of level %d", level, k)
		}
	}
	return nil
}

// Sum returns the root of all entries added. The root of a stream of no bytes is the digest of a
// node without records. After Sum nothing can be added until Reset.
func (t *Tree) Sum() Hash {
	top := t.Top()
	return top.Hash
}

// Top is Sum for the node at the top.
func (t *Tree) Top() Node {
	t.endRun()
	if len(t.levels) == 0 {
		t.level(0)
		t.endNode(0)
	}
	var top Node
	for k := range MaxLevel + 1 {
		if t.level(k).records > 0 {
			t.endNode(k)
		}
		if top = t.levels[k].last; t.levels[k].nodes == 1 {
			break // the first level of a single node
		}
	}
	return top
}

// NodeOf returns the node of a level that holds all entries added, if there is one. After NodeOf
// nothing can be added until Reset.
func (t *Tree) NodeOf(level int) (n Node, ok bool) {
	t.endRun()
	for k := range level + 1 {
		if t.level(k).records > 0 {
			t.endNode(k)
		}
	}
	l := t.level(level)
	return l.last, l.nodes == 1
}

// Clone returns a copy of the tree so far, without Ended.
func (t *Tree) Clone() *Tree {
	c := &Tree{levels: slices.Clone(t.levels), run: t.run, holeAt: t.holeAt, holeLen: t.holeLen}
	for k := range c.levels {
		c.levels[k].message = slices.Clone(c.levels[k].message)
	}
	return c
}

// Reset starts the tree of another stream.
func (t *Tree) Reset() { t.levels, t.run, t.holeAt, t.holeLen = t.levels[:0], 0, 0, 0 }

// level returns level k, which may be a new one.
func (t *Tree) level(k int) *treeLevel {
	for n := len(t.levels); n <= k; n = len(t.levels) {
		if n < cap(t.levels) {
			t.levels = t.levels[:n+1] // the memory of an earlier stream
		} else {
			t.levels = append(t.levels, treeLevel{message: make([]byte, 0, messageCap)})
		}
		t.levels[n] = treeLevel{message: append(t.levels[n].message[:0], byte(n))}
	}
	return &t.levels[k]
}

func (t *Tree) endRun() {
	if t.run > 0 {
		t.endHole()
		t.addRecord(0, t.run, &Hash{}, true)
		t.run, t.holeAt = 0, 0
	}
}

// endHole adds the last hole of the run to the node that goes on.
func (t *Tree) endHole() {
	if t.holeLen > 0 {
		l := t.level(0)
		l.mix(l.size+t.holeAt, t.holeLen)
		t.holeLen = 0
	}
}

// mix adds a hole of a node of level 0, or the holes of a node below. at is the offset in the node.
// It is FNV-1a on words of 64 bits. A collision would only make a hole of zeros or zeros of a hole.
func (l *treeLevel) mix(at, holes int64) {
	for _, v := range []int64{at, holes} {
		l.holes = (l.holes ^ uint64(v)) * 0x100000001b3
	}
}

// addRecord adds a record to level k. That of a run ends no node, since only the next record tells
// how long the run is.
func (t *Tree) addRecord(k int, n int64, hash *Hash, run bool) {
	l := t.level(k)
	l.message = binary.LittleEndian.AppendUint64(l.message, uint64(n))
	l.message = append(l.message, hash[:]...)
	l.records++
	l.size += n
	if run || l.records < minNode {
		return
	}
	if hash[blake.Size-1]&nodeMask == 0 || l.records >= maxNode {
		t.endNode(k)
	}
}

// endNode ends the node of level k that goes on.
func (t *Tree) endNode(k int) {
	l := &t.levels[k]
	n := Node{k, l.size, nodeContext.Sum(l.message), int64(l.holes >> 1)}
	l.message, l.records, l.size, l.holes = l.message[:1], 0, 0, 0
	if t.Ended != nil {
		t.Ended(n)
	}
	t.addEnded(n)
}

// addEnded adds a whole node to its level and the one above.
func (t *Tree) addEnded(n Node) {
	l := t.level(n.Level)
	l.nodes++
	l.last = n
	if n.Level < MaxLevel {
		if n.Holes > 0 {
			up := t.level(n.Level + 1)
			up.mix(up.size, n.Holes)
		}
		t.addRecord(n.Level+1, n.Len, &n.Hash, false)
	}
}
