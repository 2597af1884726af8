package carve

import "hexz/pkg/stream"

// follower walks along a chain.
type follower struct {
	*Carver
	c       chain
	proven  bool  // the frames so far are proved to be frames
	checked int64 // position of the segment that was checked last, or -1
	segment bool  // the last frame is a segment
	last    int64 // number of the last sealed frame
	cost    int64 // bytes that were read

	rooted bool        // the chain has the beginning of its current stream
	root   stream.Root // of that stream
}

// follow returns the chain that begins at pos, or a chain without frames if nothing proves it.
// retry is where to look for the next chain.
func (s *Carver) follow(pos int64) (c chain, retry int64) {
	w := &follower{Carver: s, checked: -1}
	w.c = chain{pos: pos, end: pos, tail: lastFrame{pos: -1}, next: -1}
	for !w.c.ended && w.next() {
	}
	if !w.proven {
		s.spent += w.cost
	}
	switch {
	case !w.proven && w.c.frames > 1: // the frames before the last one prove as little as that one
		return chain{}, w.c.tail.pos + 1
	case !w.proven:
		return chain{}, pos + 1
	case w.c.ended || s.ciphers != nil:
	case w.segment:
		w.confirm()
	default: // its length may be damaged, so that it includes later frames
		return w.c, max(w.c.tail.pos, pos) + 1
	}
	return w.c, max(w.c.end, pos+1)
}

// next adds the next frame to the chain. It reports whether there is one.
func (w *follower) next() bool {
	f, n, err := w.frameAt(w.c.end)
	w.cost += w.win.pos - w.c.end
	if err != nil {
		w.spent += w.win.pos - w.c.end
	}
	if f == nil {
		return false
	}
	seg, _ := f.(*stream.Segment)
	defer seg.Release()
	anchored := w.c.end == w.anchor.pos
	if !anchored && err == nil && n > w.anchor.pos-w.c.end {
		err = stream.ErrTruncated // cut short by the anchor
	}
	to, ok := w.fits(f, anchored)
	if anchored && (err != nil || !w.anchored(f, n)) {
		w.advance() // the index vouches for the bytes, but contradicts the frame
		ok = false
	}
	if err != nil || !ok {
		w.c.broken(seg, to, err == nil, ok)
		return false
	}
	w.c.begin(f, to)
	w.c.tail = lastFrame{pos: w.c.end, before: w.c.last}
	switch f := f.(type) {
	case *stream.Segment:
		w.take(f, n)
	case *stream.Dict:
		w.addDict(f)
	case *stream.Open:
		w.c.tail.loose, w.rooted, w.root = true, true, stream.Root{}
	case *stream.Close:
		w.noteClose(f)
	case *stream.End:
		w.c.ended = true
	}
	w.segment, w.last = seg != nil, w.number
	w.c.last, w.c.end = to, w.c.end+n
	w.c.frames++
	if anchored {
		w.proven, w.c.sure, w.c.anchored, w.c.tail.loose = true, true, true, false
		if seg != nil {
			w.checked, w.behind = w.c.tail.pos, w.key(to)
		}
		w.advance()
	}
	return true
}

// fits reports whether f continues the chain, and returns the place after f. anchored says that f
// stands where the anchor does.
func (w *follower) fits(f stream.Frame, anchored bool) (to place, ok bool) {
	to, ok = w.c.last.step(f)
	known := !w.disowned(f)
	switch f := f.(type) {
	case *stream.Header:
		if w.c.end == w.body && !f.Encrypted() {
			to, ok = place{known: true, id: -1}, true
			w.proven, w.c.sure = known, true
		}
	case *stream.Close:
		if w.rooted && w.c.last.open && f.ID == w.c.last.id && w.root.Sum() == f.Root {
			ok = true // the root is right, so if the size differs, the size is damaged
		}
	}
	if w.ciphers != nil {
		ok = ok && (w.c.frames == 0 || w.number == w.last+1)
		w.proven, w.c.sure = true, true
	}
	return to, ok && known && (anchored || w.inOrder(f, to))
}

// take adds a segment to the chain.
func (w *follower) take(seg *stream.Segment, n int64) {
	if !w.proven && w.c.end != w.anchor.pos {
		w.checked = w.c.end
		_, w.proven, w.c.sure = w.try(w.c.end, n)
	}
	w.c.longest = max(w.c.longest, n)
	for i := range seg.Entries {
		e := &seg.Entries[i]
		w.c.tail.loose = w.c.tail.loose || e.Kind != stream.Data
		w.root.Add(e)
	}
}

// begin sets c.first from f, if f is the first frame of the chain that states a position. to is the
// place after f. The size in a Close frame does not count here: it is only compared with the end of
// its stream.
func (c *chain) begin(f stream.Frame, to place) {
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

// broken records what the frame after the chain says about the lost bytes. Either it is whole but
// does not fit, or it fits but is cut short. to is the place after that frame.
func (c *chain) broken(seg *stream.Segment, to place, whole, fits bool) {
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

// confirm removes the last segment of the chain if that segment is damaged. Its length may be wrong
// as well then, and the bytes after it may be part of it.
func (w *follower) confirm() {
	c := &w.c
	fine, sure := true, c.sure // the results if it was checked before
	if w.checked != c.tail.pos {
		fine, _, sure = w.try(c.tail.pos, c.end-c.tail.pos)
	}
	switch {
	case sure:
		c.tail.loose, c.doubted = false, false
	case !fine:
		next := c.last.at
		c.trim()
		c.next = next
	}
}

// trim removes the last frame of a chain.
func (c *chain) trim() {
	c.end, c.last = c.tail.pos, c.tail.before
	c.tail = lastFrame{pos: -1}
	c.frames--
	c.next, c.doubted = -1, false
}

// try reads a segment as a whole. fine reports whether nothing in it is wrong. proof reports
// whether that proves the segment, which a segment without payload does not. sure reports whether
// the index or the key vouches for all of it.
func (s *Carver) try(pos, n int64) (fine, proof, sure bool) {
	f, err := s.load(pos, n)
	if err != nil {
		return false, false, false
	}
	c := s.Check(f)
	fine = c.Err == nil
	if !fine {
		s.spent += n + int64(c.RawLen)
	}
	return fine, fine && (c.RawLen > 0 || c.Sure), fine && c.Sure
}
