package carve

import "hexz/pkg/stream"

// walker walks along a fragment.
type walker struct {
	*Carver
	c       fragment
	proven  bool  // the frames so far are proved to be frames
	checked int64 // position of the segment that was checked last, or -1
	segment bool  // the last frame is a segment
	last    int64 // number of the last sealed frame
	cost    int64 // bytes that were read

	rooted bool        // the fragment has the beginning of its current stream
	root   stream.Tree // of that stream
}

// walk returns the fragment that begins at pos, or a fragment without frames if nothing proves it.
// retry is where to look for the next fragment.
func (s *Carver) walk(pos int64) (c fragment, retry int64) {
	w := &walker{Carver: s, checked: -1}
	w.c = fragment{pos: pos, end: pos, tail: lastFrame{pos: -1}, next: -1}
	for !w.c.ended && w.next() {
	}
	if !w.proven {
		s.spent += w.cost
	}
	switch {
	case !w.proven && w.c.frames > 1: // the frames before the last one prove as little as that one
		return fragment{}, w.c.tail.pos + 1
	case !w.proven:
		return fragment{}, pos + 1
	case w.c.ended || s.ciphers != nil:
	case w.segment:
		w.confirmLast()
	default: // its length may be damaged, so that it includes later frames
		return w.c, max(w.c.tail.pos, pos) + 1
	}
	return w.c, max(w.c.end, pos+1)
}

// next adds the next frame to the fragment. It reports whether there is one.
func (w *walker) next() bool {
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
	marked := w.c.end == w.landmark.pos
	if !marked && err == nil && n > w.landmark.pos-w.c.end {
		err = stream.ErrTruncated // cut short by the landmark
	}
	to, ok := w.fits(f, marked)
	if marked && (err != nil || !w.isLandmark(f, n)) {
		w.advance() // the index vouches for the bytes, but contradicts the frame
		ok = false
	}
	if err != nil || !ok {
		w.c.noteBreak(seg, to, err == nil, ok)
		return false
	}
	w.c.noteFirst(f, to)
	w.c.tail = lastFrame{pos: w.c.end, before: w.c.last}
	switch f := f.(type) {
	case *stream.Segment:
		w.addSegment(f, n)
	case *stream.Dict:
		w.addDict(f)
	case *stream.Open:
		w.c.tail.loose, w.rooted = true, true
		w.root.Reset()
	case *stream.Close:
		w.noteClose(f)
	case *stream.End:
		w.c.ended = true
	}
	w.segment, w.last = seg != nil, w.number
	w.c.last, w.c.end = to, w.c.end+n
	w.c.frames++
	if marked {
		w.proven, w.c.sure, w.c.marked, w.c.tail.loose = true, true, true, false
		if seg != nil {
			w.checked, w.passed = w.c.tail.pos, w.key(to)
		}
		w.advance()
	}
	return true
}

// fits reports whether f continues the fragment, and returns the position after f. marked says that
// f stands where the landmark does.
func (w *walker) fits(f stream.Frame, marked bool) (to contentPos, ok bool) {
	to, ok = w.c.last.step(f)
	known := !w.disowned(f)
	switch f := f.(type) {
	case *stream.Header:
		if w.c.end == w.body && !f.Encrypted() {
			to, ok = contentPos{known: true, id: -1}, true
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
	return to, ok && known && (marked || w.inOrder(f, to))
}

// addSegment adds a segment to the fragment.
func (w *walker) addSegment(seg *stream.Segment, n int64) {
	if !w.proven && w.c.end != w.landmark.pos {
		w.checked = w.c.end
		_, w.proven, w.c.sure = w.checkAt(w.c.end, n)
	}
	w.c.longest = max(w.c.longest, n)
	for i := range seg.Entries {
		e := &seg.Entries[i]
		w.c.tail.loose = w.c.tail.loose || e.Kind != stream.Data
		w.root.Add(e)
	}
}

// confirmLast removes the last segment of the fragment if that segment is damaged. Its length may
// be wrong as well then, and the bytes after it may be part of it.
func (w *walker) confirmLast() {
	c := &w.c
	fine, sure := true, c.sure // the results if it was checked before
	if w.checked != c.tail.pos {
		fine, _, sure = w.checkAt(c.tail.pos, c.end-c.tail.pos)
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

// checkAt reads a segment as a whole. fine reports whether nothing in it is wrong. proof reports
// whether that proves the segment, which a segment without payload does not. sure reports whether
// the index or the key vouches for all of it.
func (s *Carver) checkAt(pos, n int64) (fine, proof, sure bool) {
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
