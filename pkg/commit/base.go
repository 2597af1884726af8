package commit

import (
	"fmt"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/fold"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// baseEntries are the entries of an archive from front to back, as another archive would have them
// whose parent 0 it is. Chunks have become references to the archive or to its parents.
type baseEntries struct {
	info    *index.Info
	next    func() (index.Segment, error, bool)
	stop    func()
	pending index.Segment // the next one, if it has entries
	at      int64         // offset in the stream that is read
	chunks  int64         // number of data chunks so far
	hashes  []stream.Hash // hashes of these, if there are references to them
}

func corruptBase(format string, args ...any) error {
	return fmt.Errorf("%w: the base: %s", stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// newBaseEntries returns the entries of r. Call stop at the end.
func newBaseEntries(r *archive.Reader) *baseEntries {
	next, stop := iter.Pull2(r.ExpandedSegments())
	return &baseEntries{info: r.Info(), next: next, stop: stop}
}

// load reads the next segment. At the end it has no entries.
func (b *baseEntries) load() (err error) {
	if b.pending, err, _ = b.next(); err != nil {
		return err
	}
	for i := range b.pending.Entries {
		if err := b.makeReference(&b.pending.Entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// makeReference makes a chunk a reference to the base or to one of its parents.
func (b *baseEntries) makeReference(e *stream.Entry) error {
	switch e.Kind {
	case stream.Data, stream.Patched:
		if b.info.Totals.Ref.N > 0 {
			b.hashes = append(b.hashes, e.Hash)
		}
		e.Parent, e.Ordinal = 0, b.chunks
		b.chunks++
	case stream.Ref:
		if e.Ordinal < 0 || e.Ordinal >= int64(len(b.hashes)) {
			return corruptBase("reference to chunk %d, there are %d before it", e.Ordinal, b.chunks)
		}
		e.Parent, e.Hash = 0, b.hashes[e.Ordinal]
	case stream.ParentRef:
		if int(e.Parent) >= len(b.info.Parents) {
			return corruptBase("chunk of parent %d, there are %d", e.Parent, len(b.info.Parents))
		}
		e.Parent++
	default:
		return nil
	}
	e.Kind, e.Patch = stream.ParentRef, nil
	return nil
}

// nextSegment returns the entries of the next segment of a stream, or nil at its end. The caller
// reads each stream to its end before the next one.
func (b *baseEntries) nextSegment(streamNo int) ([]stream.Entry, error) {
	if b.pending.Entries == nil {
		if err := b.load(); err != nil {
			return nil, err
		}
	}
	s := b.pending
	if s.Entries == nil || s.Stream != streamNo {
		if size := b.info.Streams[streamNo].Size; b.at != size {
			return nil, corruptBase("stream of %d bytes has entries for %d", size, b.at)
		}
		return nil, nil
	}
	if s.Offset != b.at {
		return nil, corruptBase("segment at offset %d where %d was expected", s.Offset, b.at)
	}
	for i := range s.Entries {
		if b.at += s.Entries[i].Len; b.at < 0 {
			return nil, corruptBase("stream is longer than %d bytes", int64(stream.MaxSize))
		}
	}
	b.pending = index.Segment{}
	return s.Entries, nil
}

// skipRest reads the rest of a stream, and gets ready for the next.
func (b *baseEntries) skipRest(streamNo int) error {
	for {
		list, err := b.nextSegment(streamNo)
		if err != nil {
			return err
		}
		if list == nil {
			b.at = 0
			return nil
		}
	}
}

// segmenter groups entries into segments.
type segmenter struct {
	out     *flow.Writer
	fold    *fold.Folder
	id      int64
	offset  int64 // of the first entry of the segment under way
	entries []stream.Entry
	payload []byte
}

// addEntry adds an entry, with its bytes if it is a data chunk. It merges neighbouring runs of one
// kind.
func (s *segmenter) addEntry(e stream.Entry, data []byte) error {
	if n := len(s.entries); n > 0 && e.Kind.IsRun() && s.entries[n-1].Kind == e.Kind {
		s.entries[n-1].Len += e.Len
		return nil
	}
	if flow.IsFull(len(s.entries), len(s.payload), len(data), flow.DefaultBlock) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.entries = append(s.entries, e)
	s.payload = append(s.payload, data...)
	return nil
}

// flush gives the segment to the folder.
func (s *segmenter) flush() error {
	if len(s.entries) == 0 {
		return nil
	}
	f := &stream.Segment{Stream: s.id, Offset: s.offset, Entries: s.entries, Codec: stream.RawCodec, RawLen: len(s.payload), Payload: s.payload}
	s.offset += f.Size()
	err := s.fold.Segment(f, func() error { return s.out.Write(f) })
	s.entries, s.payload = s.entries[:0], s.payload[:0]
	return err
}
