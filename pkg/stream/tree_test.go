package stream

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"lukechampine.com/blake3"
)

// wantNode is a node as the document describes it, made from lists of records.
type wantNode struct {
	Node
	first int // index of its first record in the list of its level
}

// wantTree returns the nodes of all levels of a tree, up to the top. It makes one level after the
// other, where Tree makes all at once.
func wantTree(entries []Entry) (levels [][]wantNode) {
	var records []Node
	holes, at := []extent{}, int64(0)
	for _, e := range entries {
		if k := len(holes) - 1; e.Kind != Hole {
		} else if k >= 0 && holes[k].at+holes[k].len == at {
			holes[k].len += e.Len
		} else {
			holes = append(holes, extent{at, e.Len})
		}
		at += e.Len
		r := Node{Len: e.Len, Hash: e.Hash}
		if e.Kind.IsRun() {
			r.Hash = Hash{}
			if k := len(records) - 1; k >= 0 && records[k].Hash == (Hash{}) {
				records[k].Len += r.Len
				continue
			}
		}
		records = append(records, r)
	}
	for level := 0; ; level++ {
		var nodes []wantNode
		var above []extent // what tells of the holes of the nodes of the next level
		at := int64(0)
		for first := 0; first < len(records) || len(nodes) == 0; {
			end := first
			for end < len(records) {
				r := records[end]
				end++
				whole := r.Hash[31]%8 == 0 && end-first >= 16 || end-first >= 256
				if whole && r.Hash != (Hash{}) {
					break
				}
			}
			message, size := []byte{byte(level)}, int64(0)
			var parts []int64 // what the number of the holes is made of
			for _, r := range records[first:end] {
				message = binary.LittleEndian.AppendUint64(message, uint64(r.Len))
				message = append(message, r.Hash[:]...)
				size += r.Len
			}
			n := wantNode{Node{Level: level, Len: size}, first}
			for ; len(holes) > 0 && holes[0].at < at+size; holes = holes[1:] {
				parts = append(parts, holes[0].at-at, holes[0].len)
			}
			if n.Holes = holesNumber(parts); n.Holes > 0 {
				above = append(above, extent{at, n.Holes})
			}
			at += size
			blake3.DeriveKey(n.Hash[:], "hexz 2026-11-25 content tree node v1", message)
			nodes = append(nodes, n)
			first = max(end, 1)
		}
		levels = append(levels, nodes)
		holes = above
		if len(nodes) == 1 {
			return levels
		}
		records = records[:0]
		for _, n := range nodes {
			records = append(records, n.Node)
		}
	}
}

// extent is a hole, or the number of the holes of a node, with an offset.
type extent struct{ at, len int64 }

// holesNumber computes the number of the holes of a node with numbers of any length.
func holesNumber(parts []int64) int64 {
	h, mod := new(big.Int), new(big.Int).Lsh(big.NewInt(1), 64)
	for _, v := range parts {
		h.Xor(h, big.NewInt(v))
		h.Mod(h.Mul(h, big.NewInt(0x100000001b3)), mod)
	}
	return h.Rsh(h, 1).Int64()
}

// randomEntries returns n entries: chunks, and some runs.
func randomEntries(seed uint64, n int) []Entry {
	rng := rand.New(rand.NewPCG(seed, 0))
	list := make([]Entry, n)
	for i := range list {
		e := Entry{Kind: Data, Len: 1 + rng.Int64N(1000)}
		for k := range e.Hash {
			e.Hash[k] = byte(rng.Uint32())
		}
		switch rng.IntN(12) {
		case 0:
			e = Entry{Kind: Zero, Len: e.Len}
		case 1:
			e = Entry{Kind: Hole, Len: e.Len}
		}
		list[i] = e
	}
	return list
}

func sumOf(t testing.TB, entries []Entry, ended func(Node)) Hash {
	t.Helper()
	top := topOf(t, entries, ended)
	return top.Hash
}

func topOf(t testing.TB, entries []Entry, ended func(Node)) Node {
	t.Helper()
	tree := Tree{Ended: ended}
	for i := range entries {
		if err := tree.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	return tree.Top()
}

// treeCases are streams of several shapes. Some have no cut but that of the limit, or one after
// every sixteenth record.
func treeCases() map[string][]Entry {
	cases := map[string][]Entry{
		"empty": nil, "one chunk": {dataEntry("abc")}, "one run": {run(Zero, 1<<40)},
		"holes": {run(Hole, 5), run(Hole, 6), run(Zero, 7), run(Zero, 1), run(Hole, 8), dataEntry("abc"), run(Zero, 9), run(Hole, 10)},
	}
	for _, n := range []int{15, 16, 17, 40, 300, 5000, 60000} {
		cases["random "+string(rune('a'+len(cases)))] = randomEntries(uint64(n), n)
	}
	for name, last := range map[string]byte{"no cuts": 1, "all cuts": 32} {
		e := dataEntry("x")
		e.Hash[31] = last
		cases[name] = slices.Repeat([]Entry{e}, 3000)
		cases[name+", runs between"] = slices.Repeat([]Entry{e, run(Hole, 5)}, 1500)
	}
	return cases
}

func TestTreeIsWhatTheDocumentSays(t *testing.T) {
	for name, entries := range treeCases() {
		levels := wantTree(entries)
		got := make([][]Node, MaxLevel+1)
		root := topOf(t, entries, func(n Node) { got[n.Level] = append(got[n.Level], n) })
		if top := levels[len(levels)-1][0]; root != top.Node {
			t.Errorf("%s: top %v, want %v", name, root, top.Node)
		}
		for k, nodes := range levels {
			if len(got[k]) != len(nodes) {
				t.Errorf("%s: %d nodes of level %d, want %d", name, len(got[k]), k, len(nodes))
				continue
			}
			for i := range nodes {
				if got[k][i] != nodes[i].Node {
					t.Errorf("%s: node %d of level %d is %v, want %v", name, i, k, got[k][i], nodes[i].Node)
				}
			}
		}
	}
}

// A stream in which nodes stand for their content has the same root, wherever they stand.
func TestTreeTakesNodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for name, entries := range treeCases() {
		if len(entries) == 0 {
			continue
		}
		want := topOf(t, entries, nil)
		for range 20 {
			with := withNodes(entries, wantTree(entries), rng)
			if got := topOf(t, with, nil); got != want {
				t.Errorf("%s: %d entries instead of %d: top %v, want %v", name, len(with), len(entries), got, want)
			}
		}
	}
}

// withNodes puts nodes in the place of entries at random. Only nodes of a tree that was made from
// lists of records have the number of their first record, so runs must stand alone.
func withNodes(entries []Entry, levels [][]wantNode, rng *rand.Rand) (out []Entry) {
	share := rng.IntN(4)
	starts := map[int64]wantNode{} // a node that begins at an offset
	for _, nodes := range levels {
		at := int64(0)
		for _, n := range nodes {
			if rng.IntN(4) < share {
				starts[at] = n
			}
			at += n.Len
		}
	}
	at, skip := int64(0), int64(0)
	for _, e := range entries {
		if n, ok := starts[at]; ok && at >= skip {
			out = append(out, Entry{Kind: NodeRef, Level: uint8(n.Level), Len: n.Len, Hash: n.Hash, Holes: n.Holes})
			skip = at + n.Len
		}
		if at >= skip {
			out = append(out, e)
		}
		at += e.Len
	}
	return out
}

// A node that does not begin where a node of its level begins is refused.
func TestTreeRefusesNodesThatAreNotAligned(t *testing.T) {
	n := Entry{Kind: NodeRef, Len: 5, Hash: Hash{1}}
	top := Entry{Kind: NodeRef, Len: 5, Level: MaxLevel, Hash: Hash{1}}
	high := Entry{Kind: NodeRef, Len: 5, Level: 1, Hash: Hash{1}}
	for name, entries := range map[string][]Entry{
		"after a chunk":               {dataEntry("abc"), n},
		"after a run":                 {run(Zero, 4), n},
		"after a node of lower level": {n, high},
		"two of the highest level":    {top, top},
		"zeros after the highest":     {top, run(Zero, 4)},
		"a chunk after the highest":   {top, dataEntry("abc")},
	} {
		var tree Tree
		var err error
		for i := range entries {
			before := tree.Takes(&entries[i])
			if err = tree.Add(&entries[i]); (err == nil) != (before == nil) {
				t.Errorf("%s: %v, before it was added: %v", name, err, before)
			}
		}
		if err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// The sum of a copy is that of what was added so far, and more can be added to the tree.
func TestTreeClones(t *testing.T) {
	entries := randomEntries(5, 3000)
	want := sumOf(t, entries, nil)
	var tree Tree
	for i := range entries {
		if i%100 == 0 && tree.Clone().Sum() != sumOf(t, entries[:i], nil) {
			t.Fatalf("the sum of %d entries is another", i)
		}
		if err := tree.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if tree.Sum() != want {
		t.Error("sums of clones have changed the tree")
	}
}

// An edit of one chunk of many changes one node of each level, or a few.
func TestTreeEditsAreLocal(t *testing.T) {
	entries := randomEntries(3, 100000)
	nodes := map[Node]bool{}
	sumOf(t, entries, func(n Node) { nodes[n] = true })
	levels, worst := len(wantTree(entries)), 0
	for i := 0; i < len(entries); i += 7919 {
		edited := slices.Clone(entries)
		edited[i] = dataEntry("another chunk")
		changed := 0
		sumOf(t, edited, func(n Node) {
			if !nodes[n] {
				changed++
			}
		})
		worst = max(worst, changed)
	}
	if worst > 4*levels {
		t.Errorf("%d nodes of %d levels differ after an edit of one chunk", worst, levels)
	}
}

func BenchmarkTree(b *testing.B) {
	entries := randomEntries(1, 10000)
	b.SetBytes(int64(len(entries)) * recordSize)
	for b.Loop() {
		sumOf(b, entries, nil)
	}
}
