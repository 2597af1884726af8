package delta

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// MinCopy is the least number of bytes that Encode makes a copy of.
const MinCopy = 16

// Reach is how many bytes before and after the continuation of the last match Encode searches in
// text 0.
const Reach = 16 << 10

const (
	minJump = 32 // least bytes of a match found by a hit

	lostAfter   = 64        // bytes without a match after which it is looked for nearby
	nearbyBlock = 4 << 10   // bytes of the target that are looked up at once
	nearbyIndex = 128 << 10 // bytes of the index of nearby samples
)

// Text is a text that may have bytes in common with a target, and the source of copies of these.
type Text struct {
	Bytes []byte
	Parts []Part // in the order of At, the first at 0
}

// Part is a part of a Text, up to the start of the next one.
type Part struct {
	At     int // offset in the text
	Base   int // number of the base that has its bytes, or NoBase
	Offset int // in the base
}

// NoBase stands for the number of a base where no base has the bytes.
const NoBase = -1

// BaseText is the text of a base.
func BaseText(base int, p []byte) Text { return Text{p, []Part{{Base: base}}} }

// Hit says that the bytes before offset End of the target probably equal those before Offset in a
// text.
type Hit struct {
	End    int
	Text   int
	Offset int
}

// Cursor is a place in one of the texts. The zero value is no place.
type Cursor struct {
	text, offset int
	valid        bool
}

// FirstAt returns the place at an offset in text 0.
func FirstAt(offset int) Cursor { return Cursor{0, offset, true} }

// InFirst returns the offset in text 0, and whether c is a place there.
func (c Cursor) InFirst() (offset int, ok bool) { return c.offset, c.valid && c.text == 0 }

// Program is the result of Encode.
type Program struct {
	Code     []byte
	Bases    []int  // numbers of the bases that it copies from, in the order in which it names them
	Literals int    // bytes of Code that are literals
	Next     Cursor // where the bytes after the target probably are
}

// Encoder makes programs. It is not safe for concurrent use.
type Encoder struct {
	maxBases int
	index    *Index // of the samples nearby
	samples  []Sample
	hits     []Hit // those nearby
}

// NewEncoder returns an Encoder of programs that copy from at most maxBases bases.
func NewEncoder(maxBases int) *Encoder { return &Encoder{maxBases: maxBases} }

// Encode returns a program that makes target. It looks for matches in three places: the
// continuation of the last match after a difference of equal length; the hits, sorted by End; and,
// when lost, text 0 around the end of its last match. start is where target probably begins.
func (x *Encoder) Encode(target []byte, texts []Text, start Cursor, hits []Hit) Program {
	e := encoding{Encoder: x, target: target, texts: texts, cursor: start}
	e.max = x.maxBases
	x.hits = x.hits[:0]
	i := 0
	for len(target)-i >= 8 {
		for len(hits) > 0 && hits[0].End-window <= i {
			i = e.tryHit(i, hits[0])
			hits = hits[1:]
		}
		if e.isLost(i) {
			e.seekNearby(i)
		}
		for len(x.hits) > 0 && x.hits[0].End-window <= i {
			i = e.tryHit(i, x.hits[0])
			x.hits = x.hits[1:]
		}
		i += e.followMatch(i)
	}
	e.emitLiterals(len(target))
	e.cursor.offset += len(target) - i
	return Program{e.program, e.used, e.literals, e.cursor}
}

// encoding is the state of Encode.
type encoding struct {
	*Encoder
	writer
	target   []byte
	texts    []Text
	cursor   Cursor // what byte i of the target is compared with next
	covered  int    // bytes of target that the program covers so far
	literals int    // how many of these are literals
	matchEnd int    // offset in target after the last match
	soughtTo int    // offset in target up to which nearby hits have been looked for
	indexed  bool   // index has the samples nearby
}

// tryHit copies from the place of a hit, if there is enough to copy, and returns where to go on.
func (e *encoding) tryHit(i int, h Hit) int {
	if h.End <= i {
		return i
	}
	b := e.texts[h.Text].Bytes
	at := Cursor{h.Text, h.Offset - (h.End - i), true}
	if at.offset < 0 || at == e.cursor { // followMatch will see it
		return i
	}
	n := matchLen(e.target[i:], b[at.offset:])
	back := 0
	for back < i-e.covered && back < at.offset && e.target[i-back-1] == b[at.offset-back-1] {
		back++
	}
	if n+back < minJump {
		return i
	}
	e.cursor = at
	e.cursor.offset -= back
	e.copyMatch(i-back, n+back)
	return i + n
}

// followMatch copies bytes that continue the last match, and returns by how much to move on.
func (e *encoding) followMatch(i int) int {
	if i > len(e.target)-8 { // a hit has led to the end
		return 0
	}
	c := &e.cursor
	if !c.valid || c.offset > len(e.texts[c.text].Bytes)-8 {
		c.valid = false
		return 1
	}
	b := e.texts[c.text].Bytes[c.offset:]
	if binary.LittleEndian.Uint64(e.target[i:]) != binary.LittleEndian.Uint64(b) {
		c.offset++
		return 1
	}
	n := matchLen(e.target[i:], b)
	if n < MinCopy {
		c.offset += n
		return n
	}
	e.copyMatch(i, n)
	return n
}

// isLost reports whether to look nearby for the bytes from offset i of the target on.
func (e *encoding) isLost(i int) bool {
	_, ok := e.cursor.InFirst()
	return ok && i-e.matchEnd >= lostAfter && i >= e.soughtTo
}

// seekNearby looks in text 0, around the cursor, for the bytes from offset i of the target on.
func (e *encoding) seekNearby(i int) {
	if !e.indexed {
		e.indexed = true
		e.indexNearby(len(e.target) - i)
	}
	e.soughtTo = min(len(e.target), i+nearbyBlock)
	e.samples = Samples(e.samples[:0], e.target[i:e.soughtTo], MinRate)
	for _, s := range e.samples {
		if at, ok := e.index.Find(s); ok {
			e.hits = AppendHit(e.hits, Hit{End: i + s.End, Offset: at.Offset})
		}
	}
}

// indexNearby indexes the samples of text 0 around the n bytes from the cursor on.
func (e *encoding) indexNearby(n int) {
	if e.index == nil {
		e.index = NewIndex(nearbyIndex, MinRate)
	}
	e.index.Reset()
	text := e.texts[0].Bytes
	from := max(0, e.cursor.offset-Reach)
	to := min(len(text), e.cursor.offset+n+Reach)
	e.samples = Samples(e.samples[:0], text[from:max(from, to)], MinRate)
	e.index.Add(0, from, e.samples)
}

// AppendHit appends a hit to others, unless Encode would copy the same with the hit before.
func AppendHit(hits []Hit, h Hit) []Hit {
	if k := len(hits) - 1; k >= 0 && hits[k].Text == h.Text && hits[k].Offset-hits[k].End == h.Offset-h.End {
		return hits
	}
	return append(hits, h)
}

// copyMatch copies n bytes from the cursor on to offset i of the target, and moves the cursor past
// them. It leaves out parts where a copy does not pay.
func (e *encoding) copyMatch(i, n int) {
	e.matchEnd = i + n
	t, at := &e.texts[e.cursor.text], e.cursor.offset
	e.cursor.offset += n
	k := sort.Search(len(t.Parts), func(k int) bool { return t.Parts[k].At > at })
	for n > 0 {
		part, end := &t.Parts[k-1], len(t.Bytes)
		if k < len(t.Parts) {
			end = t.Parts[k].At
		}
		m := min(n, end-at)
		if m >= MinCopy && part.Base != NoBase && e.mayUse(part.Base) {
			e.emitLiterals(i)
			e.appendCopy(part.Base, int64(part.Offset+at-part.At), m)
			e.covered = i + m
		}
		k, i, at, n = k+1, i+m, at+m, n-m
	}
}

// emitLiterals emits the bytes of the target that no copy covers, up to offset to.
func (e *encoding) emitLiterals(to int) {
	if to > e.covered {
		e.appendLiteral(e.target[e.covered:to])
		e.literals += to - e.covered
		e.covered = to
	}
}

// matchLen returns the length of the common prefix of a and b.
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
