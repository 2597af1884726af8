// Package flow has the parts that stages share: a [Writer] of frames that counts them, the loop
// over the frames of an input, decoders of payloads, and a [Spool] for chunks that may be needed
// again.
package flow

import (
	"io"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Sizes of the segments that stages make.
const (
	// DefaultBlock is the raw length at which a segment is full, in bytes.
	DefaultBlock = 256 << 10

	// MaxSegmentEntries keeps segments with little or no payload small.
	MaxSegmentEntries = 1024

	// MaxPatched limits the bytes that the patches of one segment produce, because reading one
	// chunk decodes all programs.
	MaxPatched = 8 << 20
)

// NoBytes says that an entry has no bytes in the payload, and needs no room in it.
const NoBytes = -1

// IsFull reports whether a segment with so many entries and bytes of payload has no room for one
// more entry, of next bytes or NoBytes. block is the length at which a segment is full. The first
// chunk may be longer.
func IsFull(entries, payload, next, block int) bool {
	return entries >= MaxSegmentEntries || next != NoBytes && payload > 0 && payload+next > block
}

// CacheBesideStream is the default size of the cache for segments of parents while a stream is
// read, in bytes. It is smaller than that of a Reader, because the stream and its chunks take
// memory as well.
const CacheBesideStream = 12 << 20

// Progress is called now and then with the number of content bytes done so far. It may be nil.
type Progress func(done int64)

func (p Progress) Report(done int64) {
	if p != nil {
		p(done)
	}
}

// ParentFunc is called with the id of each parent that a stream names: when its frame is read, and
// before any frame after it. An error ends the stage, so that its output does not take the place of
// a parent. It may be nil.
type ParentFunc func(id stream.Hash) error

func (p ParentFunc) Check(f stream.Frame) error {
	if parent, ok := f.(*stream.Parent); ok && p != nil {
		return p(parent.ID)
	}
	return nil
}

// Stats describe the work of a stage. They are written as JSON; fields are only ever added.
type Stats struct {
	Version  int         `json:"version"` // of this object: 1
	Stage    string      `json:"stage"`
	Streams  int64       `json:"streams"`
	Bytes    int64       `json:"bytes"` // of content
	Segments int64       `json:"segments"`
	Data     index.Count `json:"data"`
	Zero     index.Count `json:"zero"`
	Hole     index.Count `json:"hole"`
	Ref      index.Count `json:"ref"`
	Parent   index.Count `json:"parent"`
	Patch    index.Count `json:"patch"`
	Node     index.Count `json:"node"`
	Raw      int64       `json:"raw_bytes"`     // of payloads, decoded
	Payload  int64       `json:"payload_bytes"` // of payloads, as written
	Written  int64       `json:"written_bytes"` // all bytes that were written
	Archive  string      `json:"archive_id,omitempty"`
}

func NewStats(name string, streams int64, t *index.Totals) *Stats {
	return &Stats{
		Version: 1, Stage: name, Streams: streams, Segments: t.Segments,
		Bytes: t.Bytes(),
		Data:  t.Data, Zero: t.Zero, Hole: t.Hole, Ref: t.Ref, Parent: t.Parent, Patch: t.Patch, Node: t.Node,
		Raw: t.Raw, Payload: t.Stored,
	}
}

// Writer writes the frames of a stage and counts them.
type Writer struct {
	*stream.Writer
	name     string
	progress Progress
	Streams  int64
	Bytes    int64
	totals   index.Totals
}

// NewWriter returns a Writer on dst for the stage called name.
func NewWriter(dst io.Writer, name string, progress Progress) *Writer {
	return &Writer{Writer: stream.NewWriter(dst), name: name, progress: progress}
}

// Write writes f and counts it.
func (o *Writer) Write(f stream.Frame) error {
	if err := o.Writer.Write(f); err != nil {
		return err
	}
	switch f := f.(type) {
	case *stream.Open:
		o.Streams++
	case *stream.Segment:
		o.totals.Add(f)
		o.Bytes += f.Size()
		o.progress.Report(o.Bytes)
	}
	return nil
}

// Finish ends the output of a stage, with an Abort frame if err is not nil.
func (o *Writer) Finish(err error) (*Stats, error) {
	if err != nil {
		o.Abort(o.name, err)
		return nil, err
	}
	s := NewStats(o.name, o.Streams, &o.totals)
	s.Written = o.Written()
	return s, nil
}

// WriteEntries writes entries that have no bytes in a payload, as segments.
func (o *Writer) WriteEntries(id, offset int64, entries []stream.Entry) error {
	for list := range slices.Chunk(entries, MaxSegmentEntries) {
		s := &stream.Segment{Stream: id, Offset: offset, Entries: list, Codec: stream.RawCodec}
		if err := o.Write(s); err != nil {
			return err
		}
		offset += s.Size()
	}
	return nil
}

// NotePlain notes that the input is not encrypted, if there are no recipients.
func NotePlain(note func(string), recipients []string) {
	if note != nil && len(recipients) == 0 {
		note("the input is not encrypted, so anyone could have made it")
	}
}
