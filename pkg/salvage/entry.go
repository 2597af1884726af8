package salvage

import (
	"errors"
	"fmt"
	"reflect"

	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// lossError says why an entry is lost. Any other error ends the salvage.
type lossError struct{ reason string }

func (e *lossError) Error() string { return e.reason }

// entry records entry i of a segment and makes it one of the output. If the entry is lost, it
// returns a lossError. p is the part of the payload that belongs to the entry. known is the entry of
// a parent that the index has in its place, if it is needed.
func (s *salvager) entry(c *carve.Checked, i int, p []byte, known stream.Entry) error {
	e := &c.Entries[i]
	switch e.Kind {
	case stream.Ref:
		return s.ref(e)
	case stream.ParentRef, stream.NodeRef:
		if c.Err != nil && !reflect.DeepEqual(known, *e) {
			return &lossError{c.Err.Error()}
		}
		return s.ofParent(c, e)
	case stream.Data, stream.Patched:
		if c.Good != nil && !c.Good[i] {
			return &lossError{c.Err.Error()}
		}
		return s.stored(c, e, p)
	}
	return nil // a run
}

func (s *salvager) ref(e *stream.Entry) error {
	e.Ordinal = stream.NoOrdinal
	if !s.chunks.has(e) {
		return &lossError{"the chunk that it refers to is lost"}
	}
	return nil
}

// ofParent makes a chunk or node of a parent one of the output.
func (s *salvager) ofParent(c *carve.Checked, e *stream.Entry) error {
	n, ok := s.parents.numbers[e.Parent]
	if !ok {
		return &lossError{fmt.Sprintf("parent %d, which has the chunk, is not known", e.Parent)}
	}
	e.Parent = n
	if e.Kind != stream.NodeRef {
		return nil
	}
	if c.Opaque && s.open.root.Takes(e) != nil {
		return &lossError{errOpaque.Error()}
	}
	if c.Sure || c.Err != nil { // the index vouches for it
		return nil
	}
	// No hash covers the place of a node. Without the parent, only who reads the node can notice.
	if err := s.archives.CheckNode(e); errors.Is(err, stream.ErrCorrupt) {
		return &lossError{"the parent has no such node: " + err.Error()}
	} else if !errors.Is(err, archive.ErrParent) {
		return err
	}
	return nil
}

// stored records a chunk that has bytes of its own.
func (s *salvager) stored(c *carve.Checked, e *stream.Entry, p []byte) error {
	if e.Kind == stream.Patched {
		if err := s.bases(e.Patch.Bases); err != nil {
			return err
		}
		if !c.Sure && e.Patch.Own() {
			if err := s.chunks.try(e, p); err != nil {
				return err
			}
		}
	}
	if c.Opaque {
		return s.chunks.add(e)
	}
	return s.chunks.addData(e, p)
}

// bases makes the bases of a patch those of the output, as entry does with an entry.
func (s *salvager) bases(bases []stream.Base) error {
	for i := range bases {
		b := &bases[i]
		if b.Parent == stream.OwnBase {
			b.Ordinal = stream.NoOrdinal
			if !s.chunks.hasBase(b.Hash) {
				return &lossError{"a chunk that it is made of is lost"}
			}
			continue
		}
		n, ok := s.parents.numbers[b.Parent]
		if !ok {
			return &lossError{fmt.Sprintf("parent %d, which has a chunk that it is made of, is not known", b.Parent)}
		}
		b.Parent = n
	}
	return nil
}
