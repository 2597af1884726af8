package overlay

import (
	"errors"
	"io"
	"os"
)

// Kind says what an image, or one of its files, has in a range.
type Kind int

const (
	Hole Kind = iota // nothing: what lies below shows through, or else zeros
	Zero             // zeros, whatever lies below
	Data

	beyond // the range lies after the end of the file: zeros, whatever lies below
)

// layer is one of the files of an image. Several walks may use it, but only one goroutine.
type layer interface {
	// Size is the number of bytes of the image that the layer covers.
	Size() int64

	// extent returns the kind of the layer's content at off, which is less than Size, and the end
	// of that content. The next extent may be of the same kind.
	extent(c *walkState, off int64) (end int64, kind Kind, err error)

	// readAt reads all of p from off, within one extent of Data.
	readAt(c *walkState, p []byte, off int64) error
}

// walkState is the state of a walk over a layer: the extent that was found last, and the parts of
// tables that were read last.
type walkState struct {
	from, to int64
	kind     Kind
	l1, l2   window
}

// stack is a list of layers, the newest first, as one image.
type stack struct {
	layers       []layer
	walk, random []walkState // walk is for extents in order, random for ReadAt
}

func newStack(layers []layer) *stack {
	return &stack{layers, make([]walkState, len(layers)), make([]walkState, len(layers))}
}

// Size is the size of the newest layer.
func (s *stack) Size() int64 { return s.layers[0].Size() }

// extent returns the kind of the stack's content at off, the end of it, and the layer that has it.
func (s *stack) extent(walks []walkState, off int64) (end int64, kind Kind, at int, err error) {
	end = s.Size()
	for i, l := range s.layers {
		if off >= l.Size() {
			return end, beyond, i, nil
		}
		c := &walks[i]
		if off < c.from || off >= c.to {
			to, kind, err := l.extent(c, off)
			if err != nil {
				return 0, 0, i, err
			}
			c.from, c.to, c.kind = off, to, kind
		}
		end = min(end, c.to)
		if c.kind != Hole {
			return end, c.kind, i, nil
		}
	}
	return end, Hole, len(s.layers), nil
}

// ReadAt reads the content of the image. Ranges that are not Data read as zeros.
func (s *stack) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	done := 0
	for done < len(p) {
		if off >= s.Size() {
			return done, io.EOF
		}
		end, kind, i, err := s.extent(s.random, off)
		if err != nil {
			return done, err
		}
		part := p[done:]
		part = part[:min(int64(len(part)), end-off)]
		if kind != Data {
			clear(part)
		} else if err := s.layers[i].readAt(&s.random[i], part, off); err != nil {
			return done, err
		}
		done += len(part)
		off += int64(len(part))
	}
	return done, nil
}

// changes is an Image: the content of a stack, as changes of the files below it.
type changes struct {
	*stack
	at int64
}

func (m *changes) Next() (Change, error) {
	c := Change{Offset: m.at}
	for m.at < m.Size() {
		end, kind, _, err := m.extent(m.walk, m.at)
		if err != nil {
			return c, err
		}
		zero := kind != Data
		switch {
		case c.Length > 0 && (kind == Hole || zero != c.Zero):
			return c, nil
		case kind == Hole:
			m.at, c.Offset = end, end
			continue
		}
		m.at = end
		c.Length, c.Zero = end-c.Offset, zero
	}
	if c.Length == 0 {
		return c, io.EOF
	}
	return c, nil
}

// Content is the whole content that a guest sees of an image. It is for one goroutine.
type Content struct{ *stack }

// Extent returns the kind of the image's content at off, which is less than Size, and the end of
// that content. The next extent may be of the same kind.
func (c Content) Extent(off int64) (end int64, kind Kind, err error) {
	end, kind, _, err = c.extent(c.walk, off)
	if kind == beyond {
		kind = Hole
	}
	return end, kind, err
}

// raw is a raw image, with the holes that the file system reports.
type raw struct {
	*os.File
	size int64
}

func (r *raw) Size() int64 { return r.size }

func (r *raw) extent(_ *walkState, off int64) (end int64, kind Kind, err error) {
	start, end, err := DataExtent(r.File, off)
	if err != nil {
		return r.size, Data, nil
	}
	if start > off {
		return min(start, r.size), Hole, nil
	}
	return min(end, r.size), Data, nil
}

func (r *raw) readAt(_ *walkState, p []byte, off int64) error { return readFull(r.File, p, off) }
