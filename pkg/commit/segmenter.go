package commit

import (
	"hexz/pkg/flow"
	"hexz/pkg/stream"
)

// segmenter groups the entries of a stream into segments.
type segmenter struct {
	out     *flow.Writer
	id      int64
	offset  int64 // of the first entry of the segment under way
	entries []stream.Entry
	payload []byte
	tree    stream.Tree // of all entries
}

// takes reports whether an entry for a node may come next.
func (s *segmenter) takes(e *stream.Entry) bool { return s.tree.Takes(e) == nil }

// add adds an entry, with its bytes if it is a data chunk. It merges neighbouring runs of one kind.
func (s *segmenter) add(e stream.Entry, data []byte) error {
	if err := s.tree.Add(&e); err != nil {
		return err
	}
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

// flush writes the segment.
func (s *segmenter) flush() error {
	if len(s.entries) == 0 {
		return nil
	}
	f := &stream.Segment{Stream: s.id, Offset: s.offset, Entries: s.entries, Codec: stream.RawCodec, RawLen: len(s.payload), Payload: s.payload}
	s.offset += f.Size()
	err := s.out.Write(f)
	s.entries, s.payload = s.entries[:0], s.payload[:0]
	return err
}
