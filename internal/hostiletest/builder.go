// Package hostiletest makes archives and streams that lie.
//
// It knows the format from docs/format.md alone, and holds nothing it writes to the rules. All
// digests are right, so that a reader gets as far as the lie.
package hostiletest

import (
	"encoding/binary"
	"maps"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Span is a range of the file, with its digest.
type Span struct {
	Pos, Len int64
	Digest   stream.Hash
}

// Segment is what the index says of a segment.
type Segment struct {
	Span
	Stream          int
	Offset, Ordinal int64
	Entries         []stream.Entry
}

// Run is what the root says of some frames.
type Run struct {
	Span
	Frames int
}

// Dict is what the root says of a dictionary.
type Dict struct {
	ID int64
	Span
}

// Builder makes an archive. Frames go into the body and are noted in the index, which may be
// changed before Seal.
type Builder struct {
	Out      []byte // what was written
	Info     archive.Info
	Features []string // of the root
	Segments []Segment
	Dicts    []Dict
	Runs     []Run // made by Seal if nil
	PageLen  int   // segments of a page

	// Change, if not nil, gets the frames of the index and the trailer: "map", "entry", "info",
	// "root" and "trailer". What it returns takes their place. The digests are of that.
	Change func(what string, p []byte) []byte

	// Move, if not nil, changes the spans of map pages and entry pages.
	Move func(maps, entries []Span)

	frames []Span
	root   stream.Root
	at     int64 // in the stream
	ends   blake.Hasher
}

// New returns a Builder with a header.
func New() *Builder {
	b := &Builder{PageLen: 1024}
	b.Frame(&stream.Header{Meta: stream.Meta{"archive": true}})
	return b
}

// put appends p.
func (b *Builder) put(p []byte) Span {
	s := Span{int64(len(b.Out)), int64(len(p)), blake.Sum(p)}
	b.Out = append(b.Out, p...)
	return s
}

// Raw adds a frame to the body that the index has nothing of.
func (b *Builder) Raw(p []byte) Span {
	s := b.put(p)
	b.frames = append(b.frames, s)
	return s
}

// Frame adds a frame to the body and to the index.
func (b *Builder) Frame(f stream.Frame) {
	at := b.Raw(Encode(f))
	switch f := f.(type) {
	case *stream.Segment:
		entries := slices.Clone(f.Entries)
		b.Segments = append(b.Segments, Segment{at, len(b.Info.Streams) - 1, f.Offset, b.Info.Totals.Data.N, entries})
	case *stream.Dict:
		b.Dicts = append(b.Dicts, Dict{f.ID, at})
	}
	b.Info.Add(f)
}

// Encode returns the bytes of a frame.
func Encode(f stream.Frame) []byte {
	w := wire.NewWriter()
	stream.Append(w, f)
	if s, ok := f.(*stream.Segment); ok {
		w.Raw(s.Payload)
	}
	return w.Written()
}

// Open begins a stream.
func (b *Builder) Open(id int64, name string) {
	b.Frame(&stream.Open{ID: id, Name: name, Size: -1, Chunker: stream.Meta{"name": "fixed-v1", "size": 4096}})
	b.at = 0
}

// id returns that of the stream that is open.
func (b *Builder) id() int64 { return b.Info.Streams[len(b.Info.Streams)-1].ID }

// Add adds a segment of those entries. The bytes of its chunks are encoded.
func (b *Builder) Add(codecName string, raw []byte, entries ...stream.Entry) {
	s := &stream.Segment{RawLen: len(raw), Entries: entries, Codec: stream.RawCodec, Payload: raw}
	if codecName != stream.RawCodec {
		s.Codec, s.Payload = codecName, packed(codecName, raw)
	}
	b.AddSegment(s)
}

// AddSegment adds a segment, whose stream and offset it sets.
func (b *Builder) AddSegment(s *stream.Segment) {
	s.Stream, s.Offset = b.id(), b.at
	b.Frame(s)
	for i := range s.Entries {
		b.root.Add(&s.Entries[i])
		b.at += s.Entries[i].Len
	}
}

// Close ends a stream.
func (b *Builder) Close() {
	c := &stream.Close{ID: b.id(), Size: b.at, Root: b.root.Sum()}
	b.Frame(c)
	b.addEnd(b.Info.Streams[len(b.Info.Streams)-1].Name, c)
}

// addEnd takes a stream into the root of all.
func (b *Builder) addEnd(name string, c *stream.Close) {
	number := func(n int64) { b.ends.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	number(int64(len(name)))
	b.ends.Write([]byte(name))
	number(c.Size)
	b.ends.Write(c.Root[:])
}

// End writes the End frame.
func (b *Builder) End() { b.Frame(&stream.End{Root: b.ends.Sum()}) }

// Seal writes the index and returns the archive.
func (b *Builder) Seal() []byte {
	change := b.Change
	if change == nil {
		change = func(_ string, p []byte) []byte { return p }
	}
	if b.Runs == nil {
		for list := range slices.Chunk(b.frames, 1024) {
			last := list[len(list)-1]
			var h blake.Hasher
			for _, s := range list {
				h.Write(s.Digest[:])
			}
			b.Runs = append(b.Runs, Run{Span{list[0].Pos, last.Pos + last.Len - list[0].Pos, h.Sum()}, len(list)})
		}
	}
	pages := slices.Collect(slices.Chunk(b.Segments, b.PageLen))
	var mapSpans, entrySpans []Span
	for n, page := range pages {
		mapSpans = append(mapSpans, b.put(change("map", mapPage(n, page))))
	}
	for n, page := range pages {
		entrySpans = append(entrySpans, b.put(change("entry", entryPage(n, page))))
	}
	if b.Move != nil {
		b.Move(mapSpans, entrySpans)
	}
	root := b.put(change("root", b.rootFrame(mapSpans, entrySpans, change("info", b.info(pages)))))
	trailer := append([]byte{0xc4, 62}, "hxz-tail\x01\x00\x00\x00\x00\x00"...)
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(root.Pos))
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(root.Len))
	b.put(change("trailer", append(trailer, root.Digest[:]...)))
	return b.Out
}

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
		w.Array(2)
		w.Bytes(p.ID[:])
		w.String(p.Hint)
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

func totals(w *wire.Writer, t *archive.Totals) {
	w.Array(14)
	for _, c := range []archive.Count{t.Data, t.Zero, t.Hole, t.Ref, t.Parent} {
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
