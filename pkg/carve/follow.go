package carve

import "hexz/pkg/stream"

// follower walks along a chain.
type follower struct {
	*Carver
	c       chain
	proven  bool  // it is a chain
	checked int64 // position of the segment that has proved it
	segment bool  // the last frame is one
	last    int64 // number of the last sealed frame
	cost    int64 // bytes that were looked at

	rooted bool        // the chain has the beginning of the stream in hand
	root   stream.Root // of that stream
}

// follow returns the chain that begins at a position, or one without frames if it does not prove to
// be one, and where to look for the next.
func (s *Carver) follow(pos int64) (c chain, retry int64) {
	w := &follower{Carver: s, checked: -1}
	w.c = chain{pos: pos, end: pos, tail: lastFrame{pos: -1}, next: -1}
	for !w.c.ended && w.next() {
	}
	if !w.proven {
		s.spent += w.cost
	}
	switch {
	case !w.proven && w.c.frames > 1: // those before the last prove as little as it does
		return chain{}, w.c.tail.pos + 1
	case !w.proven:
		return chain{}, pos + 1
	case w.c.ended || s.ciphers != nil:
	case w.segment:
		w.confirm()
	default: // it may be longer than it was, and have what follows in it
		return w.c, max(w.c.tail.pos, pos) + 1
	}
	return w.c, max(w.c.end, pos+1)
}

// next takes the next frame into the chain, or tells that there is none.
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
		err = stream.ErrTruncated // by a frame that is known to stand there
	}
	to, ok := w.fits(f, anchored)
	if anchored && (err != nil || !w.anchored(f, n)) {
		w.advance() // the index contradicts what it vouches for
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

// fits tells whether f goes on with the chain, and to where. anchored: it stands at the place of the
// anchor.
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
			ok = true // if its size is another, that is what is damaged
		}
	}
	if w.ciphers != nil {
		ok = ok && (w.c.frames == 0 || w.number == w.last+1)
		w.proven, w.c.sure = true, true
	}
	return to, ok && known && (anchored || w.inOrder(f, to))
}

// take takes a segment into the chain.
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

// begin notes where the content of a chain begins, if f is the first frame that tells: which leads to
// a place. What a Close says of a size is only compared with what it closes.
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

// broken notes what the frame behind a chain tells, which would lead to a place: it is whole, but does
// not fit; or it fits, but is cut short.
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

// confirm takes the last segment from the chain if it does not hold: then its length may be wrong as
// well, and what is behind it be part of it.
func (w *follower) confirm() {
	c := &w.c
	fine, sure := true, c.sure // as it was when it was checked
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

// trim takes the last frame from a chain.
func (c *chain) trim() {
	c.end, c.last = c.tail.pos, c.tail.before
	c.tail = lastFrame{pos: -1}
	c.frames--
	c.next, c.doubted = -1, false
}

// try reads a segment as a whole. It tells whether nothing in it is wrong; whether that proves that
// it is one, which what has no bytes does not; and whether it is sure in all parts.
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
