package fold

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hexz/pkg/dedup"
	"hexz/pkg/stream"
)

// randomEntries returns n entries: references to chunks of which some repeat, and runs.
func randomEntries(rng *rand.Rand, n int) []stream.Entry {
	var list []stream.Entry
	for len(list) < n {
		e := stream.Entry{Kind: stream.ParentRef, Len: 1 + rng.Int64N(1000), Ordinal: int64(len(list))}
		for k := range e.Hash {
			e.Hash[k] = byte(rng.Uint32())
		}
		switch rng.IntN(20) {
		case 0:
			e = stream.Entry{Kind: stream.Zero, Len: e.Len}
		case 1:
			e = stream.Entry{Kind: stream.Hole, Len: e.Len}
		case 2:
			if len(list) > 0 {
				from := rng.IntN(len(list))
				list = append(list, list[from:min(len(list), from+rng.IntN(200))]...)
			}
		}
		list = append(list, e)
	}
	return list
}

// edited returns the entries with some changes: chunks that no parent has, chunks that are gone, and
// zeros that become holes.
func edited(rng *rand.Rand, list []stream.Entry, edits int) []stream.Entry {
	list = slices.Clone(list)
	for range edits {
		i := rng.IntN(len(list))
		switch rng.IntN(4) {
		case 0:
			list[i] = stream.Entry{Kind: stream.Data, Len: 5, Hash: stream.Hash{byte(rng.Uint32()), byte(rng.Uint32()), 1}}
		case 1:
			list = slices.Delete(list, i, i+1)
		case 2:
			list = slices.Insert(list, i, randomEntries(rng, 1+rng.IntN(3))...)
		case 3:
			for k := i; k < len(list); k++ {
				if list[k].Kind == stream.Zero {
					list[k].Kind = stream.Hole
					break
				}
			}
		}
	}
	return list
}

// placed is a node with its offset, and what tells its holes from its zeros.
type placed struct {
	stream.Node
	offset int64
	runs   string
}

// nodesOf returns all nodes of the tree of entries.
func nodesOf(t testing.TB, list []stream.Entry) (nodes []placed) {
	t.Helper()
	at := int64(0)
	tree := stream.Tree{Ended: func(n stream.Node) { nodes = append(nodes, placed{n, at - n.Len, ""}) }}
	for i := range list {
		at += list[i].Len
		if err := tree.Add(&list[i]); err != nil {
			t.Fatal(err)
		}
	}
	tree.Sum()
	for i := range nodes {
		nodes[i].runs = runsOf(list, nodes[i].offset, nodes[i].offset+nodes[i].Len)
	}
	return nodes
}

// runsOf describes the runs between two offsets.
func runsOf(list []stream.Entry, from, to int64) string {
	text, at := "", int64(0)
	kind, start := stream.Data, int64(0)
	for i := range list {
		e := &list[i]
		if at >= from && at < to && e.Kind != kind {
			if kind.IsRun() {
				text += fmt.Sprint(kind, at-start, " ")
			}
			kind, start = e.Kind, at
		}
		if at >= to {
			break
		}
		if !e.Kind.IsRun() && at >= from {
			text += "."
		}
		at += e.Len
	}
	if kind.IsRun() {
		text += fmt.Sprint(kind, to-start)
	}
	return text
}

// tableOf returns a Table that knows the nodes of parent 0, and of each node the first.
func tableOf(nodes []placed, list []stream.Entry) *Table {
	return fill(&Table{}, list)
}

// fill adds the nodes of parent 0.
func fill(t *Table, list []stream.Entry) *Table {
	t.Numbers = []int32{0}
	var tree stream.Tree
	at := int64(0)
	tree.Ended = func(n stream.Node) {
		t.add(n.Hash, place{0, 0, uint8(n.Level), n.Len, at - n.Len, n.Holes})
	}
	for i := range list {
		at += list[i].Len
		tree.Add(&list[i])
	}
	tree.Sum()
	return t
}

// wantFolded returns the entries with the largest nodes that the parent has in their places. Nodes
// with a chunk that the parent does not have cannot be among them.
func wantFolded(t testing.TB, list []stream.Entry, parent []placed) (out []stream.Entry) {
	known := map[stream.Hash]placed{}
	for _, n := range parent {
		if _, ok := known[n.Hash]; !ok && n.Len > 0 {
			known[n.Hash] = n
		}
	}
	nodes := nodesOf(t, list)
	slices.SortStableFunc(nodes, func(a, b placed) int { return b.Level - a.Level })
	begins, ends := map[int64]placed{}, map[int64]bool{} // of the chosen nodes
	covered := func(off int64) bool {
		for from, n := range begins {
			if off >= from && off < from+n.Len {
				return true
			}
		}
		return false
	}
	for _, n := range nodes {
		k, ok := known[n.Hash]
		if ok && k.Level == n.Level && k.runs == n.runs && !covered(n.offset) {
			n.offset, k.offset = k.offset, n.offset // from here on the offset in the parent
			begins[k.offset] = n
			ends[k.offset+n.Len] = true
		}
	}
	at, skip := int64(0), int64(0)
	for _, e := range list {
		if n, ok := begins[at]; ok && at >= skip {
			out = append(out, stream.Entry{Kind: stream.NodeRef, Level: uint8(n.Level), Len: n.Len, Hash: n.Hash, Holes: n.Holes, Offset: n.offset, Ordinal: stream.NoOrdinal})
			skip = at + n.Len
		}
		if at >= skip {
			out = append(out, e)
		}
		at += e.Len
	}
	return out
}

// segmentLen returns up to n, but no more entries than those up to the second part with bytes.
func segmentLen(list []stream.Entry, n int) int {
	n = min(n, len(list))
	parts := 0
	for i := range n {
		if list[i].Kind.IsStored() && (i == 0 || !list[i-1].Kind.IsStored()) {
			if parts++; parts == 2 {
				return i
			}
		}
	}
	return n
}

// fold folds entries that come in segments of random lengths. It returns the most entries that were
// held.
func fold(t testing.TB, known *Table, list []stream.Entry, rng *rand.Rand) (out []stream.Entry, held int) {
	t.Helper()
	at := int64(0)
	put := func(off int64, entries []stream.Entry) error {
		if off != at {
			t.Fatalf("entries at offset %d, want %d", off, at)
		}
		out = append(out, entries...)
		for i := range entries {
			at += entries[i].Len
		}
		return nil
	}
	f := NewFolder(known, put)
	f.Open()
	off := int64(0)
	for len(list) > 0 {
		n := segmentLen(list, 1+rng.IntN(300))
		s := &stream.Segment{Offset: off, Entries: slices.Clone(list[:n])}
		off += s.Size()
		if err := f.Segment(s, func() error { return put(s.Offset, s.Entries) }); err != nil {
			t.Fatal(err)
		}
		list = list[n:]
		held = max(held, len(f.held))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if at != off {
		t.Fatalf("%d bytes of %d", at, off)
	}
	return out, held
}

// The largest nodes that a parent has stand for the entries, however these are cut into segments.
func TestFolderMakesLargestNodes(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		base := randomEntries(rng, 1+rng.IntN(4000))
		next := edited(rng, base, rng.IntN(6))
		parent := nodesOf(t, base)
		known := tableOf(parent, base)
		want := wantFolded(t, next, parent)
		for range 2 {
			got, held := fold(t, known, next, rng)
			if !slices.EqualFunc(got, want, same) {
				t.Fatalf("seed %d: %d entries instead of %d", seed, len(got), len(want))
			}
			if held > 3*300 {
				t.Errorf("seed %d: %d entries were held", seed, held)
			}
		}
		// What is folded stays so.
		if got, _ := fold(t, known, want, rng); !slices.EqualFunc(got, want, same) {
			t.Errorf("seed %d: folded again it is %d entries instead of %d", seed, len(got), len(want))
		}
	}
}

func same(a, b stream.Entry) bool {
	return a.Kind == b.Kind && a.Len == b.Len && a.Hash == b.Hash && a.Level == b.Level && (a.Kind != stream.NodeRef || a.Offset == b.Offset)
}

// An edit of one chunk costs a few hundred entries, and memory for a few hundred, however long the
// stream is.
func TestFolderAfterAnEdit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{10, 1000, 30000, 300000} {
		base := randomEntries(rng, n)
		known := tableOf(nil, base)
		if got, held := fold(t, known, base, rng); len(got) != 1 || held > 3*300 {
			t.Errorf("%d entries as they were: %d, %d were held", n, len(got), held)
		}
		worst, all := 0, 0
		const edits = 20
		for range edits {
			next := slices.Clone(base)
			next[rng.IntN(n)] = stream.Entry{Kind: stream.Data, Len: 7, Hash: stream.Hash{1, 2, 3}}
			got, held := fold(t, known, next, rng)
			all += len(got)
			if worst = max(worst, len(got)); held > 3*300 {
				t.Errorf("%d entries: %d were held", n, held)
			}
		}
		if worst > 3*257 || all/edits > 300 {
			t.Errorf("an edit of one chunk of %d entries costs %d entries, %d at worst", n, all/edits, worst)
		}
	}
}

// An error of the output ends it.
func TestFolderPassesErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	base := randomEntries(rng, 3000)
	broken := fmt.Errorf("broken")
	for _, known := range []*Table{tableOf(nil, base), {}} {
		f := NewFolder(known, func(int64, []stream.Entry) error { return broken })
		f.Open()
		err := f.Hold(base)
		if err == nil {
			err = f.Close()
		}
		if err != broken {
			t.Error(err)
		}
	}
}

// A Table that keeps its nodes in a file folds in the same way, and one that has dropped some of them
// makes no wrong node.
func TestFolderInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	for n, rate := range map[int]int64{300_000: 1, 1_200_000: 4} {
		rng := rand.New(rand.NewPCG(6, 6))
		base := randomEntries(rng, n)
		next := edited(rng, base, 20)
		all := tableOf(nil, base)
		some := NewTable(1, func() (dedup.File, error) { return os.CreateTemp(t.TempDir(), "nodes") })
		defer some.Close()
		fill(some, base)
		if got := some.nodes.Rate(); got != rate || some.nodes.InMemory() || some.Err() != nil || some.Bytes() > 256<<10 {
			t.Errorf("%d entries: rate %d, want %d; %d bytes, %v", n, got, rate, some.Bytes(), some.Err())
		}
		want, _ := fold(t, all, next, rng)
		got, held := fold(t, some, next, rng)
		if same := slices.EqualFunc(got, want, same); same != (rate == 1) || held > 3*300 {
			t.Errorf("%d entries: the same is %v, %d entries were held", n, same, held)
		}
		exists := map[stream.Node]int64{}
		several := map[stream.Node]bool{} // places
		var tree stream.Tree
		at := int64(0)
		tree.Ended = func(n stream.Node) {
			_, again := exists[n]
			several[n] = again
			exists[n] = at - n.Len
		}
		for i := range base {
			at += base[i].Len
			tree.Add(&base[i])
		}
		tree.Sum()
		for _, e := range got {
			if e.Kind != stream.NodeRef {
				continue
			}
			n := e.Node()
			if at, ok := exists[n]; !ok || at != e.Offset && !several[n] {
				t.Fatalf("%d entries: a wrong node at offset %d", n, e.Offset)
			}
		}
	}
}

// A file of nodes that cannot be read is an error.
func TestFolderReadError(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	base := randomEntries(rng, 300_000)
	var file *os.File
	known := NewTable(1, func() (dedup.File, error) {
		var err error
		file, err = os.CreateTemp(t.TempDir(), "nodes")
		return file, err
	})
	defer known.Close()
	fill(known, base)
	file.Truncate(1000)
	f := NewFolder(known, func(int64, []stream.Entry) error { return nil })
	f.Open()
	if err := errors.Join(f.Hold(base), f.Close()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the file was cut: %v", err)
	}
}
