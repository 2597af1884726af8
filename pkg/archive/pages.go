package archive

import (
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// segmentRef is what a map page tells of a segment.
type segmentRef struct {
	key
	span // of its frame
}

// key is where a segment begins: in which stream (counted in order), at which offset, with
// which number of data chunks before it in the archive.
type key struct {
	stream  int
	offset  int64
	ordinal int64
}

// less tells whether the content at k comes before that at l.
func (k key) less(l key) bool {
	return k.stream < l.stream || k.stream == l.stream && k.offset < l.offset
}

func appendKey(w *wire.Writer, k key) {
	w.Int(int64(k.stream))
	w.Int(k.offset)
	w.Int(k.ordinal)
}

func readKey(in *wire.Reader) key {
	return key{int(in.Int(stream.MaxStreams)), in.Int(stream.MaxSize), in.Int(stream.MaxSize)}
}

func appendSpan(w *wire.Writer, s span) {
	w.Int(s.pos)
	w.Int(s.len)
	w.Bytes(s.digest[:])
}

func readSpan(in *wire.Reader, maxLen int64) span {
	s := span{pos: in.Int(stream.MaxSize), len: in.Int(maxLen)}
	in.Fixed(s.digest[:])
	if s.pos > stream.MaxSize-s.len {
		in.Failf("range ends behind byte %d", int64(stream.MaxSize))
	}
	return s
}

// tuple reads the head of an array of exactly n elements.
func tuple(in *wire.Reader, n int) {
	if got := in.Array(stream.MaxEntries); in.Err() == nil && got != n {
		in.Failf("array of %d elements where %d were expected", got, n)
	}
}

// indexFrame reads the head of an index frame.
func indexFrame(in *wire.Reader, kind stream.Kind, arity int) {
	tuple(in, arity)
	if got := stream.Kind(in.Int(int64(stream.FirstAncillary))); in.Err() == nil && got != kind {
		in.Failf("index frame of %s where %s was expected", got, kind)
	}
}

// frameKind returns the kind of a frame, or KindUnknown if it has none.
func frameKind(b []byte) stream.Kind {
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
		in.Failf("bytes behind the end of a frame")
	}
	return corrupt(in.Err())
}

// appendMapPage writes a map page: where the frames of the segments are, and sealed if the
// archive is encrypted, what is in them.
func appendMapPage(w *wire.Writer, number int, segments []segmentRef, c *ciphers) {
	w.Array(4)
	w.Int(int64(kindMapPage))
	w.Int(int64(number))
	w.Array(len(segments))
	for i := range segments {
		w.Array(3)
		appendSpan(w, segments[i].span)
	}
	keys := wire.NewWriter()
	keys.Array(len(segments))
	for i := range segments {
		keys.Array(3)
		appendKey(keys, segments[i].key)
	}
	w.Bytes(c.seal(mapDomain, number, keys.Written()))
}

// parseMapPage reads a map page. If locked, the segments have no keys.
func parseMapPage(b []byte, number int, c *ciphers, locked bool) ([]segmentRef, error) {
	in := wire.NewBytesReader(b)
	indexFrame(in, kindMapPage, 4)
	pageNumber(in, number)
	var segments []segmentRef
	for n := in.Array(pageSegments); n > 0 && in.Err() == nil; n-- {
		tuple(in, 3)
		segments = append(segments, segmentRef{span: readSpan(in, maxFrame)})
	}
	if in.Err() == nil && segments == nil {
		in.Failf("page without segments")
	}
	keys := in.Bytes(maxIndexFrame)
	if err := finish(in); err != nil || locked {
		return segments, err
	}
	keys, err := c.open(mapDomain, number, keys)
	if err != nil {
		return nil, err
	}
	in = wire.NewBytesReader(keys)
	tuple(in, len(segments))
	for i := range segments {
		tuple(in, 3)
		segments[i].key = readKey(in)
	}
	return segments, finish(in)
}

func pageNumber(in *wire.Reader, want int) {
	if got := in.Int(maxPages); in.Err() == nil && got != int64(want) {
		in.Failf("page %d where page %d was expected", got, want)
	}
}

// appendEntryPage writes an entry page of n segments, whose entries are encoded already.
func appendEntryPage(w *wire.Writer, number, n int, entries []byte, c *ciphers) {
	content := wire.NewWriter()
	content.Array(n)
	content.Raw(entries)
	appendEntries(w, number, c.seal(entryDomain, number, content.Written()))
}

// appendEntries writes an entry page whose content is encoded, and sealed if it is to be.
func appendEntries(w *wire.Writer, number int, content []byte) {
	w.Array(3)
	w.Int(int64(kindEntryPage))
	w.Int(int64(number))
	w.Bytes(content)
}

// entryContent returns the content of an entry page, encoded.
func entryContent(b []byte, number int, c *ciphers) ([]byte, error) {
	in := wire.NewBytesReader(b)
	indexFrame(in, kindEntryPage, 3)
	pageNumber(in, number)
	content := in.Bytes(maxIndexFrame)
	if err := finish(in); err != nil {
		return nil, err
	}
	return c.open(entryDomain, number, content)
}

// parseEntryPage calls visit for the entries of each segment, in order. visit must not keep
// them.
func parseEntryPage(b []byte, number int, c *ciphers, visit func(i int, entries []stream.Entry) error) error {
	content, err := entryContent(b, number, c)
	if err != nil {
		return err
	}
	in := wire.NewBytesReader(content)
	var entries []stream.Entry
	for i, n := 0, in.Array(pageSegments); i < n; i++ {
		entries = stream.ReadEntries(in, entries[:0], false)
		if in.Err() != nil {
			break
		}
		if err := visit(i, entries); err != nil {
			return err
		}
	}
	return finish(in)
}
