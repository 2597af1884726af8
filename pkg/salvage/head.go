package salvage

import (
	"maps"

	"hexz/pkg/flow"
	"hexz/pkg/stream"
)

// parentList numbers the parents of the output.
type parentList struct {
	on      flow.ParentFunc
	numbers map[int32]int32 // from those on the input to those on the output
	ids     map[stream.Hash]bool
}

// begin writes the header, if that was not done: that of the index, or h, or an empty one.
func (s *salvager) begin(h *stream.Header) error {
	if s.begun {
		return nil
	}
	s.begun = true
	if h == nil {
		h = &stream.Header{}
	}
	if s.info != nil {
		h = &stream.Header{Features: s.info.Features, Meta: maps.Clone(s.info.Meta)}
	}
	if err := s.out.Write(h); err != nil || s.info == nil {
		return err
	}
	for i := range s.info.Parents {
		if err := s.addParent(&s.info.Parents[i]); err != nil {
			return err
		}
	}
	return nil
}

// parent adds a Parent frame, which counts only if the index is lost.
func (s *salvager) parent(f *stream.Parent) error {
	if s.info != nil || len(s.streams.ids) > 0 {
		return nil
	}
	return s.addParent(f)
}

func (s *salvager) addParent(f *stream.Parent) error {
	p := &s.parents
	if p.ids[f.ID] {
		return nil
	}
	if err := p.on.Check(f); err != nil {
		return err
	}
	n := len(p.ids)
	p.ids[f.ID], p.numbers[int32(f.Index)] = true, int32(n)
	out := &stream.Parent{Index: int64(n), ID: f.ID, Hint: f.Hint, Content: f.Content}
	s.archives.Add(out)
	return s.out.Write(out)
}

// dictList has the dictionaries that were found.
type dictList struct {
	found   []*stream.Dict // not written yet
	written map[int64]bool // by id
}

// flushDicts writes the dictionaries that were found, once a stream is open.
func (s *salvager) flushDicts() error {
	if s.open == nil {
		return nil
	}
	for _, d := range s.dicts.found {
		if s.dicts.written[d.ID] {
			continue
		}
		s.dicts.written[d.ID] = true
		if err := s.out.Write(d); err != nil {
			return err
		}
	}
	s.dicts.found = nil
	return nil
}
