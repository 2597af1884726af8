package hostiletest

import (
	"maps"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The frames of the index, as docs/format.md describes them.

func (b *Builder) rootFrame(areas [2]int64, made []*list, lists [][]Page, info []byte) []byte {
	w := head(18, 6)
	texts(w, b.Features)
	w.Array(2)
	w.Int(areas[0])
	w.Int(areas[1])
	w.Array(2)
	w.Int(b.Rest.Len)
	w.Bytes(b.Rest.Digest[:])
	w.Array(len(lists))
	for i, pages := range lists {
		w.Array(3)
		w.Int(int64(made[i].counts[0]))
		w.Int(int64(made[i].items))
		extents(w, pages, i == 0 && len(made[i].levels) == 1)
	}
	w.Bytes(info)
	return w.Written()
}

func (b *Builder) info(lists [][]Page) []byte {
	w := wire.NewWriter()
	w.Array(7)
	texts(w, b.Info.Features)
	w.Meta(b.Info.Meta)
	w.Array(len(b.Info.Parents))
	for _, p := range b.Info.Parents {
		w.Array(3)
		w.Bytes(p.ID[:])
		w.String(p.Hint)
		w.Bytes(p.Content[:])
	}
	w.Array(len(b.Info.Streams))
	for _, s := range b.Info.Streams {
		w.Array(8)
		w.Int(s.ID)
		w.String(s.Name)
		w.Int(s.Size)
		w.Bytes(s.Root[:])
		w.Int(int64(s.Level))
		w.Int(s.Holes)
		w.Meta(s.Chunker)
		stream.AppendDigests(w, s.Digests)
	}
	totals(w, &b.Info.Totals)
	w.Array(len(b.Dicts))
	for _, d := range b.Dicts {
		w.Array(4)
		w.Int(d.ID)
		span(w, d.Span)
	}
	w.Array(len(lists))
	for _, pages := range lists {
		keys(w, pages)
	}
	return w.Written()
}

func totals(w *wire.Writer, t *index.Totals) {
	w.Array(18)
	for _, c := range []index.Count{t.Data, t.Zero, t.Hole, t.Ref, t.Parent, t.Patch, t.Node} {
		w.Int(c.N)
		w.Int(c.Bytes)
	}
	w.Int(t.Segments)
	w.Int(t.Raw)
	w.Int(t.Stored)
	w.Map(len(t.Codecs))
	for _, name := range slices.Sorted(maps.Keys(t.Codecs)) {
		w.String(name)
		w.Array(2)
		w.Int(t.Codecs[name].N)
		w.Int(t.Codecs[name].Bytes)
	}
}

func mapPage(n int, page []Segment) []byte {
	begins := wire.NewWriter()
	begins.Array(len(page))
	w := head(16, 4)
	w.Int(int64(n))
	w.Array(len(page))
	for _, s := range page {
		if s.Before.Len == 0 {
			w.Array(3)
			span(w, s.Span)
		} else {
			w.Array(5)
			span(w, s.Span)
			w.Int(s.Before.Len)
			w.Bytes(s.Before.Digest[:])
		}
		begins.Array(3)
		key(begins, s)
	}
	w.Bytes(begins.Written())
	return w.Written()
}

func entryPage(n int, page []Segment) []byte {
	entries := wire.NewWriter()
	entries.Array(len(page))
	for _, s := range page {
		stream.AppendEntries(entries, s.Entries, false)
	}
	w := head(17, 3)
	w.Int(int64(n))
	w.Bytes(entries.Written())
	return w.Written()
}

func nodePage(level, n int, nodes []Node) []byte {
	list := wire.NewWriter()
	list.Array(len(nodes))
	for _, p := range nodes {
		list.Array(5)
		list.Int(int64(p.Stream))
		list.Int(p.Offset)
		list.Int(p.Len)
		list.Bytes(p.Hash[:])
		list.Int(p.Holes)
	}
	w := head(21, 4)
	w.Int(int64(level))
	w.Int(int64(n))
	w.Bytes(list.Written())
	return w.Written()
}

// directoryPage is a directory page of a height, which is 1 for those that list pages of items.
func directoryPage(list, height, n int, pages []Page) []byte {
	w := head(20, 6)
	w.Int(int64(list))
	w.Int(int64(height))
	w.Int(int64(n))
	extents(w, pages, list == 0 && height == 1)
	begins := wire.NewWriter()
	keys(begins, pages)
	w.Bytes(begins.Written())
	return w.Written()
}

// extents says where pages are: pairs of a map page and an entry page, or others.
func extents(w *wire.Writer, pages []Page, pairs bool) {
	w.Array(len(pages))
	for _, p := range pages {
		if !pairs {
			w.Array(3)
			span(w, p.At)
			continue
		}
		w.Array(6)
		span(w, p.At)
		span(w, p.Entries)
	}
}

// keys says what pages begin with.
func keys(w *wire.Writer, pages []Page) {
	w.Array(len(pages))
	for _, p := range pages {
		w.Array(4)
		for _, n := range p.Key {
			w.Int(n)
		}
	}
}

// head begins a frame.
func head(kind int64, arity int) *wire.Writer {
	w := wire.NewWriter()
	w.Array(arity)
	w.Int(kind)
	return w
}

func texts(w *wire.Writer, list []string) {
	w.Array(len(list))
	for _, s := range list {
		w.String(s)
	}
}

func span(w *wire.Writer, s Span) {
	w.Int(s.Pos)
	w.Int(s.Len)
	w.Bytes(s.Digest[:])
}

func key(w *wire.Writer, s Segment) {
	w.Int(int64(s.Stream))
	w.Int(s.Offset)
	w.Int(s.Ordinal)
}
