package delta

import "testing"

func TestSamples(t *testing.T) {
	p := noise(6, 1<<20)
	whole := Samples(nil, p, 6)
	if n := len(whole); n < 1<<14*8/10 || n > 1<<14*12/10 {
		t.Errorf("%d samples of 1 MiB, one in 64 bytes was asked for", n)
	}
	// The samples of a part are those of the whole that lie in the part.
	const from = 12345
	part := Samples(nil, p[from:], 6)
	for _, s := range whole {
		if s.End < from+window {
			continue
		}
		if len(part) == 0 || part[0].End+from != s.End || part[0].Key != s.Key {
			t.Fatalf("the sample at %d is not in the part", s.End)
		}
		part = part[1:]
	}
	// The samples of a higher rate are among them.
	keys := map[Sample]bool{}
	for _, s := range whole {
		keys[s] = true
	}
	for _, s := range Samples(nil, p, 8) {
		if !keys[s] {
			t.Fatalf("the sample at %d is one at a higher rate only", s.End)
		}
	}
	for n := range window {
		if s := Samples(nil, p[:n], MinRate); len(s) > 0 {
			t.Errorf("samples of %d bytes", n)
		}
	}
}

func TestIndex(t *testing.T) {
	const blocks, size = 64, 64 << 10
	x := NewIndex(1<<16, 6) // for 8192 samples: there will be 65536
	for n := range blocks {
		x.Add(n, 100, Samples(nil, noise(uint64(n), size), 6))
	}
	if x.Rate() < 9 {
		t.Fatalf("rate %d: the index did not get thinner", x.Rate())
	}
	for n := range blocks {
		found := 0
		samples := Samples(nil, noise(uint64(n), size), x.Rate())
		for _, s := range samples {
			if at, ok := x.Find(s); ok && at == (Address{n, 100 + s.End}) {
				found++
			}
		}
		if found < len(samples)*6/10 {
			t.Errorf("block %d: %d of %d samples", n, found, len(samples))
		}
	}
	wrong := 0
	samples := Samples(nil, noise(1000, 1<<20), x.Rate())
	for _, s := range samples {
		if _, ok := x.Find(s); ok {
			wrong++
		}
	}
	if wrong > len(samples)/100 {
		t.Errorf("%d of %d samples were found that are not there", wrong, len(samples))
	}
	x.Reset()
	if _, ok := x.Find(samples[0]); ok || x.Rate() != 6 {
		t.Error("Reset has left something")
	}
	x.Add(MaxBlock, 0, samples[:1])
	if at, ok := x.Find(samples[0]); !ok || at.Block != MaxBlock {
		t.Error("the last block is not found", at, ok)
	}
	x.Reset()
	x.Add(MaxBlock+1, 0, samples[:1])
	if _, ok := x.Find(samples[0]); ok {
		t.Error("a block behind the last one is found")
	}
}

// The limit is an upper bound: an index takes memory for what it holds, and finds all of it.
func TestIndexGrows(t *testing.T) {
	x := NewIndex(1<<50, 6) // more than any machine has
	samples := 0
	for n := range 64 {
		s := Samples(nil, noise(uint64(n), 64<<10), 6)
		samples += len(s)
		x.Add(n, 100, s)
	}
	if size := 8 * (len(x.slots) + len(x.keys)); size > 64*samples || x.Rate() != 6 {
		t.Errorf("%d bytes for %d samples, rate %d", size, samples, x.Rate())
	}
	found := 0
	for n := range 64 {
		for _, s := range Samples(nil, noise(uint64(n), 64<<10), 6) {
			if at, ok := x.Find(s); ok && at == (Address{n, 100 + s.End}) {
				found++
			}
		}
	}
	if found < samples*97/100 {
		t.Errorf("%d of %d samples are found", found, samples)
	}
	// An index keeps a limit below the size of its content, without keys.
	if x = NewIndex(1<<20, 6); x.keys == nil {
		t.Fatal("full at once")
	}
	for n := range 1024 {
		x.Add(n, 0, Samples(nil, noise(uint64(n), 64<<10), 6))
	}
	if len(x.slots) != 1<<20/8 || x.keys != nil {
		t.Errorf("%d slots, %d keys", len(x.slots), len(x.keys))
	}
}

func TestRateFor(t *testing.T) {
	for _, c := range []struct {
		n, bytes int64
		want     uint
	}{{0, 1 << 20, 6}, {1 << 20, 128 << 20, 6}, {800 << 20, 128 << 20, 7}, {1 << 40, 128 << 20, 17}, {1 << 40, 0, maxRate}} {
		if got := RateFor(c.n, c.bytes); got != c.want {
			t.Errorf("RateFor(%d, %d) = %d, want %d", c.n, c.bytes, got, c.want)
		}
	}
}

func BenchmarkSamples(b *testing.B) {
	p := noise(1, 1<<20)
	b.SetBytes(int64(len(p)))
	var dst []Sample
	for b.Loop() {
		dst = Samples(dst[:0], p, 7)
	}
}
