package chunker

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// mixed returns n bytes: noise, zeros, one byte, short periods and a few letters in turn.
func mixed(n int, rng *rand.Rand) []byte {
	p := make([]byte, 0, n+1<<18)
	for len(p) < n {
		part := make([]byte, 1+rng.IntN(1<<(4+rng.IntN(14))))
		period := len(part)
		letters := 256
		switch rng.IntN(5) {
		case 0:
			letters = 1
		case 1:
			period = 1
		case 2:
			period = 1 + rng.IntN(min(len(part), 5000))
		case 3:
			letters = 2
		}
		for i := range part {
			if part[i] = byte(rng.IntN(letters)); i >= period {
				part[i] = part[i-period]
			}
		}
		p = append(p, part...)
	}
	return p[:n]
}

// denseKey returns a key with which each byte of a run of zeros may be followed by a cut if the
// average is 64.
func denseKey() []byte {
	for i := range 1000 {
		key := make([]byte, KeySize)
		key[0], key[1] = byte(i), byte(i>>8)
		if -newGear(key)[0] < ^uint64(0)/(64*4) {
			return key
		}
	}
	panic("no such key")
}

// steepest returns the byte whose repetition has the least hash, and so the most cuts.
func steepest() byte {
	best := 0
	for i, g := range newGear(nil) {
		if -g < -newGear(nil)[best] {
			best = i
		}
	}
	return byte(best)
}

func TestWorkersDoNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const size = sharedBufSize + 2*regionSize + 12345
	noise := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	letters := make([]byte, size)
	for i := range letters {
		letters[i] = "ab"[rng.IntN(2)]
	}
	inputs := map[string][]byte{
		"empty":       nil,
		"one byte":    {1},
		"noise":       noise,
		"region":      noise[:regionSize],
		"region + 1":  noise[:regionSize+1],
		"buffer":      noise[:sharedBufSize],
		"zeros":       make([]byte, size),
		"steep byte":  bytes.Repeat([]byte{steepest()}, size),
		"flat byte":   bytes.Repeat([]byte{255 - steepest()}, size),
		"text":        bytes.Repeat([]byte("all work and no play makes a dull archive\n"), size/42),
		"long period": bytes.Repeat(noise[:70001], size/70001),
		"two letters": letters,
		"mixed":       mixed(size, rng),
		"short zeros": bytes.Repeat(slicesConcat(noise[:5000], make([]byte, ZeroRun-1)), size/9000),
		"zero runs":   bytes.Repeat(slicesConcat(noise[:333], make([]byte, ZeroRun), noise[:1], make([]byte, 2*ZeroRun+64)), size/13000),
	}
	options := map[string]Options{
		"default":   {},
		"keyed":     {Key: testKey},
		"1K":        {Avg: 1 << 10},
		"least":     {Min: 64, Avg: 64, Max: 64},
		"min 64":    {Min: 64, Avg: 64, Max: 1 << 20},
		"dense":     {Min: 64, Avg: 64, Max: 300, Key: denseKey()},
		"odd":       {Min: 777, Avg: 3001, Max: 30011},
		"min = avg": {Min: 1 << 14, Avg: 1 << 14, Max: 1 << 15},
		"avg = max": {Min: 100, Avg: 1 << 14, Max: 1 << 14},
		"fixed":     {Name: FixedV1, Size: 1000},
	}
	for name, p := range inputs {
		for kind, o := range options {
			want := pieces(t, o, bytes.NewReader(p), p)
			for _, workers := range []int{2, 3, 4, 8} {
				if testing.Short() && workers != 3 {
					continue
				}
				if got := piecesOf(t, o, workers, bytes.NewReader(p), p); !equal(got, want) {
					t.Errorf("%s, %s: %d workers gave other pieces", name, kind, workers)
				}
			}
		}
	}
}

// A buffer of many regions, and a carry longer than a region.
func TestWorkersAndLongChunks(t *testing.T) {
	p := mixed(10<<20, rand.New(rand.NewPCG(8, 9)))
	o := Options{Min: 64, Avg: 1 << 20, Max: 2 << 20}
	want := pieces(t, o, bytes.NewReader(p), p)
	if got := piecesOf(t, o, 3, bytes.NewReader(p), p); !equal(got, want) {
		t.Error("other pieces")
	}
}

func TestWorkersAndReadSizes(t *testing.T) {
	p := mixed(5<<19, rand.New(rand.NewPCG(3, 3)))
	o := Options{Avg: 1 << 10}
	want := pieces(t, o, bytes.NewReader(p), p)
	for name, r := range map[string]io.Reader{
		"one byte": iotest.OneByteReader(bytes.NewReader(p)),
		"half":     iotest.HalfReader(bytes.NewReader(p)),
		"eof with": iotest.DataErrReader(bytes.NewReader(p)),
		"dribble":  dribble{bytes.NewReader(p), rand.New(rand.NewPCG(3, 4))},
	} {
		if got := piecesOf(t, o, 4, r, p); !equal(got, want) {
			t.Errorf("%s: other pieces", name)
		}
	}
}

// One splitter for several extents, as a file with holes has them, and one batch for all.
func TestWorkersAndExtents(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	one, _ := NewSplitter(Options{}, 1)
	many, _ := NewSplitter(Options{}, 3)
	collect := func(s *Splitter, p []byte, e Edges) (list []Piece) {
		s.Start(bytes.NewReader(p), 1<<40, e)
		var b Batch
		for s.Next(b.Reset()) == nil {
			list = append(list, b.Pieces...)
		}
		return list
	}
	for i := range 40 {
		p := mixed(rng.IntN(5<<18), rng)
		e := Edges{HoleBefore: i%2 == 0, HoleAfter: i%3 == 0}
		if !equal(collect(one, p, e), collect(many, p, e)) {
			t.Fatalf("extent %d of %d bytes: other pieces", i, len(p))
		}
	}
}

func TestMarks(t *testing.T) {
	p := mixed(regionSize+9999, rand.New(rand.NewPCG(2, 1)))
	c := newFastCDC(64, 256, 1<<10, nil)
	m := &marker{cdc: c, workers: 2}
	m.resize(len(p))
	m.search(p[:regionSize], 0)
	m.search(p, regionSize)
	hits := 0
	for i := MinSize - 1; i < len(p); i++ {
		if bytes.Contains(p[max(0, i-2*ZeroRun):i+1], zeroBlock[:]) {
			continue // the byte or its window may be within a zero run
		}
		for name, kind := range map[string]struct {
			bitmap
			below uint64
		}{"strict": {m.strict, c.strict}, "loose": {m.loose, c.loose}} {
			want := firstCut(p, i+1, i+1, kind.below, c.gear) != 0
			if got := kind.first(i, i+1) == i; got != want {
				t.Fatalf("byte %d, %s: got %v, want %v", i, name, got, want)
			}
			if want {
				hits++
			}
		}
	}
	if hits == 0 {
		t.Error("no cuts at all")
	}
}

func FuzzWorkers(f *testing.F) {
	f.Add(uint64(1), 300000, 64, 0, 0, false)
	f.Add(uint64(2), 1200000, 4096, 12288, 49152, true)
	f.Add(uint64(3), 140000, 64, 0, 1000, true)
	f.Fuzz(func(t *testing.T, seed uint64, size, minSize, more, evenMore int, keyed bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		p := mixed(abs(size)%(3<<19), rng)
		o := Options{Min: MinSize + abs(minSize)%10000}
		o.Avg = o.Min + abs(more)%20000
		o.Max = o.Avg + abs(evenMore)%400000
		if keyed {
			o.Key = fmt.Appendf(nil, "%032d", seed)
		}
		e := Edges{rng.IntN(2) == 0, rng.IntN(2) == 0}
		var lists [2][]Piece
		for i := range lists {
			s, err := NewSplitter(o, 1+3*i)
			if err != nil {
				t.Fatal(err)
			}
			s.Start(dribble{bytes.NewReader(p), rng}, 0, e)
			var b Batch
			for s.Next(b.Reset()) == nil {
				lists[i] = append(lists[i], b.Pieces...)
			}
		}
		if !equal(lists[0], lists[1]) {
			t.Fatalf("%+v: other pieces with 4 workers", o)
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// Next with its copy and its search for zeros, as hexz-chunk uses it, on one and on two cores.
func BenchmarkCut(b *testing.B) {
	random := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	for _, kind := range []struct {
		name string
		o    Options
	}{{"16K", Options{}}, {"1K", Options{Avg: 1 << 10}}} {
		for _, workers := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/workers=%d", kind.name, workers), func(b *testing.B) {
				b.SetBytes(int64(len(random)))
				s, _ := NewSplitter(kind.o, workers)
				// As many as are under way in hexz-chunk, so that none is in the cache.
				var ring [12]Batch
				for b.Loop() {
					s.Start(bytes.NewReader(random), 0, Edges{})
					for i := 0; s.Next(ring[i%len(ring)].Reset()) == nil; i++ {
					}
				}
			})
		}
	}
}
