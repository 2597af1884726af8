// Package stage holds what the hexz binaries do: each stage reads a stream of frames (or bytes)
// from an io.Reader and writes one (or an archive, or bytes) to an io.Writer.
//
// Every stage that reads frames takes an archive as well and reads its body. A stage that
// fails ends its output with an Abort frame, if it still can, and returns the error; the
// sentinels of package stream tell whose fault it was. Options are plain structs whose zero
// value works. No stage closes what it did not open.
package stage

import (
	"context"
	"errors"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// Sizes of the segments that stages make.
const (
	// DefaultBlock is the raw length at which a segment is full, in bytes.
	DefaultBlock = 256 << 10

	// maxSegmentEntries keeps segments small that have little or no payload.
	maxSegmentEntries = 1024

	// maxPatched is the number of bytes that patches make of which a segment is full: who wants
	// one chunk decodes the programs of all.
	maxPatched = 8 << 20
)

// besideStream is what is kept of segments of parents while a stream is read, in bytes, unless another
// cache is asked for. It is less than a Reader keeps, as there are the stream and its chunks as well.
const besideStream = 12 << 20

// Progress is called now and then with the number of content bytes done so far. It may be nil.
type Progress func(done int64)

func (p Progress) report(done int64) {
	if p != nil {
		p(done)
	}
}

// ParentFunc is called with the id of each parent that a stream names, when its frame is read and
// before anything that stands after it. An error ends the stage, so that what is written does not
// take the place of a parent. It may be nil.
type ParentFunc func(id stream.Hash) error

func (p ParentFunc) check(f stream.Frame) error {
	if parent, ok := f.(*stream.Parent); ok && p != nil {
		return p(parent.ID)
	}
	return nil
}

// Stats tell what a stage did. They are written as JSON; fields are only ever added.
type Stats struct {
	Version  int           `json:"version"` // of this object: 1
	Stage    string        `json:"stage"`
	Streams  int64         `json:"streams"`
	Bytes    int64         `json:"bytes"` // of content
	Segments int64         `json:"segments"`
	Data     archive.Count `json:"data"`
	Zero     archive.Count `json:"zero"`
	Hole     archive.Count `json:"hole"`
	Ref      archive.Count `json:"ref"`
	Parent   archive.Count `json:"parent"`
	Patch    archive.Count `json:"patch"`
	Raw      int64         `json:"raw_bytes"`     // of payloads, decoded
	Payload  int64         `json:"payload_bytes"` // of payloads, as written
	Written  int64         `json:"written_bytes"` // all that was written
	Archive  string        `json:"archive_id,omitempty"`
}

func newStats(name string, streams int64, t *archive.Totals) *Stats {
	return &Stats{
		Version: 1, Stage: name, Streams: streams, Segments: t.Segments,
		Bytes: t.Bytes(),
		Data:  t.Data, Zero: t.Zero, Hole: t.Hole, Ref: t.Ref, Parent: t.Parent, Patch: t.Patch,
		Raw: t.Raw, Payload: t.Stored,
	}
}

// output writes the frames of a stage and counts them.
type output struct {
	*stream.Writer
	name     string
	progress Progress
	streams  int64
	bytes    int64
	totals   archive.Totals
}

// newOutput returns an output on dst for the stage of a name.
func newOutput(dst io.Writer, name string, progress Progress) *output {
	return &output{Writer: stream.NewWriter(dst), name: name, progress: progress}
}

// Write writes f and counts it.
func (o *output) Write(f stream.Frame) error {
	if err := o.Writer.Write(f); err != nil {
		return err
	}
	switch f := f.(type) {
	case *stream.Open:
		o.streams++
	case *stream.Segment:
		o.totals.Add(f)
		o.bytes += f.Size()
		o.progress.report(o.bytes)
	}
	return nil
}

// end finishes a stage: with an Abort frame if err is an error.
func (o *output) end(err error) (*Stats, error) {
	if err != nil {
		o.Abort(o.name, err)
		return nil, err
	}
	s := newStats(o.name, o.streams, &o.totals)
	s.Written = o.Written()
	return s, nil
}

// eachFrame calls do for every frame of in up to its end, and parents before that.
func eachFrame(ctx context.Context, in *archive.Scanner, parents ParentFunc, do func(stream.Frame) error) error {
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = parents.check(f)
		}
		if err == nil {
			err = do(f)
		}
		if err != nil {
			return err
		}
	}
}

// notePlain tells that nothing is encrypted, if nobody is a recipient.
func notePlain(note func(string), recipients []string) {
	if note != nil && len(recipients) == 0 {
		note("the input is not encrypted, so anyone could have made it")
	}
}
