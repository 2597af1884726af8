package hostiletest

import (
	"slices"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

const fanOut = 256 // pages of a directory page, and the most that the root has

// list is a list of pages that is being written.
type list struct {
	number int
	items  int
	levels [][]Page // by height: what no directory page has yet
	counts []int    // by height: how many pages there are
}

// indexWriter writes the pages of the index.
type indexWriter struct {
	b     *Builder
	areas [2]int64
	lists []*list
}

func newIndexWriter(b *Builder) *indexWriter {
	x := &indexWriter{b: b}
	for n := range 1 + len(b.Nodes) {
		x.lists = append(x.lists, &list{number: n, levels: [][]Page{nil}, counts: []int{0}})
	}
	return x
}

// put writes a page of a list.
func (x *indexWriter) put(l *list, what string, p []byte) Span {
	a := min(l.number, 1)
	s := x.b.put(x.b.changed(what, p))
	s.Pos = x.areas[a]
	x.areas[a] += s.Len
	return s
}

// segments writes the pages of segments.
func (x *indexWriter) segments() {
	l := x.lists[0]
	for rest := x.b.Segments; len(rest) > 0; {
		page := rest[:x.b.pageLen(rest)]
		rest = rest[len(page):]
		first := &page[0]
		p := Page{Key: [4]int64{int64(first.Stream), first.Offset, first.Ordinal, int64(l.items)}}
		p.At = x.put(l, "map", mapPage(l.counts[0], page))
		p.Entries = x.put(l, "entry", entryPage(l.counts[0], page))
		l.items += len(page)
		x.add(l, 0, p)
	}
}

// pageLen returns how many segments the next page has.
func (b *Builder) pageLen(segments []Segment) int {
	most := b.PageLen
	if most == 0 {
		most = 256
	}
	w := wire.NewWriter()
	for n := range segments {
		stream.AppendEntries(w, segments[n].Entries, false)
		if n+1 == most || len(w.Written()) >= 16<<10 {
			return n + 1
		}
	}
	return len(segments)
}

// nodes writes the pages of nodes.
func (x *indexWriter) nodes() {
	for level, nodes := range x.b.Nodes {
		l := x.lists[1+level]
		for page := range slices.Chunk(nodes, 256) {
			p := Page{Key: [4]int64{int64(page[0].Stream), page[0].Offset, 0, int64(l.items)}}
			p.At = x.put(l, "nodes", nodePage(level, l.counts[0], page))
			l.items += len(page)
			x.add(l, 0, p)
		}
	}
}

// add adds a page to a list. What was there goes to a directory page if it fills one.
func (x *indexWriter) add(l *list, height int, p Page) {
	if height == len(l.levels) {
		l.levels, l.counts = append(l.levels, nil), append(l.counts, 0)
	}
	if len(l.levels[height]) == fanOut {
		x.directory(l, height)
	}
	l.levels[height] = append(l.levels[height], p)
	l.counts[height]++
}

// directory writes a directory page of the pages of a height.
func (x *indexWriter) directory(l *list, height int) {
	pages, number := l.levels[height], 0
	if height+1 < len(l.counts) {
		number = l.counts[height+1]
	}
	l.levels[height] = nil
	p := Page{Key: pages[0].Key}
	if x.b.List != nil {
		x.b.List(l.number, number, pages)
	}
	p.At = x.put(l, "directory", directoryPage(l.number, height+1, number, pages))
	x.add(l, height+1, p)
}

// finish writes the directory pages that remain, and returns what the root has of each list.
func (x *indexWriter) finish() (lists [][]Page, areas [2]int64) {
	for _, l := range x.lists {
		for height := 0; height+1 < len(l.levels); height++ {
			x.directory(l, height)
		}
		lists = append(lists, l.levels[len(l.levels)-1])
	}
	return lists, x.areas
}
