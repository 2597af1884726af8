package carve

import (
	"iter"

	"hexz/pkg/stream"
)

// The work on bytes that prove to be no frame is limited to firstBudget, and perByte for each byte
// of the file so far. The work is counted in bytes read, hashed or decoded. If a file looks like
// frames everywhere, not every position is tried.
const (
	firstBudget = 128 << 20
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
	anchored bool  // it has an anchor
	sure     bool  // vouched for by the index, the key, or the header of the file

	opens       bool  // it begins with Open
	first, last place // in the content: where it begins and ends
	tail        lastFrame

	// next is where the content goes on after the frame that broke the chain, or -1 if that is not
	// known. doubted means that this frame says that the chain ends elsewhere.
	next    int64
	doubted bool
}

// place is a position of a chain in the content.
type place struct {
	known bool // false: no frame has stated it yet
	open  bool // inside of a stream
	id    int64
	at    int64
}

// lastFrame is the frame that can be removed from the end of a chain.
type lastFrame struct {
	pos    int64 // -1: it was removed
	before place
	// loose means that only the frame after it, or the index, can confirm it. That is so for the id
	// of an Open, and for the lengths of entries without bytes.
	loose bool
}

// step returns the place after f, and whether f can stand at p.
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

// survey finds the chains of the file. It does not stop at End, since that frame may be of an
// archive in a payload.
func (s *Carver) survey() {
	var stop func()
	s.anchorNext, stop = iter.Pull(s.anchors)
	defer stop()
	s.advance()
	for pos := s.body; pos < s.size && s.win.err == nil && len(s.chains) < maxChains; pos = s.search(pos) {
		c, retry := s.follow(pos)
		pos = retry
		if c.frames > 0 {
			s.chains = append(s.chains, c)
		}
	}
	s.anchor = anchor{pos: s.size}
}

// search returns the next position from pos on at which a chain may begin, or the position of the
// anchor.
func (s *Carver) search(pos int64) int64 {
	for pos < s.anchor.pos {
		b := s.scan.ahead(pos, headBytes)
		if len(b) == 0 {
			break
		}
		b = b[:min(int64(len(b)), s.anchor.pos-pos)]
		for i := range b {
			if i > 0 && len(b)-i < headBytes && pos+int64(len(b)) < s.anchor.pos {
				b = b[:i]
				break
			}
			if s.plausible(b[i:]) && !s.exhausted(pos+int64(i)) {
				return pos + int64(i)
			}
		}
		pos += int64(len(b))
	}
	return max(pos, s.anchor.pos)
}

// exhausted reports whether the work up to a position has used up the budget.
func (s *Carver) exhausted(pos int64) bool { return s.spent > firstBudget+perByte*pos }

// headBytes is the number of bytes that plausible needs.
const headBytes = 32

// plausible reports whether b can be the beginning of the first frame of a chain. It must be quick,
// since it is called for most bytes of a file.
func (s *Carver) plausible(b []byte) bool {
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
