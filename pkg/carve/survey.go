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

// maxFragments bounds the memory for a file that is damaged all over.
const maxFragments = 1 << 20

// survey finds the fragments of the file. It does not stop at End, since that frame may be of an
// archive in a payload.
func (s *Carver) survey() {
	var stop func()
	s.nextLandmark, stop = iter.Pull(s.landmarks)
	defer stop()
	s.advance()
	for pos := s.body; pos < s.size && s.win.err == nil && len(s.fragments) < maxFragments; pos = s.search(pos) {
		c, retry := s.walk(pos)
		pos = retry
		if c.frames > 0 {
			s.fragments = append(s.fragments, c)
		}
	}
	s.landmark = landmark{pos: s.size}
}

// search returns the next position from pos on at which a fragment may begin, or the position of
// the landmark.
func (s *Carver) search(pos int64) int64 {
	for pos < s.landmark.pos {
		b := s.scan.ahead(pos, headBytes)
		if len(b) == 0 {
			break
		}
		b = b[:min(int64(len(b)), s.landmark.pos-pos)]
		for i := range b {
			if i > 0 && len(b)-i < headBytes && pos+int64(len(b)) < s.landmark.pos {
				b = b[:i]
				break
			}
			if s.plausible(b[i:]) && !s.exhausted(pos+int64(i)) {
				return pos + int64(i)
			}
		}
		pos += int64(len(b))
	}
	return max(pos, s.landmark.pos)
}

// exhausted reports whether the work up to a position has used up the budget.
func (s *Carver) exhausted(pos int64) bool { return s.spent > firstBudget+perByte*pos }

// headBytes is the number of bytes that plausible needs.
const headBytes = 32

// plausible reports whether b can be the beginning of the first frame of a fragment. It must be
// quick, since it is called for most bytes of a file.
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
