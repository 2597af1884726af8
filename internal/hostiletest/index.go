package hostiletest

import (
	"maps"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The frames of the index, as docs/format.md describes them.

func (b *Builder) rootFrame(mapSpans, entrySpans []Span, info []byte) []byte {
	w := head(18, 6)
	texts(w, b.Features)
	for _, list := range [][]Span{mapSpans, entrySpans} {
		w.Array(len(list))
		for _, s := range list {
			w.Array(3)
			span(w, s)
		}
	}
	w.Array(len(b.Runs))
	for _, r := range b.Runs {
		w.Array(4)
		span(w, r.Span)
		w.Int(int64(r.Frames))
	}
	w.Bytes(info)
	return w.Written()
}

func (b *Builder) info(pages [][]Segment) []byte {
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
		w.Array(6)
		w.Int(s.ID)
		w.String(s.Name)
		w.Int(s.Size)
		w.Bytes(s.Root[:])
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
	w.Array(len(pages))
	count := 0
	for _, page := range pages {
		w.Array(4)
		key(w, page[0])
		w.Int(int64(count))
		count += len(page)
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
	keys := wire.NewWriter()
	keys.Array(len(page))
	w := head(16, 4)
	w.Int(int64(n))
	w.Array(len(page))
	for _, s := range page {
		w.Array(3)
		span(w, s.Span)
		keys.Array(3)
		key(keys, s)
	}
	w.Bytes(keys.Written())
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
