// Package hostiletest makes archives and streams that contain lies.
//
// It knows the format only from docs/format.md, and checks nothing that it writes. All digests are
// right, so that a reader gets as far as the lie.
package hostiletest

import (
	"encoding/binary"
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Span is a range of the file, with its digest.
type Span struct {
	Pos, Len int64
	Digest   stream.Hash
}

// Segment is the entry of the index for a segment.
type Segment struct {
	Span
	Stream          int
	Offset, Ordinal int64
	Entries         []stream.Entry
	Before          Span // frames between the segment before and this one
}

// Node is the entry of the index for a node.
type Node struct {
	stream.Node
	Stream int
	Offset int64
}

// Page is what the root says of a page of segments, with its entry page, or of a page of nodes.
type Page struct {
	At, Entries Span // positions from the start of the area
	Key         [4]int64
}

// Dict is the entry of the root for a dictionary.
type Dict struct {
	ID int64
	Span
}

// Builder makes an archive. Frames go into the body and into the index, which may be changed before
// Seal.
type Builder struct {
	Out      []byte // the bytes written so far
	Info     index.Info
	Features []string // of the root
	Segments []Segment
	Dicts    []Dict
	Nodes    [][]Node // by level
	Rest     *Span    // frames after the last segment; set by Seal if nil
	PageLen  int      // segments in a page, at most; 0 is 256

	// Change, if not nil, returns a replacement for a frame or the trailer. It gets the frames of
	// the index and those of the body, but not the header of New. what is "frame", "map", "entry",
	// "nodes", "directory", "info", "root" or "trailer". The digests are those of the replacement.
	Change func(what string, p []byte) []byte

	// Move, if not nil, changes what the root says of the pages of each list, and of the two areas.
	// The first list has segments, the others have the nodes of a level each.
	Move func(lists [][]Page, areas *[2]int64)

	// List, if not nil, changes what the directory pages of a list say. They are numbered.
	List func(list, number int, pages []Page)

	before []Span // frames since the last segment
	tree   stream.Tree
	ended  []Node // of the open stream, in the order in which they end
	at     int64  // position in the stream
	ends   blake.Hasher
}

// New returns a Builder with a header.
func New() *Builder {
	b := &Builder{}
	b.Frame(&stream.Header{Meta: stream.Meta{"archive": true}})
	return b
}

// put appends p.
func (b *Builder) put(p []byte) Span {
	s := Span{int64(len(b.Out)), int64(len(p)), blake.Sum(p)}
	b.Out = append(b.Out, p...)
	return s
}

// Raw adds a frame to the body, but not to the index.
func (b *Builder) Raw(p []byte) Span {
	s := b.put(p)
	b.before = append(b.before, s)
	return s
}

// group returns the frames since the last segment, but for the last n.
func (b *Builder) group(n int) Span {
	list := b.before[:len(b.before)-n]
	b.before = nil
	s := Span{Pos: int64(len(b.Out))}
	if len(list) > 0 {
		s.Pos = list[0].Pos
	}
	var h blake.Hasher
	for _, f := range list {
		h.Write(f.Digest[:])
		s.Len += f.Len
	}
	s.Digest = h.Sum()
	return s
}

// Frame adds a frame to the body and to the index.
func (b *Builder) Frame(f stream.Frame) {
	at := b.Raw(b.changed("frame", Encode(f)))
	switch f := f.(type) {
	case *stream.Segment:
		entries := slices.Clone(f.Entries)
		b.Segments = append(b.Segments, Segment{at, len(b.Info.Streams) - 1, f.Offset, b.Info.Totals.Data.N, entries, b.group(1)})
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
	b.at, b.ended = 0, nil
	b.tree.Reset()
	b.tree.Ended = func(n stream.Node) {
		b.ended = append(b.ended, Node{n, len(b.Info.Streams) - 1, b.at - n.Len})
	}
}

// id returns the id of the open stream.
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
		b.at += s.Entries[i].Len
		b.tree.Add(&s.Entries[i])
	}
}

// Close ends a stream.
func (b *Builder) Close() {
	top := b.tree.Top()
	c := &stream.Close{ID: b.id(), Size: b.at, Root: top.Hash}
	b.Frame(c)
	s := &b.Info.Streams[len(b.Info.Streams)-1]
	s.Level, s.Holes = top.Level, top.Holes
	for _, n := range b.ended {
		for len(b.Nodes) <= n.Level && n.Level < top.Level {
			b.Nodes = append(b.Nodes, nil)
		}
		if n.Level < top.Level {
			b.Nodes[n.Level] = append(b.Nodes[n.Level], n)
		}
	}
	b.addEnd(b.Info.Streams[len(b.Info.Streams)-1].Name, c)
}

// addEnd adds a stream to the root of all streams.
func (b *Builder) addEnd(name string, c *stream.Close) {
	number := func(n int64) { b.ends.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	number(int64(len(name)))
	b.ends.Write([]byte(name))
	number(c.Size)
	b.ends.Write(c.Root[:])
}

// End writes the End frame.
func (b *Builder) End() { b.Frame(&stream.End{Root: b.ends.Sum()}) }

// Seal writes the index and returns the archive. The index is as it should be for up to 256 nodes
// of level 1.
func (b *Builder) Seal() []byte {
	if b.Rest == nil {
		rest := b.group(0)
		b.Rest = &rest
	}
	x := newIndexWriter(b)
	x.segments()
	x.nodes()
	lists, areas := x.finish()
	if b.Move != nil {
		b.Move(lists, &areas)
	}
	root := b.put(b.changed("root", b.rootFrame(areas, x.lists, lists, b.changed("info", b.info(lists)))))
	trailer := append([]byte{0xc4, 62}, "hxz-tail\x01\x00\x00\x00\x00\x00"...)
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(root.Pos))
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(root.Len))
	trailer = append(trailer, root.Digest[:]...)
	b.put(b.changed("trailer", withCheck(trailer)))
	return b.Out
}

func (b *Builder) changed(what string, p []byte) []byte {
	if b.Change != nil {
		p = b.Change(what, p)
	}
	return p
}

// withCheck sets the check of a trailer.
func withCheck(trailer []byte) []byte {
	clear(trailer[11:16])
	sum := blake.Sum(trailer)
	copy(trailer[11:16], sum[:])
	return trailer
}
