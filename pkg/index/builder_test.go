package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// made is an archive that is nothing but a header, and an index of segments that it does not have.
type made struct {
	raw   []byte
	areas [2][]byte
	root  *Root

	rootAt int64 // where it begins
}

// makeIndex returns an index of one stream. segment returns the entries of segment i.
func makeIndex(t testing.TB, c *Ciphers, header *stream.Header, segments int, segment func(i int) []stream.Entry) made {
	t.Helper()
	return makePages(t, c, header, segments, segment, func(*Builder) error { return nil })
}

// indexOfPages returns an index of many pages. A page has one segment of one chunk of one byte, as
// none of an archive has, so that many are made quickly.
func indexOfPages(t testing.TB, pages int) made {
	t.Helper()
	return makePages(t, nil, plainHeader(), pages, chunkOf, (*Builder).endSegments)
}

// makePages is makeIndex with something to do after each segment.
func makePages(t testing.TB, c *Ciphers, header *stream.Header, segments int, segment func(i int) []stream.Entry, after func(*Builder) error) (m made) {
	t.Helper()
	b := NewBuilder(c, func(area int, page []byte) error {
		m.areas[area] = append(m.areas[area], page...)
		return nil
	})
	head := encoded(func(w *wire.Writer) { stream.Append(w, header) })
	b.AddOther(Extent{0, int64(len(head)), blake.Sum(head)})
	b.Root.Features = header.Features
	b.Root.Info.Add(&stream.Open{ID: 1, Name: "disk", Size: -1})
	at := int64(0)
	for i := range segments {
		entries := segment(i)
		s := &stream.Segment{Stream: 1, Offset: at, Entries: entries, Codec: stream.RawCodec}
		ref := SegmentRef{Position: Position{0, at, b.Root.Info.Totals.Chunks()}, Extent: Extent{Pos: int64(i), Len: 1}}
		b.Root.Info.Add(s)
		if err := errors.Join(b.AddSegment(ref, entries), after(b)); err != nil {
			t.Fatal(err)
		}
		at += s.Size()
	}
	top, err := b.EndStream()
	if err != nil {
		t.Fatal(err)
	}
	s := &b.Root.Info.Streams[0]
	s.Size, s.Root, s.Level, s.Holes = at, top.Hash, top.Level, top.Holes
	if err := b.Finish(int64(len(head))); err != nil {
		t.Fatal(err)
	}
	m.root = &b.Root
	m.raw = bytes.Join([][]byte{head, m.areas[0], m.areas[1]}, nil)
	m.rootAt = int64(len(m.raw))
	m.raw = withRoot(m.raw, m.root)
	return m
}

func plainHeader() *stream.Header { return &stream.Header{Meta: stream.Meta{SealedKey: true}} }

// reads counts reads.
type reads struct {
	io.ReaderAt
	n atomic.Int64
}

func (r *reads) ReadAt(p []byte, off int64) (int, error) {
	r.n.Add(1)
	return r.ReaderAt.ReadAt(p, off)
}

func openMade(t testing.TB, raw []byte, opener seal.Opener) (*Index, *reads) {
	t.Helper()
	src := &reads{ReaderAt: bytes.NewReader(raw)}
	x, err := OpenAny(src, int64(len(raw)), opener)
	if err != nil {
		t.Fatal(err)
	}
	return x, src
}

// chunkOf returns the one entry of a segment: a chunk of a byte.
func chunkOf(i int) []stream.Entry {
	var h Hash
	binary.LittleEndian.PutUint32(h[:], uint32(i))
	return []stream.Entry{{Kind: stream.Data, Len: 1, Hash: h}}
}

// Every page of a list is found, whatever its height, and by no more reads than the height asks for.
func TestListsOfPages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	for pages, height := range map[int]int{0: 0, 1: 0, 255: 0, 256: 0, 257: 1, FanOut * FanOut: 1, FanOut*FanOut + 1: 2} {
		t.Run(fmt.Sprint(pages), func(t *testing.T) {
			m := indexOfPages(t, pages)
			if l := &m.root.Lists[0]; l.Pages != pages || len(l.Top) > FanOut {
				t.Fatalf("%d pages, %d in the root", l.Pages, len(l.Top))
			}
			step := max(1, pages/100)
			for n := 0; n < pages; n += step {
				x, src := openMade(t, m.raw, nil)
				before := src.n.Load()
				findPage(t, x, n)
				if reads := src.n.Load() - before; reads > int64(height+1) {
					t.Fatalf("page %d after %d reads", n, reads)
				}
			}
			x, _ := openMade(t, m.raw, nil)
			for n := range pages {
				findPage(t, x, n)
			}
			all := 0
			for s, err := range x.Segments() {
				if err != nil || s.Offset != int64(all) || s.Chunk != int64(all) || s.Entries[0].Hash != chunkOf(all)[0].Hash {
					t.Fatalf("segment %d: offset %d, chunk %d, %v", all, s.Offset, s.Chunk, err)
				}
				all++
			}
			if all != pages {
				t.Errorf("%d segments of %d", all, pages)
			}
			if err := x.CheckPages(func(err error) bool { t.Error(err); return false }); err != nil {
				t.Error(err)
			}
		})
	}
}

// findPage looks for page n of an index of one segment a page, which has one byte and one chunk.
func findPage(t *testing.T, x *Index, n int) {
	t.Helper()
	ref, _, err := x.SegmentAt(int64(n))
	byOffset, errOffset := x.FindOffset(0, int64(n))
	byOrdinal, errOrdinal := x.LastNotAfter(func(p Position) bool { return p.Ordinal > int64(n) })
	if err := errors.Join(err, errOffset, errOrdinal); err != nil || ref.Pos != int64(n) || byOffset != int64(n) || byOrdinal != int64(n) {
		t.Fatalf("page %d: %d by its number, %d by its offset, %d by its ordinal, %v", n, ref.Pos, byOffset, byOrdinal, err)
	}
}

// Damage of a directory page hits what it lists, and nothing else.
func TestDamagedDirectoryPage(t *testing.T) {
	const pages = 3 * FanOut
	raw := indexOfPages(t, pages).raw
	x, _ := openMade(t, raw, nil)
	at := x.pageAt(segmentList, x.Root.Lists[segmentList].Top[1].At)
	raw[at.Pos+at.Len/2] ^= 1
	x, _ = openMade(t, raw, nil)
	for n := range pages {
		_, _, err := x.SegmentAt(int64(n))
		if hit := n/FanOut == 1; hit != errors.Is(err, stream.ErrCorrupt) || !hit && err != nil {
			t.Fatalf("page %d: %v", n, err)
		}
	}
	if err := x.CheckPages(func(error) bool { return true }); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("CheckPages: %v", err)
	}
}

// A page ends with 256 segments, or with the one that makes 16 KiB of entries.
func TestPagesEnd(t *testing.T) {
	long := make([]stream.Entry, 0, 300)
	for i := range cap(long) {
		long = append(long, chunkOf(i)...)
	}
	for name, c := range map[string]struct {
		segment func(i int) []stream.Entry
		count   int
		want    []int
	}{
		"small": {chunkOf, 600, []int{256, 256, 88}},
		"long":  {func(int) []stream.Entry { return long }, 5, []int{2, 2, 1}},
	} {
		x, _ := openMade(t, makeIndex(t, nil, plainHeader(), c.count, c.segment).raw, nil)
		var got []int
		for n := range x.Pages() {
			page, err := x.Page(n)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(page))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: pages of %v segments, want %v", name, got, c.want)
		}
	}
}

// mixed are chunks with zeros and holes between them.
func mixed(i int) []stream.Entry {
	return append(chunkOf(i), stream.Entry{Kind: stream.Zero + stream.EntryKind(i%2), Len: int64(1 + i%5)})
}

// treeOf returns the nodes that Tree makes of the segments, by level, without the top.
func treeOf(t testing.TB, segments int) (levels [stream.MaxLevel + 1][]NodeAt) {
	t.Helper()
	at := int64(0)
	tree := stream.Tree{Ended: func(n stream.Node) { levels[n.Level] = append(levels[n.Level], NodeAt{n, 0, at - n.Len}) }}
	for i := range segments {
		entries := mixed(i)
		for k := range entries {
			at += entries[k].Len
			if err := tree.Add(&entries[k]); err != nil {
				t.Fatal(err)
			}
		}
	}
	levels[tree.Top().Level] = nil
	return levels
}

// The pages of nodes have every node, without the top, and each is found by its offset.
func TestPagesOfNodes(t *testing.T) {
	const segments = 60000
	want := treeOf(t, segments)
	m := makeIndex(t, nil, plainHeader(), segments, mixed)
	x, _ := openMade(t, m.raw, nil)
	if x.Root.Lists[nodeList(0)].Pages < 2 || x.Levels() < 2 {
		t.Fatalf("%d pages of level 0, %d levels", x.Root.Lists[nodeList(0)].Pages, x.Levels())
	}
	checkNodesOf(t, x, want)
	if top := x.Top(0); top.Len != x.Info().Streams[0].Size || top.Level != x.Levels() {
		t.Errorf("top of level %d, %d bytes", top.Level, top.Len)
	}
	if _, ok, err := x.NodeAt(0, 0, want[0][1].Offset+1); ok || err != nil {
		t.Errorf("a node within a node: %v, %v", ok, err)
	}
	at := x.pageAt(nodeList(0), x.Root.Lists[nodeList(0)].Top[1].At)
	m.raw[at.Pos+at.Len/2] ^= 1
	x, _ = openMade(t, m.raw, nil)
	for i := range want[0] {
		_, ok, err := x.NodeAt(0, 0, want[0][i].Offset)
		if hit := i/PageNodes == 1; hit != errors.Is(err, stream.ErrCorrupt) || ok == hit {
			t.Fatalf("node %d of a page that is damaged: %v, %v", i, ok, err)
		}
	}
}

func checkNodesOf(t *testing.T, x *Index, want [stream.MaxLevel + 1][]NodeAt) {
	t.Helper()
	for level, nodes := range want {
		i := 0
		for n, err := range x.Nodes(level) {
			if err != nil || i >= len(nodes) || n != nodes[i] {
				t.Fatalf("node %d of level %d: %v, %v", i, level, n, err)
			}
			i++
		}
		if i != len(nodes) {
			t.Errorf("%d nodes of level %d, want %d", i, level, len(nodes))
		}
		for _, n := range nodes {
			if got, ok, err := x.NodeAt(level, 0, n.Offset); err != nil || !ok || got != n {
				t.Fatalf("node of level %d at %d: %v, %v, %v", level, n.Offset, got, ok, err)
			}
		}
	}
}

// An export has the same pages; in plain form without a key, or without those of segments.
func TestExports(t *testing.T) {
	const segments = 60000
	want := treeOf(t, segments)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key := seal.NewFileKey()
	wrapped, err := keys.Wrapper(id.Recipient()).WrapKey(key)
	if err != nil {
		t.Fatal(err)
	}
	header := &stream.Header{Features: []string{stream.FeatureEncrypted}, Meta: stream.Meta{SealedKey: true, WrappedKey: wrapped}}
	head := encoded(func(w *wire.Writer) { stream.Append(w, header) })
	sealed := makeIndex(t, NewCiphers(key, blake.Sum(head)), header, segments, mixed).raw
	plain := makeIndex(t, nil, plainHeader(), segments, mixed).raw
	for _, encrypted := range []bool{false, true} {
		for _, o := range []ExportOptions{{}, {Open: true}, {NodesOnly: true}, {Open: true, NodesOnly: true}} {
			name := fmt.Sprintf("encrypted %v, %+v", encrypted, o)
			raw := plain
			if encrypted {
				raw = sealed
			}
			whole, _ := openMade(t, raw, keys.Opener(id))
			var out bytes.Buffer
			if err := whole.Export(&out, o); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			opener := keys.Opener(id)
			if o.Open {
				opener = nil
			}
			x, _ := openMade(t, out.Bytes(), opener)
			if x.ID() != whole.ID() || !x.Exported() || !IsIndex(bytes.NewReader(out.Bytes()), int64(out.Len())) {
				t.Errorf("%s: id %v, want %v", name, x.ID(), whole.ID())
			}
			checkNodesOf(t, x, want)
			count := 0
			var err error
			for _, err = range x.Chunks() {
				if err != nil {
					break
				}
				count++
			}
			if o.NodesOnly != errors.Is(err, ErrNodesOnly) || !o.NodesOnly && count != segments {
				t.Errorf("%s: %d chunks, %v", name, count, err)
			}
			if _, err := x.FindOffset(0, 0); o.NodesOnly != errors.Is(err, ErrNodesOnly) || !o.NodesOnly && err != nil {
				t.Errorf("%s: FindOffset: %v", name, err)
			}
			if o.NodesOnly && out.Len() > len(raw)/5 {
				t.Errorf("%s: %d bytes of %d", name, out.Len(), len(raw))
			}
		}
	}
}

// The body of an archive cannot lie before the file, nor the pages. An exported index has no body.
func TestAreasBeforeTheFile(t *testing.T) {
	raw := indexOfPages(t, 3).raw
	x, _ := openMade(t, raw, nil)
	for name, lie := range map[string]func(r *Root){
		"nothing": func(*Root) {},
		"area 0":  func(r *Root) { r.Areas[0] = int64(len(raw)) },
		"area 1":  func(r *Root) { r.Areas[1] = int64(len(raw)) },
		"rest":    func(r *Root) { r.Rest.Len = int64(len(raw)) },
	} {
		root := *x.Root
		lie(&root)
		p := withRoot(bytes.Clone(raw[:x.RootAt.Pos]), &root)
		trailer, err := ParseTrailer(p[len(p)-TrailerSize:], int64(len(p)-TrailerSize))
		if err != nil {
			t.Fatal(err)
		}
		for _, magic := range []string{ArchiveMagic, indexMagic, nodesMagic} {
			sound := name == "nothing" || name == "rest" && magic != ArchiveMagic || name == "area 0" && magic == nodesMagic
			trailer.Magic = magic
			q := trailer.Append(bytes.Clone(p[:len(p)-TrailerSize]))
			if _, err := OpenAny(bytes.NewReader(q), int64(len(q)), nil); sound != (err == nil) || err != nil && !errors.Is(err, stream.ErrCorrupt) {
				t.Errorf("%s, %s: %v", name, magic, err)
			}
		}
	}
}

// lying returns the archive with another page in the place of one that the root lists. It must be as
// long.
func (m made) lying(t *testing.T, list, n int, page []byte) []byte {
	t.Helper()
	root := *m.root
	root.Lists = slices.Clone(root.Lists)
	root.Lists[list].Top = slices.Clone(root.Lists[list].Top)
	at := &root.Lists[list].Top[n].At
	if int64(len(page)) != at.Len {
		t.Fatalf("page of %d bytes for one of %d", len(page), at.Len)
	}
	at.Digest = blake.Sum(page)
	raw := bytes.Clone(m.raw[:m.rootAt])
	copy(raw[m.rootAt-root.Areas[0]-root.Areas[1]+int64(area(list))*root.Areas[0]+at.Pos:], page)
	return withRoot(raw, &root)
}

// withRoot appends a root and a trailer.
func withRoot(raw []byte, root *Root) []byte {
	p := encoded(func(w *wire.Writer) { AppendRoot(w, root) })
	place := Extent{int64(len(raw)), int64(len(p)), blake.Sum(p)}
	return Trailer{place, ArchiveMagic}.Append(append(raw, p...))
}

// A directory page must say what the page above says, and be in order.
func TestDirectoryThatLies(t *testing.T) {
	const pages, n = 3 * FanOut, 1
	m := indexOfPages(t, pages)
	at := m.root.Lists[0].Top[n].At
	k := pageKey{list: 0, height: 1, number: n}
	for name, lie := range map[string]func(c []Child){
		"nothing":          func([]Child) {},
		"another first":    func(c []Child) { c[0].Offset++ },
		"another number":   func(c []Child) { c[0].Number++ },
		"another ordinal":  func(c []Child) { c[0].Ordinal++ },
		"out of order":     func(c []Child) { c[7].First, c[8].First = c[8].First, c[7].First },
		"twice":            func(c []Child) { c[7].First = c[8].First },
		"beyond the next":  func(c []Child) { c[FanOut-1].Offset = 2*FanOut + 5 },
		"another stream":   func(c []Child) { c[FanOut-1].Stream = 1 },
		"number too large": func(c []Child) { c[FanOut-1].Number = 2 * FanOut },
	} {
		children, err := parseDirectory(bytes.Clone(m.areas[0][at.Pos:at.End()]), k, FanOut, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		lie(children)
		w := wire.NewWriter()
		appendDirectory(w, k, children, nil)
		x, _ := openMade(t, m.lying(t, 0, n, w.Written()), nil)
		_, _, err = x.SegmentAt(n*FanOut + 3)
		if (name == "nothing") != (err == nil) || err != nil && !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A page of nodes must say what the page above says, and its nodes must be in order and in range.
func TestNodePageThatLies(t *testing.T) {
	m := makeIndex(t, nil, plainHeader(), 3000, mixed)
	at, k := m.root.Lists[1].Top[0].At, pageKey{list: 1}
	for name, lie := range map[string]func(n []NodeAt){
		"nothing":        func([]NodeAt) {},
		"another first":  func(n []NodeAt) { n[0].Offset++ },
		"out of order":   func(n []NodeAt) { n[20], n[21] = n[21], n[20] },
		"overlapping":    func(n []NodeAt) { n[20].Len++ },
		"empty":          func(n []NodeAt) { n[20].Len = 0 },
		"another stream": func(n []NodeAt) { n[len(n)-1].Stream = 1 },
	} {
		nodes, err := parseNodePage(bytes.Clone(m.areas[1][at.Pos:at.End()]), k, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		offset := nodes[1].Offset
		lie(nodes)
		w := wire.NewWriter()
		appendNodePage(w, k, nodes, nil)
		if extra := int(at.Len) - len(w.Written()); extra != 0 {
			continue // that is another size of numbers
		}
		x, _ := openMade(t, m.lying(t, 1, 0, w.Written()), nil)
		_, _, err = x.NodeAt(0, 0, offset)
		if (name == "nothing") != (err == nil) || err != nil && !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A page must lie in its area, even if it is right.
func TestPageOutsideOfItsArea(t *testing.T) {
	m := makeIndex(t, nil, plainHeader(), 3000, mixed)
	root := *m.root
	root.Areas[0]--
	root.Areas[1]++
	root.Lists = slices.Clone(root.Lists)
	for list := 1; list < len(root.Lists); list++ {
		l := &root.Lists[list]
		l.Top = slices.Clone(l.Top)
		for i := range l.Top {
			l.Top[i].At.Pos++
		}
	}
	x, _ := openMade(t, withRoot(bytes.Clone(m.raw[:m.rootAt]), &root), nil)
	if _, ok, err := x.NodeAt(0, 0, 0); !ok || err != nil {
		t.Errorf("a node: %v, %v", ok, err)
	}
	var err error
	for _, err = range x.Chunks() {
	}
	if !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("the last page ends in the next area: %v", err)
	}
	if err := x.CheckPages(func(error) bool { return true }); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("CheckPages: %v", err)
	}
}

// The nodes of several streams stand behind each other. The top of none is among them.
func TestNodesOfStreams(t *testing.T) {
	var area1 int
	b := NewBuilder(nil, func(area int, page []byte) error {
		area1 += area
		return nil
	})
	var want []NodeAt
	for no, segments := range []int{1, 300, 0, 3, 300} {
		nodes := treeOf(t, segments)
		for _, n := range nodes[0] {
			n.Stream = no
			want = append(want, n)
		}
		b.Root.Info.Add(&stream.Open{ID: int64(no), Name: fmt.Sprint(no), Size: -1})
		at := int64(0)
		for i := range segments {
			if err := b.AddSegment(SegmentRef{Position: Position{Stream: no, Offset: at}}, mixed(i)); err != nil {
				t.Fatal(err)
			}
			at += 1 + mixed(i)[1].Len
		}
		if _, err := b.EndStream(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.nodes[0].page; len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("%d nodes of level 0, want %d", len(got), len(want))
	}
	if err := b.Finish(0); err != nil || area1 == 0 {
		t.Errorf("%d pages of nodes, %v", area1, err)
	}
}
