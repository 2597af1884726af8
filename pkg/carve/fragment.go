package carve

import "hexz/pkg/stream"

// fragment is a run of frames that follow each other in the file and in the content.
type fragment struct {
	pos, end int64 // in the file
	frames   int
	longest  int64 // bytes of the longest segment
	ended    bool  // the last frame is End
	marked   bool  // it has a landmark
	sure     bool  // vouched for by the index, the key, or the header of the file

	opens       bool       // it begins with Open
	first, last contentPos // in the content: where it begins and ends
	tail        lastFrame

	// next is where the content goes on after the frame that broke the fragment, or -1 if that is not
	// known. doubted means that this frame says that the fragment ends elsewhere.
	next    int64
	doubted bool
}

// contentPos is a position of a fragment in the content.
type contentPos struct {
	known bool // false: no frame has stated it yet
	open  bool // inside of a stream
	id    int64
	at    int64
}

// lastFrame is the frame that can be removed from the end of a fragment.
type lastFrame struct {
	pos    int64 // -1: it was removed
	before contentPos
	// loose means that only the frame after it, or the index, can confirm it. That is so for the id
	// of an Open, and for the lengths of entries without bytes.
	loose bool
}

// step returns the position after f, and whether f can stand at p.
func (p contentPos) step(f stream.Frame) (contentPos, bool) {
	switch f := f.(type) {
	case *stream.Parent:
		return p, !p.open
	case *stream.Open:
		return contentPos{true, true, f.ID, 0}, !p.open && stream.ValidName(f.Name)
	case *stream.Dict:
		return p, p.open || !p.known
	case *stream.Segment:
		end, ok := f.Offset, !p.known || p.open && p.id == f.Stream && p.at == f.Offset
		for i := range f.Entries {
			if f.Entries[i].Len > stream.MaxSize-end {
				return p, false
			}
			end += f.Entries[i].Len
		}
		return contentPos{true, true, f.Stream, end}, ok
	case *stream.Close:
		return contentPos{true, false, f.ID, f.Size}, !p.known || p.open && p.id == f.ID && p.at == f.Size
	case *stream.End:
		return p, p.known && !p.open
	case *stream.Ancillary:
		return p, true
	}
	return p, false
}

// noteFirst sets c.first from f, if f is the first frame of the fragment that states a position. to
// is the position after f. The size in a Close frame does not count here: it is only compared with
// the end of its stream.
func (c *fragment) noteFirst(f stream.Frame, to contentPos) {
	if c.first.known {
		return
	}
	switch f := f.(type) {
	case *stream.Segment:
		to.at = f.Offset
	case *stream.Open:
		c.opens = true
	case *stream.Header:
	default:
		return
	}
	c.first = to
}

// noteBreak records what the frame after the fragment says about the lost bytes. Either it is whole
// but does not fit, or it fits but is cut short. to is the position after that frame.
func (c *fragment) noteBreak(seg *stream.Segment, to contentPos, whole, fits bool) {
	switch {
	case seg != nil && !whole && fits:
		c.next = to.at
	case whole && seg != nil && c.last.open && seg.Stream == c.last.id:
		c.doubted = true
		if size := to.at - seg.Offset; size <= stream.MaxSize-c.last.at {
			c.next = c.last.at + size
		}
	case whole && c.last.open:
		c.doubted = true
	}
}

// trim removes the last frame of a fragment.
func (c *fragment) trim() {
	c.end, c.last = c.tail.pos, c.tail.before
	c.tail = lastFrame{pos: -1}
	c.frames--
	c.next, c.doubted = -1, false
}

// trimmed returns c without its last frame.
func (c *fragment) trimmed() *fragment {
	t := *c
	t.trim()
	return &t
}

// bytes returns the length of c in the file.
func (c *fragment) bytes() int64 { return c.end - c.pos }

// continues reports whether c goes on where the damaged frame after p has ended.
func (p *fragment) continues(c *fragment) bool {
	return p.next >= 0 && !c.opens && c.first.known && c.first.id == p.last.id && c.first.at == p.next
}
