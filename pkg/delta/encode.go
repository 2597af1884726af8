package delta

import (
	"encoding/binary"
	"math/bits"
)

const (
	minJump = 32 // bytes of a copy from elsewhere
	minCopy = 16 // bytes of a copy from where the position is
)

// Hit tells that the bytes in front of offset End of the target are, as it seems, those in front of
// Offset in a base. With an End of 0 it is where the target may begin.
type Hit struct {
	End    int
	Base   int
	Offset int
}

// Program is what Encode makes.
type Program struct {
	Code     []byte
	Bases    []int // numbers of the bases that it copies from, in the order in which it names them
	Literals int   // bytes of Code that are literals
}

// Encode returns a program that makes target of some of the bases. Matches are looked for where the
// hits are, which are in the order of End, and where the last match would go on behind a
// difference of equal length.
func Encode(target []byte, bases [][]byte, hits []Hit) Program {
	e := encoder{target: target, bases: bases, nearAt: -1}
	i := 0
	for len(target)-i >= 8 {
		for len(hits) > 0 && hits[0].End-window <= i {
			e.try(&i, hits[0])
			hits = hits[1:]
		}
		i += e.follow(i)
	}
	e.literals(len(target))
	return Program{e.program, e.used, e.plain}
}

type encoder struct {
	writer
	target []byte
	bases  [][]byte
	done   int // bytes of target that the program makes so far
	plain  int // literals of these
	near   int // what byte i of the target is compared with next: byte nearAt of this base
	nearAt int // -1 if there is none
}

// try copies from where a hit says, if there is enough to copy.
func (e *encoder) try(i *int, h Hit) {
	if h.End == 0 {
		e.near, e.nearAt = h.Base, h.Offset
		return
	}
	if h.End <= *i {
		return
	}
	b := e.bases[h.Base]
	at := h.Offset - (h.End - *i)
	if at < 0 || h.Base == e.near && at == e.nearAt { // follow will see it
		return
	}
	n := matchLen(e.target[*i:], b[at:])
	back := 0
	for back < *i-e.done && back < at && e.target[*i-back-1] == b[at-back-1] {
		back++
	}
	if n+back < minJump {
		return
	}
	e.literals(*i - back)
	e.copy(h.Base, int64(at-back), n+back)
	*i += n
	e.done = *i
	e.near, e.nearAt = h.Base, at+n
}

// follow copies what goes on where the last match has ended, and returns by how much to move on.
func (e *encoder) follow(i int) int {
	if e.nearAt < 0 || e.nearAt > len(e.bases[e.near])-8 || i > len(e.target)-8 {
		e.nearAt = -1
		return 1
	}
	b := e.bases[e.near][e.nearAt:]
	if binary.LittleEndian.Uint64(e.target[i:]) != binary.LittleEndian.Uint64(b) {
		e.nearAt++
		return 1
	}
	n := matchLen(e.target[i:], b)
	if n >= minCopy {
		e.literals(i)
		e.copy(e.near, int64(e.nearAt), n)
		e.done = i + n
	}
	e.nearAt += n
	return n
}

// literals writes what of the target before offset to was not copied.
func (e *encoder) literals(to int) {
	if to > e.done {
		e.literal(e.target[e.done:to])
		e.plain += to - e.done
		e.done = to
	}
}

// matchLen returns how many bytes a and b begin with in common.
func matchLen(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
