package fold

import "hexz/pkg/stream"

// runTree makes a number for each node of a content tree that tells which of its zeros are holes.
// The digest of a node does not tell, but an archive that restores holes should find them again.
type runTree struct {
	levels [stream.MaxLevel + 2]uint64
	kind   stream.EntryKind // of the run that may go on
	run    int64            // its length
}

// unknownRuns stands for the number of a node if nobody has looked at its entries.
const unknownRuns = 0

// reset begins another stream.
func (t *runTree) reset() { *t = runTree{} }

// add adds an entry that is not a node.
func (t *runTree) add(e *stream.Entry) {
	if e.Kind.IsRun() && e.Kind == t.kind {
		t.run += e.Len
		return
	}
	t.endRun()
	if e.Kind.IsRun() {
		t.kind, t.run = e.Kind, e.Len
		return
	}
	t.mix(0, 1)
}

// addNode adds a node with its number.
func (t *runTree) addNode(level int, number uint64) {
	t.endRun()
	t.mix(level+1, number)
}

// end ends a node, and returns its number.
func (t *runTree) end(level int) uint64 {
	t.endRun()
	number := t.levels[level] | 1 // not unknown
	t.levels[level] = 0
	t.mix(level+1, number)
	return number
}

func (t *runTree) endRun() {
	if t.run > 0 {
		t.mix(0, uint64(t.kind))
		t.mix(0, uint64(t.run))
		t.kind, t.run = stream.Data, 0
	}
}

// mix is a step of FNV-1a on words of 64 bits. Collisions matter little: holes become zeros.
func (t *runTree) mix(level int, v uint64) {
	t.levels[level] = (t.levels[level] ^ v) * 0x100000001b3
}
