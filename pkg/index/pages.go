package index

import (
	"iter"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// SegmentRef is the record of a segment in a map page.
type SegmentRef struct {
	Position
	Extent        // of its frame
	Before Extent // of the frames between the segment before and this one; its length may be 0
}

// Position is where a segment begins: the number of its stream, the offset in that stream, and the
// number of data chunks before the segment in the archive.
type Position struct {
	Stream  int
	Offset  int64
	Ordinal int64
}

// Less reports whether the content at k comes before that at l.
func (k Position) Less(l Position) bool {
	return k.Stream < l.Stream || k.Stream == l.Stream && k.Offset < l.Offset
}

func AppendPosition(w *wire.Writer, k Position) {
	w.Int(int64(k.Stream))
	w.Int(k.Offset)
	w.Int(k.Ordinal)
}

func readPosition(in *wire.Reader) Position {
	return Position{int(in.Int(stream.MaxStreams)), in.Int(stream.MaxSize), in.Int(stream.MaxSize)}
}

// AppendExtent writes the three elements of an extent.
func AppendExtent(w *wire.Writer, s Extent) {
	w.Int(s.Pos)
	w.Int(s.Len)
	w.Bytes(s.Digest[:])
}

func readExtent(in *wire.Reader, maxLen int64) Extent {
	s := Extent{Pos: in.Int(stream.MaxSize), Len: in.Int(maxLen)}
	in.Fixed(s.Digest[:])
	if s.Pos > stream.MaxSize-s.Len {
		in.Failf("range ends after byte %d", int64(stream.MaxSize))
	}
	return s
}

// tuple reads the head of an array of exactly n elements.
func tuple(in *wire.Reader, n int) {
	if got := in.Array(stream.MaxEntries); in.Err() == nil && got != n {
		in.Failf("array of %d elements where %d were expected", got, n)
	}
}

// IndexFrame reads the head of an index frame.
func IndexFrame(in *wire.Reader, kind stream.Kind, arity int) {
	tuple(in, arity)
	if got := stream.Kind(in.Int(int64(stream.FirstAncillary))); in.Err() == nil && got != kind {
		in.Failf("index frame of %s where %s was expected", got, kind)
	}
}

// FrameKind returns the kind of a frame, or KindUnknown if it has none.
func FrameKind(b []byte) stream.Kind {
	in := wire.NewBytesReader(b)
	in.Array(stream.MaxEntries)
	kind := stream.Kind(in.Int(stream.MaxSize))
	if in.Err() != nil {
		return stream.KindUnknown
	}
	return kind
}

// finish checks that a frame was read to its last byte.
func finish(in *wire.Reader) error {
	if in.Err() == nil && in.More() {
		in.Failf("bytes after the end of a frame")
	}
	return Corrupt(in.Err())
}

// A map page has the extents of the frames of the segments, then the positions of the segments. The
// positions are sealed if the archive is encrypted.
func appendMapPage(w *wire.Writer, number int, segments []SegmentRef, c *Ciphers) {
	w.Array(4)
	w.Int(int64(kindMapPage))
	w.Int(int64(number))
	w.Array(len(segments))
	for i := range segments {
		s := &segments[i]
		if s.Before.Len == 0 {
			w.Array(3)
			AppendExtent(w, s.Extent)
			continue
		}
		w.Array(5)
		AppendExtent(w, s.Extent)
		w.Int(s.Before.Len)
		w.Bytes(s.Before.Digest[:])
	}
	keys := wire.NewWriter()
	keys.Array(len(segments))
	for i := range segments {
		keys.Array(3)
		AppendPosition(keys, segments[i].Position)
	}
	w.Bytes(c.Seal(mapDomain, uint64(number), keys.Written()))
}

// parseMapPage reads a map page. If locked, the segments have no positions.
func parseMapPage(b []byte, number int, c *Ciphers, locked bool) ([]SegmentRef, error) {
	in := wire.NewBytesReader(b)
	IndexFrame(in, kindMapPage, 4)
	pageNumber(in, number)
	n := in.Array(PageSegments)
	segments := make([]SegmentRef, 0, n)
	for ; n > 0 && in.Err() == nil; n-- {
		segments = append(segments, readSegmentRef(in))
	}
	if in.Err() == nil && len(segments) == 0 {
		in.Failf("page without segments")
	}
	keys := in.Bytes(MaxIndexFrame)
	if err := finish(in); err != nil || locked {
		return segments, err
	}
	keys, err := c.Open(mapDomain, uint64(number), keys)
	if err != nil {
		return nil, err
	}
	in = wire.NewBytesReader(keys)
	tuple(in, len(segments))
	for i := range segments {
		tuple(in, 3)
		segments[i].Position = readPosition(in)
	}
	return segments, finish(in)
}

func readSegmentRef(in *wire.Reader) (s SegmentRef) {
	n := in.Array(5)
	s.Extent = readExtent(in, MaxFrame)
	if n == 5 {
		s.Before.Len = in.Int(stream.MaxSize)
		in.Fixed(s.Before.Digest[:])
	}
	s.Before.Pos = s.Pos - s.Before.Len
	if in.Err() == nil && (n != 3 && n != 5 || n == 5 && (s.Before.Len == 0 || s.Before.Pos < 0)) {
		in.Failf("segment of %d elements, with %d bytes before it", n, s.Before.Len)
	}
	return s
}

func pageNumber(in *wire.Reader, want int) {
	if got := in.Int(MaxPages); in.Err() == nil && got != int64(want) {
		in.Failf("page %d where page %d was expected", got, want)
	}
}

// appendEntryPage writes an entry page of n segments. The entries are encoded already.
func appendEntryPage(w *wire.Writer, number, n int, entries []byte, c *Ciphers) {
	content := wire.NewWriter()
	content.Array(n)
	content.Raw(entries)
	appendEntries(w, number, c.Seal(entryDomain, uint64(number), content.Written()))
}

// appendEntries writes an entry page. The content is encoded, and sealed if the archive is
// encrypted.
func appendEntries(w *wire.Writer, number int, content []byte) {
	w.Array(3)
	w.Int(int64(kindEntryPage))
	w.Int(int64(number))
	w.Bytes(content)
}

// entryContent returns the encoded content of an entry page, decrypted.
func entryContent(b []byte, number int, c *Ciphers) ([]byte, error) {
	in := wire.NewBytesReader(b)
	IndexFrame(in, kindEntryPage, 3)
	pageNumber(in, number)
	content := in.Bytes(MaxIndexFrame)
	if err := finish(in); err != nil {
		return nil, err
	}
	return c.Open(entryDomain, uint64(number), content)
}

// parseEntryPage yields the entries of each segment, in order. They are valid until the next ones.
func parseEntryPage(b []byte, number int, c *Ciphers) iter.Seq2[[]stream.Entry, error] {
	return func(yield func([]stream.Entry, error) bool) {
		content, err := entryContent(b, number, c)
		if err != nil {
			yield(nil, err)
			return
		}
		in := wire.NewBytesReader(content)
		var entries []stream.Entry
		for n := in.Array(PageSegments); n > 0; n-- {
			entries = stream.ReadEntries(in, entries[:0], false)
			if in.Err() != nil {
				break
			}
			if !yield(entries, nil) {
				return
			}
		}
		if err := finish(in); err != nil {
			yield(nil, err)
		}
	}
}
