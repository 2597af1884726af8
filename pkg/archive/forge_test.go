package archive

import (
	"bytes"
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream/wire"
)

// parts are the frames of an archive, taken apart without a key. Its index has no directory pages.
type parts struct {
	body          [][]byte
	segments      []int // numbers of the segments in the body
	maps, entries [][]byte
	nodes         [][][]byte // pages of nodes, by level
	root          *index.Root

	// change, if not nil, replaces a frame when the parts are put together.
	change func(what string, frame []byte) []byte
}

func takeApart(t testing.TB, p []byte) parts {
	t.Helper()
	r := open(t, p)
	out := parts{root: r.Root}
	numbers := map[int64]int{} // of the frames, by position
	for in := wire.NewBytesReader(p[:r.AreaStart(0)]); in.More(); {
		start := in.Pos()
		in.Skip(1 << 30)
		numbers[start] = len(out.body)
		out.body = append(out.body, p[start:in.Pos()])
	}
	for n := range r.Pages() {
		at, err := r.PageAt(n)
		if err != nil {
			t.Fatal(err)
		}
		page, err := r.Page(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			out.segments = append(out.segments, numbers[page[i].Pos])
		}
		out.maps = append(out.maps, p[at.At.Pos:at.At.End()])
		out.entries = append(out.entries, p[at.Entries.Pos:at.Entries.End()])
	}
	for level := range r.Levels() {
		var pages [][]byte
		for _, c := range r.Root.Lists[1+level].Top {
			pages = append(pages, p[r.AreaStart(1)+c.At.Pos:][:c.At.Len])
		}
		out.nodes = append(out.nodes, pages)
	}
	return out
}

// changed returns what stands in the place of a frame.
func (s parts) changed(what string, p []byte) []byte {
	if s.change == nil {
		return p
	}
	return s.change(what, bytes.Clone(p))
}

// forge puts an archive together as an attacker without a key can: with positions and digests that
// fit. segments are the frames that map pages name, by their number in the body.
func (s parts) forge(t testing.TB, segments []int) []byte {
	t.Helper()
	var out []byte
	put := func(frame []byte) index.Extent {
		at := index.Extent{Pos: int64(len(out)), Len: int64(len(frame)), Digest: blake.Sum(frame)}
		out = append(out, frame...)
		return at
	}
	isSegment := map[int]bool{}
	for _, n := range s.segments {
		isSegment[n] = true
	}
	var spans []index.Extent
	for n, f := range s.body {
		if isSegment[n] {
			f = s.changed("segment", f)
		}
		spans = append(spans, put(f))
	}
	r := &index.Root{Features: s.root.Features, Content: s.root.Content}
	place := func(area int, what string, frame []byte) index.Extent {
		at := put(s.changed(what, frame))
		at.Pos = r.Areas[area]
		r.Areas[area] += at.Len
		return at
	}
	next := 0 // frame after the last segment
	r.Lists = append(r.Lists, index.List{Pages: len(s.maps), Items: int64(len(segments))})
	for n, page := range s.maps {
		var c index.Child
		page, segments, next = refill(page, spans, segments, next)
		c.At = place(0, "map", page)
		c.Entries = place(0, "entry", s.entries[n])
		r.Lists[0].Top = append(r.Lists[0].Top, c)
	}
	r.Rest = groupOf(spans[min(next, len(spans)):])
	for level, pages := range s.nodes {
		l := index.List{Pages: len(pages), Items: s.root.Lists[1+level].Items}
		for _, page := range pages {
			l.Top = append(l.Top, index.Child{At: place(1, "nodes", page)})
		}
		r.Lists = append(r.Lists, l)
	}
	for i := range r.Lists { // as a root is that was parsed
		for k := range r.Lists[i].Top {
			r.Lists[i].Top[k].First = s.root.Lists[i].Top[k].First
		}
	}
	w := wire.NewWriter()
	index.AppendRoot(w, r)
	return index.Trailer{Root: put(s.changed("root", w.Written())), Magic: index.ArchiveMagic}.Append(out)
}

// refill returns a map page that names other frames. It returns the segments that are left, and the
// number of the frame after the last one that it names.
func refill(page []byte, spans []index.Extent, segments []int, next int) ([]byte, []int, int) {
	in := wire.NewBytesReader(page)
	in.Array(4)
	kind, number := in.Int(1000), in.Int(index.MaxPages)
	n := in.Array(index.PageSegments)
	for range n {
		in.Skip(1000)
	}
	keys := in.Bytes(index.MaxIndexFrame)
	w := wire.NewWriter()
	w.Array(4)
	w.Int(kind)
	w.Int(number)
	w.Array(n)
	for _, at := range segments[:n] {
		var before index.Extent
		if next < at {
			before = groupOf(spans[next:at])
		}
		next = at + 1
		if before.Len == 0 {
			w.Array(3)
			index.AppendExtent(w, spans[at])
			continue
		}
		w.Array(5)
		index.AppendExtent(w, spans[at])
		w.Int(before.Len)
		w.Bytes(before.Digest[:])
	}
	w.Bytes(keys)
	return w.Written(), segments[n:], next
}

// groupOf returns the length and the digest of a group of frames.
func groupOf(frames []index.Extent) (s index.Extent) {
	var h blake.Hasher
	for _, f := range frames {
		h.Write(f.Digest[:])
		s.Len += f.Len
	}
	if s.Len > 0 {
		s.Digest = h.Sum()
	}
	return s
}

// Without decoding, damage of any frame is found: of the groups before segments, and of the rest.
func TestDamagedGroups(t *testing.T) {
	b := Small(t)
	r := open(t, b.Buf.Bytes())
	page, err := r.Page(0)
	if err != nil {
		t.Fatal(err)
	}
	groups := []index.Extent{r.Root.Rest}
	for i := range page {
		groups = append(groups, page[i].Before)
	}
	for _, g := range groups {
		for at := g.Pos; at < g.End(); at++ {
			p := bytes.Clone(b.Buf.Bytes())
			p[at] ^= 4
			if err := open(t, p).Verify(t.Context(), VerifyOptions{Level: Stored}); !isDamage(err) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
}

// No random read needs the pages of nodes here, but their damage is found.
func TestDamagedNodePages(t *testing.T) {
	p := large(t, 400).Buf.Bytes()
	r := open(t, p)
	from, end := r.AreaStart(1), r.RootAt.Pos
	if end-from < 100 {
		t.Fatalf("%d bytes of pages of nodes", end-from)
	}
	for at := from; at < end; at += 1 + (end-from)/7 {
		bad := bytes.Clone(p)
		bad[at] ^= 4
		for _, level := range []Level{Structure, Stored, Content} {
			if err := open(t, bad).Verify(t.Context(), VerifyOptions{Level: level}); !isDamage(err) {
				t.Errorf("byte %d, level %v: %v", at, level, err)
			}
		}
		if _, _, err := scan(bytes.NewReader(bad)); !isDamage(err) {
			t.Errorf("byte %d: Scanner: %v", at, err)
		}
	}
}
