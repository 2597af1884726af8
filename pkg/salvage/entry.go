package salvage

import (
	"errors"
	"fmt"
	"reflect"

	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// entry records an entry of a segment and returns why it is lost, or "". p is its part of the
// payload. known is the entry of a parent that the index has in its place, if it is needed.
func (s *salvager) entry(c *carve.Checked, i int, p []byte, known stream.Entry) (reason string, err error) {
	e := &c.Entries[i]
	switch e.Kind {
	case stream.Zero, stream.Hole:
	case stream.Ref:
		e.Ordinal = stream.NoOrdinal
		if n, ok := s.chunks.Lookup(e.Hash); !ok || int64(s.sizes[n]&^noBase) != e.Len {
			return "the chunk that it refers to is lost", nil
		}
	case stream.ParentRef:
		if c.Err != nil && !reflect.DeepEqual(known, *e) {
			return c.Err.Error(), nil
		}
		n, ok := s.parents[e.Parent]
		if !ok {
			return fmt.Sprintf("parent %d, which has the chunk, is not known", e.Parent), nil
		}
		e.Parent = n
	default: // it has bytes of its own
		if c.Good != nil && !c.Good[i] {
			return c.Err.Error(), nil
		}
		size := uint32(e.Len)
		if e.Kind == stream.Patched {
			if reason = s.bases(e.Patch.Bases); reason == "" && !c.Sure && e.Patch.Own() {
				reason = s.try(e, p)
			}
			if reason != "" {
				return reason, nil
			}
			size |= noBase
		} else if s.data != nil && !c.Opaque {
			if err := s.data.Put(e, p); err != nil {
				return "", err
			}
		}
		_, added, err := s.chunks.Add(e.Hash)
		if added {
			s.sizes = append(s.sizes, size)
		}
		return "", err
	}
	return "", nil
}

// errOpaque: a segment is lost as a whole because one of its patches is lost and cannot be taken
// out of it.
var errOpaque = errors.New("a chunk beside it is lost, and there is no decoder for the codec of their segment")

// basesLeft reports whether the own bases of all patches in c were found earlier, or stand in c
// before the patches.
func (s *salvager) basesLeft(c *carve.Checked) bool {
	here := map[stream.Hash]bool{}
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Kind == stream.Data {
			here[e.Hash] = true
		}
		if e.Kind != stream.Patched {
			continue
		}
		for _, b := range e.Patch.Bases {
			n, ok := s.chunks.Lookup(b.Hash)
			if b.Parent == stream.OwnBase && !here[b.Hash] && (!ok || s.sizes[n]&noBase != 0) {
				return false
			}
			if _, ok := s.parents[b.Parent]; b.Parent != stream.OwnBase && !ok {
				return false
			}
		}
	}
	return true
}

// try makes the chunk of a patch that neither the index nor a key vouches for.
func (s *salvager) try(e *stream.Entry, program []byte) (reason string) {
	if s.data == nil {
		return "a patch that the index does not vouch for"
	}
	if _, err := archive.BuildPatch(nil, e, program, s.data.Base); err != nil {
		return "a patch that does not make its chunk"
	}
	return ""
}

// noBase marks the size of a chunk that cannot be an own base.
const noBase = 1 << 31

// bases checks the bases of a patch, as entry checks an entry.
func (s *salvager) bases(bases []stream.Base) (reason string) {
	for i := range bases {
		b := &bases[i]
		if b.Parent == stream.OwnBase {
			b.Ordinal = stream.NoOrdinal
			if n, ok := s.chunks.Lookup(b.Hash); !ok || s.sizes[n]&noBase != 0 {
				return "a chunk that it is made of is lost"
			}
			continue
		}
		n, ok := s.parents[b.Parent]
		if !ok {
			return fmt.Sprintf("parent %d, which has a chunk that it is made of, is not known", b.Parent)
		}
		b.Parent = n
	}
	return ""
}
