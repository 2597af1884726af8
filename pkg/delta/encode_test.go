package delta

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// textsOf returns the texts of the bases.
func textsOf(bases [][]byte) (texts []Text) {
	for i, p := range bases {
		texts = append(texts, BaseText(i, p))
	}
	return texts
}

func hitsOf(target []byte, bases [][]byte, rate uint) (hits []Hit) {
	x := NewIndex(1<<20, rate)
	for i, b := range bases {
		x.Add(i, 0, Samples(nil, b, rate))
	}
	for _, s := range Samples(nil, target, rate) {
		if at, ok := x.Find(s); ok {
			hits = append(hits, Hit{s.End, at.Block, at.Offset})
		}
	}
	return hits
}

// check encodes, applies, and returns the program.
func check(t *testing.T, target []byte, bases [][]byte, start Cursor, hits []Hit) Program {
	t.Helper()
	p := NewEncoder(16).Encode(target, textsOf(bases), start, hits)
	var used [][]byte
	for _, n := range p.Bases {
		used = append(used, bases[n])
	}
	if len(target) == 0 {
		return p
	}
	got, err := Apply(nil, p.Code, used, len(target))
	if err != nil || !bytes.Equal(got, target) {
		t.Fatalf("made something else of %d bytes: %v", len(target), err)
	}
	return p
}

// perhapsAt is FirstAt, or no place for -1.
func perhapsAt(offset int) Cursor {
	if offset < 0 {
		return Cursor{}
	}
	return FirstAt(offset)
}

func TestEncode(t *testing.T) {
	base := noise(1, 16<<10)
	other := noise(2, 16<<10)
	edit := func(do func(p []byte) []byte) []byte { return do(bytes.Clone(base)) }
	for _, c := range []struct {
		name   string
		target []byte
		most   int // bytes of the program
	}{
		{"equal", base, 16},
		{"a byte changed", edit(func(p []byte) []byte { p[8000]++; return p }), 32},
		{"a byte put in", edit(func(p []byte) []byte { return append(append(p[:8000:8000], 7), p[8000:]...) }), 256},
		{"a byte left out", edit(func(p []byte) []byte { return append(p[:8000:8000], p[8001:]...) }), 256},
		{"the halves swapped", append(bytes.Clone(base[8<<10:]), base[:8<<10]...), 256},
		{"of two bases", append(bytes.Clone(other[4<<10:8<<10]), base[4<<10:8<<10]...), 256},
		{"every 200th byte changed", edit(func(p []byte) []byte {
			for i := 0; i < len(p); i += 200 {
				p[i]++
			}
			return p
		}), 1000},
		{"nothing in common", noise(3, 4096), 4100},
		{"short", base[:7], 8},
		{"one byte", base[:1], 2},
		{"none", nil, 0},
	} {
		p := check(t, c.target, [][]byte{base, other}, FirstAt(0), hitsOf(c.target, [][]byte{base, other}, 6))
		if len(p.Code) > c.most {
			t.Errorf("%s: a program of %d bytes, want at most %d", c.name, len(p.Code), c.most)
		}
	}
}

// Whatever the hits say, the program makes the target.
func TestEncodeWithWrongHits(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	for range 2000 {
		bases := [][]byte{noise(r.Uint64(), r.IntN(300)), bytes.Repeat([]byte("ab"), r.IntN(300)), nil}
		target := append(bytes.Repeat([]byte("ab"), r.IntN(100)), noise(5, r.IntN(100))...)
		target = append(target, bases[0]...)
		var hits []Hit
		for end := r.IntN(50); end <= len(target); end += r.IntN(50) {
			b := r.IntN(3)
			hits = append(hits, Hit{end, b, r.IntN(len(bases[b]) + 1)})
		}
		check(t, target, bases, perhapsAt(r.IntN(400)%(len(bases[0])+2)-1), hits)
	}
}

// After a difference of any length the match is found again nearby, without hits.
func TestEncodeNearby(t *testing.T) {
	text := noise(7, 96<<10)
	const from, to = 20 << 10, 84 << 10
	old := text[from:to]
	half := len(old) / 2
	for _, c := range []struct {
		name   string
		target []byte
		at     int
		most   int // bytes of the program
		next   int
	}{
		{"equal", old, from, 8, to},
		{"700 bytes put in", slices.Concat(old[:half], noise(8, 700), old[half:]), from, 800, to},
		{"700 bytes left out", slices.Concat(old[:half], old[half+700:]), from, 80, to},
		{"begins elsewhere", old, from + 9999, 80, to},
		{"begins much too early", old, from - 14<<10, 80, to},
		{"begins too late, and is short", old[:5<<10], from + 9999, 80, from + 5<<10},
		{"begins where it is not looked for", old[40<<10:], from, len(old), from + len(old) - 40<<10},
		{"at no place", old, -1, len(old) + 8, -1},
		{"the text ends", slices.Concat(text[to:], old), to, len(old) + 100, -1},
	} {
		p := NewEncoder(16).Encode(c.target, textsOf([][]byte{text}), perhapsAt(c.at), nil)
		if next, ok := p.Next.InFirst(); len(p.Code) > c.most || ok != (c.next >= 0) || ok && next != c.next {
			t.Errorf("%s: a program of %d bytes, want at most %d, and then offset %d (%v), want %d", c.name, len(p.Code), c.most, next, ok, c.next)
		}
		check(t, c.target, [][]byte{text}, perhapsAt(c.at), nil)
	}
}

// reordered returns a text of a base whose parts stand in another order, with one part that no base
// has.
func reordered(base []byte, cuts ...int) (text Text) {
	cuts = append(cuts, len(base))
	for i := len(cuts) - 1; i > 0; i-- {
		part := base[cuts[i-1]:cuts[i]]
		if len(part) == 0 {
			continue
		}
		text.Parts = append(text.Parts, Part{At: len(text.Bytes), Base: 3, Offset: cuts[i-1]})
		text.Bytes = append(text.Bytes, part...)
	}
	text.Parts = append(text.Parts, Part{At: len(text.Bytes), Base: NoBase})
	text.Bytes = append(text.Bytes, base...)
	return text
}

// If a text is made of parts of bases, Encode copies from the bases.
func TestEncodeParts(t *testing.T) {
	base := noise(9, 4000)
	text := reordered(base, 0, 1000, 1010, 2500) // 2500 to 4000, 1010 to 2500, 1000 to 1010, 0 to 1000, and all of it again
	target := text.Bytes[100:3900]
	p := NewEncoder(16).Encode(target, []Text{text}, FirstAt(100), nil)
	got, err := Apply(nil, p.Code, [][]byte{base}, len(target))
	if err != nil || !bytes.Equal(got, target) || len(p.Bases) != 1 || p.Bases[0] != 3 {
		t.Errorf("%v, bases %v", err, p.Bases)
	}
	if p.Literals != 10 || len(p.Code) > 30 { // too short a part for a copy
		t.Errorf("%d bytes, %d of them literals", len(p.Code), p.Literals)
	}
	nowhere := text.Bytes[4000:]
	if p := NewEncoder(16).Encode(nowhere, []Text{text}, FirstAt(4000), nil); p.Literals != len(nowhere) {
		t.Errorf("%d literals of what no base has", p.Literals)
	}
}

// A short match is copied whole, though the hit is in the middle of it. A shorter one is not
// copied.
func TestEncodeShort(t *testing.T) {
	base := noise(1, 2000)
	for _, c := range []struct{ n, literals int }{{100, 200}, {40, 200}, {31, 231}} {
		target := slices.Concat(noise(2, 100), base[500:500+c.n], noise(3, 100))
		p := NewEncoder(1).Encode(target, textsOf([][]byte{base}), Cursor{}, []Hit{{100 + c.n, 0, 500 + c.n}})
		if p.Literals != c.literals {
			t.Errorf("a match of %d bytes: %d literals, want %d", c.n, p.Literals, c.literals)
		}
	}
}

func TestEncodeMaxBases(t *testing.T) {
	var bases [][]byte
	var target []byte
	for n := range 6 {
		bases = append(bases, noise(uint64(n), 1000*(n+1)))
		target = append(target, bases[n]...)
	}
	for most := range 7 {
		p := NewEncoder(most).Encode(target, textsOf(bases), Cursor{}, hitsOf(target, bases, MinRate))
		if len(p.Bases) != most {
			t.Errorf("%d bases, want %d", len(p.Bases), most)
		}
		got, err := Apply(nil, p.Code, bases, len(target)) // they are used in their order
		if err != nil || !bytes.Equal(got, target) {
			t.Errorf("at most %d bases: made something else: %v", most, err)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte("target"), []byte("base"), uint16(3), uint16(1))
	f.Add(noise(1, 2000), noise(1, 3000), uint16(700), uint16(2000))
	f.Add(bytes.Repeat([]byte{0}, 500), bytes.Repeat([]byte{0}, 400), uint16(33), uint16(100))
	f.Add(append(noise(1, 900), noise(2, 900)...), append(noise(2, 900), noise(1, 900)...), uint16(0), uint16(900))
	f.Fuzz(func(t *testing.T, target, base []byte, at, cut uint16) {
		text := reordered(base, 0, int(cut)%(len(base)+1))
		half := target[:len(target)/2]
		texts := []Text{text, BaseText(4, half)}
		p := NewEncoder(2).Encode(target, texts, perhapsAt(int(at)%(len(text.Bytes)+2)-1), hitsOf(target, [][]byte{text.Bytes, half}, MinRate))
		var used [][]byte
		for _, n := range p.Bases {
			used = append(used, [][]byte{3: base, 4: half}[n])
		}
		got, err := Apply(nil, p.Code, used, len(target))
		if err != nil || !bytes.Equal(got, target) {
			t.Error("made something else", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	base := noise(1, 64<<10)
	for _, every := range []int{100, 1000, 1 << 20} {
		b.Run(fmt.Sprintf("change-every-%d", every), func(b *testing.B) {
			target := bytes.Clone(base)
			for i := every / 2; i < len(target); i += every {
				target[i]++
			}
			hits := hitsOf(target, [][]byte{base}, 7)
			b.SetBytes(int64(len(target)))
			for b.Loop() {
				NewEncoder(16).Encode(target, textsOf([][]byte{base}), Cursor{}, hits)
			}
		})
	}
}
