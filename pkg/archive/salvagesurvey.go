package archive

import (
	"slices"

	"hexz/pkg/stream"
)

// What does not prove to be a frame may cost, in bytes read, hashed or decoded, firstBudget and
// perByte for each byte of the file that is behind. Of a file that looks like frames everywhere
// not every place is tried then.
const (
	firstBudget = 256 << 20
	perByte     = 8
)

// maxChains bounds the memory for a file that is damaged all over.
const maxChains = 1 << 20

// chain is a run of frames that follow each other in the file and in the content.
type chain struct {
	pos, end int64 // in the file
	frames   int
	longest  int64 // bytes of the longest segment
	ended    bool  // the last frame is End
	sure     bool  // by the index, by the key, or since it begins with the header of the file

	opens       bool  // it begins with Open
	first, last place // in the content: where it begins and ends
	tail        lastFrame

	// next is where the content goes on behind the frame that broke the chain, or -1 if that is
	// not known. doubted: that frame says that the chain ends elsewhere.
	next    int64
	doubted bool
}

// place is where a chain is in the content.
type place struct {
	known bool // false: no frame has told yet
	open  bool // inside of a stream
	id    int64
	at    int64
}

// lastFrame is what can be taken from the end of a chain.
type lastFrame struct {
	pos    int64 // -1: it was taken
	before place
	// loose: only the frame behind it, or the index, confirms the id of an Open, or the lengths of
	// entries without bytes.
	loose bool
}

// step returns the place behind f, and whether f can stand at p.
func (p place) step(f stream.Frame) (place, bool) {
	switch f := f.(type) {
	case *stream.Parent:
		return p, !p.open
	case *stream.Open:
		return place{true, true, f.ID, 0}, !p.open && stream.ValidName(f.Name)
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
		return place{true, true, f.Stream, end}, ok
	case *stream.Close:
		return place{true, false, f.ID, f.Size}, !p.known || p.open && p.id == f.ID && p.at == f.Size
	case *stream.End:
		return p, p.known && !p.open
	case *stream.Ancillary:
		return p, true
	}
	return p, false
}

// survey finds the chains of the file.
func (s *Salvager) survey() {
	for pos := s.body; pos < s.size && s.win.err == nil && len(s.chains) < maxChains; pos = s.search(pos) {
		c, retry := s.follow(pos)
		pos = retry
		if c.frames > 0 {
			s.chains = append(s.chains, c)
		}
		if c.ended {
			return
		}
	}
}

// follow returns the chain that begins at a position, or one without frames if it does not prove to
// be one, and where to look for the next.
func (s *Salvager) follow(pos int64) (c chain, retry int64) {
	c = chain{pos: pos, end: pos, tail: lastFrame{pos: -1}, next: -1}
	proven, checked, segment, number := false, int64(-1), false, s.number
	for !c.ended {
		f, n, err := s.frameAt(c.end)
		if err != nil {
			s.spent += s.win.pos - c.end
		}
		if f == nil {
			break
		}
		to, ok := c.last.step(f)
		if s.ciphers != nil {
			ok = ok && (s.number == number+1 || c.frames == 0 && s.number > number)
			proven, c.sure = true, true
		}
		if h, is := f.(*stream.Header); is && c.end == s.body && !h.Encrypted() {
			to, ok, proven, c.sure = place{known: true, id: -1}, true, true, true
		}
		seg, _ := f.(*stream.Segment)
		if seg != nil && s.vouch(seg, nil) == wrong {
			ok = false
		}
		if err != nil || !ok {
			c.broken(seg, to, err == nil, ok)
			seg.Release()
			break
		}
		if !c.first.known && to.known {
			c.first = begin(f, to)
			_, c.opens = f.(*stream.Open)
		}
		c.tail = lastFrame{pos: c.end, before: c.last}
		switch f := f.(type) {
		case *stream.Segment:
			if !proven {
				checked = c.end
				_, proven, c.sure = s.try(c.end, n)
			}
			c.longest = max(c.longest, n)
			c.tail.loose = isLoose(f)
			f.Release()
		case *stream.Dict:
			s.addDict(f)
		case *stream.Open:
			c.tail.loose = true
		case *stream.End:
			c.ended = true
		}
		segment, number = seg != nil, s.number
		c.last, c.end = to, c.end+n
		c.frames++
	}
	s.number = number
	switch {
	case !proven && c.frames > 1: // those before the last prove as little as it does
		return chain{}, c.tail.pos + 1
	case !proven:
		return chain{}, pos + 1
	case c.ended || s.ciphers != nil:
	case segment:
		s.confirm(&c, checked)
	default: // it may be longer than it was, and have what follows in it
		return c, max(c.tail.pos, pos) + 1
	}
	return c, max(c.end, pos+1)
}

// begin returns the place in front of f, the first frame that tells of a place, behind which it is
// to.
func begin(f stream.Frame, to place) place {
	switch f := f.(type) {
	case *stream.Segment:
		to.at = f.Offset
	case *stream.Open:
		to.at = 0
	}
	return to
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

// confirm takes the last segment from a chain if it does not hold: then its length may be wrong as
// well, and what is behind it be part of it. checked is the segment that has proved the chain.
func (s *Salvager) confirm(c *chain, checked int64) {
	fine, sure := true, c.sure // as it was when it was checked
	if checked != c.tail.pos {
		fine, _, sure = s.try(c.tail.pos, c.end-c.tail.pos)
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
func (s *Salvager) try(pos, n int64) (fine, proof, sure bool) {
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

func isLoose(s *stream.Segment) bool {
	return slices.ContainsFunc(s.Entries, func(e stream.Entry) bool { return payloadOf(&e) == 0 })
}

// search returns the next position from pos on at which a chain may begin, or the end of the file.
func (s *Salvager) search(pos int64) int64 {
	for pos < s.size {
		b := s.scan.ahead(pos, headBytes)
		if len(b) == 0 {
			break
		}
		for i := range b {
			if i > 0 && len(b)-i < headBytes && pos+int64(len(b)) < s.size {
				b = b[:i]
				break
			}
			if s.plausible(b[i:]) && s.spent <= firstBudget+perByte*(pos+int64(i)) {
				return pos + int64(i)
			}
		}
		pos += int64(len(b))
	}
	return s.size
}

// headBytes is what plausible looks at.
const headBytes = 32

// plausible tells whether b can be the beginning of a frame with which a chain begins. It is a
// glance, since most bytes of a file are asked.
func (s *Salvager) plausible(b []byte) bool {
	if len(b) < 3 || b[0]&0xf0 != 0x90 {
		return false
	}
	kind := stream.Kind(b[1])
	if s.ciphers != nil {
		return b[0] == 0x93 && kind == stream.KindSealed && intBytes(b[2]) > 0
	}
	switch [2]byte(b) {
	case [2]byte{0x94, byte(stream.KindParent)}, [2]byte{0x95, byte(stream.KindOpen)},
		[2]byte{0x93, byte(stream.KindDict)}, [2]byte{0x95, byte(stream.KindClose)}:
		return intBytes(b[2]) > 0
	case [2]byte{0x97, byte(stream.KindSegment)}:
		b = b[2:]
		for range 2 { // id, offset
			n := intBytes(b[0])
			if n == 0 || n >= len(b) {
				return false
			}
			b = b[n:]
		}
		return b[0] > 0x90 && b[0] < 0xa0 || b[0] == 0xdc || b[0] == 0xdd
	}
	return false
}

// intBytes returns the length of an integer that begins with c, or 0 if none does.
func intBytes(c byte) int {
	switch {
	case c < 0x80:
		return 1
	case c >= 0xcc && c <= 0xcf:
		return 1 + 1<<(c-0xcc)
	}
	return 0
}
