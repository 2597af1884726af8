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
	Base   int // number of the base that has its bytes, or -1 if none has them
	Offset int // in the base
}

// BaseText is the text of a base.
func BaseText(base int, p []byte) Text { return Text{p, []Part{{Base: base}}} }

// Hit says that the bytes before offset End of the target probably equal those before Offset in a
// text.
type Hit struct {
	End    int
	Text   int
	Offset int
}

// Program is the result of Encode.
type Program struct {
	Code     []byte
	Bases    []int // numbers of the bases that it copies from, in the order in which it names them
	Literals int   // bytes of Code that are literals
	Next     int   // offset in text 0 where the bytes after the target probably are, or -1
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
// when lost, text 0 around the end of its last match. at is where target probably begins in text 0;
// -1 if unknown.
func (x *Encoder) Encode(target []byte, texts []Text, at int, hits []Hit) Program {
	e := encoding{Encoder: x, target: target, texts: texts, nearAt: at}
	e.max = x.maxBases
	x.hits = x.hits[:0]
	i := 0
	for len(target)-i >= 8 {
		for len(hits) > 0 && hits[0].End-window <= i {
			i = e.try(i, hits[0])
			hits = hits[1:]
		}
		if e.near == 0 && e.nearAt >= 0 && i-e.last >= lostAfter && i >= e.sought {
			e.seek(i)
		}
		for len(x.hits) > 0 && x.hits[0].End-window <= i {
			i = e.try(i, x.hits[0])
			x.hits = x.hits[1:]
		}
		i += e.follow(i)
	}
	e.literals(len(target))
	next := -1
	if e.near == 0 && e.nearAt >= 0 {
		next = e.nearAt + len(target) - i
	}
	return Program{e.program, e.used, e.plain, next}
}

// encoding is the state of Encode.
type encoding struct {
	*Encoder
	writer
	target  []byte
	texts   []Text
	done    int  // bytes of target that the program covers so far
	plain   int  // how many of these are literals
	near    int  // text that byte i of the target is compared with next, at byte nearAt
	nearAt  int  // -1 if there is no such byte
	last    int  // offset in target after the last match
	sought  int  // offset in target up to which nearby hits have been looked for
	indexed bool // index has the samples nearby
}

// try copies from the place of a hit, if there is enough to copy, and returns where to go on.
func (e *encoding) try(i int, h Hit) int {
	if h.End <= i {
		return i
	}
	b := e.texts[h.Text].Bytes
	at := h.Offset - (h.End - i)
	if at < 0 || h.Text == e.near && at == e.nearAt { // follow will see it
		return i
	}
	n := matchLen(e.target[i:], b[at:])
	back := 0
	for back < i-e.done && back < at && e.target[i-back-1] == b[at-back-1] {
		back++
	}
	if n+back < minJump {
		return i
	}
	e.match(i-back, h.Text, at-back, n+back)
	e.near, e.nearAt = h.Text, at+n
	return i + n
}

// follow copies bytes that continue the last match, and returns by how much to move on.
func (e *encoding) follow(i int) int {
	if i > len(e.target)-8 { // a hit has led to the end
		return 0
	}
	if e.nearAt < 0 || e.nearAt > len(e.texts[e.near].Bytes)-8 {
		e.nearAt = -1
		return 1
	}
	b := e.texts[e.near].Bytes[e.nearAt:]
	if binary.LittleEndian.Uint64(e.target[i:]) != binary.LittleEndian.Uint64(b) {
		e.nearAt++
		return 1
	}
	n := matchLen(e.target[i:], b)
	if n >= MinCopy {
		e.match(i, e.near, e.nearAt, n)
	}
	e.nearAt += n
	return n
}

// seek looks in text 0 for the bytes of the target from offset i on.
func (e *encoding) seek(i int) {
	if !e.indexed {
		e.indexed = true
		if e.index == nil {
			e.index = NewIndex(nearbyIndex, MinRate)
		}
		e.index.Reset()
		text := e.texts[0].Bytes
		from := max(0, e.nearAt-Reach)
		to := min(len(text), e.nearAt+len(e.target)-i+Reach)
		e.samples = Samples(e.samples[:0], text[from:max(from, to)], MinRate)
		e.index.Add(0, from, e.samples)
	}
	e.sought = min(len(e.target), i+nearbyBlock)
	e.samples = Samples(e.samples[:0], e.target[i:e.sought], MinRate)
	for _, s := range e.samples {
		if at, ok := e.index.Find(s); ok {
			e.hits = AppendHit(e.hits, Hit{End: i + s.End, Offset: at.Offset})
		}
	}
}

// AppendHit appends a hit to others, unless Encode would copy the same with the hit before.
func AppendHit(hits []Hit, h Hit) []Hit {
	if k := len(hits) - 1; k >= 0 && hits[k].Text == h.Text && hits[k].Offset-hits[k].End == h.Offset-h.End {
		return hits
	}
	return append(hits, h)
}

// match copies n bytes of a text, from an offset, to offset i of the target. It leaves out parts
// where a copy does not pay.
func (e *encoding) match(i, text, at, n int) {
	e.last = i + n
	t := &e.texts[text]
	k := sort.Search(len(t.Parts), func(k int) bool { return t.Parts[k].At > at })
	for n > 0 {
		part, end := &t.Parts[k-1], len(t.Bytes)
		if k < len(t.Parts) {
			end = t.Parts[k].At
		}
		m := min(n, end-at)
		if m >= MinCopy && part.Base >= 0 && e.reaches(part.Base) {
			e.literals(i)
			e.copy(part.Base, int64(part.Offset+at-part.At), m)
			e.done = i + m
		}
		k, i, at, n = k+1, i+m, at+m, n-m
	}
}

// literals emits the bytes of the target that no copy covers, up to offset to.
func (e *encoding) literals(to int) {
	if to > e.done {
		e.literal(e.target[e.done:to])
		e.plain += to - e.done
		e.done = to
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
