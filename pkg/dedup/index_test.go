package dedup

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// number returns a hash with n in it and zeros elsewhere.
func number(n uint64) (h [32]byte) {
	binary.LittleEndian.PutUint64(h[:], n)
	return h
}

func randomHash(r *rand.Rand) (h [32]byte) {
	for i := 0; i < 32; i += 8 {
		binary.LittleEndian.PutUint64(h[i:], r.Uint64())
	}
	return h
}

func TestEmpty(t *testing.T) {
	var x Index
	if _, ok := x.Lookup([32]byte{}); ok || x.Len() != 0 {
		t.Error("an empty index is not empty")
	}
	if b := x.Bytes(); b > 16<<10 {
		t.Errorf("an empty index of %d bytes", b)
	}
}

// The index behaves like a map, for hashes of every kind.
func TestAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		what string
		next func(i int) [32]byte
	}{
		{"random", func(int) [32]byte { return randomHash(r) }},
		{"many twice", func(int) [32]byte { return number(r.Uint64N(20000)) }},
		{"ascending", func(i int) [32]byte { return number(uint64(i)) }},
		{"same first 24 bytes", func(i int) (h [32]byte) {
			binary.BigEndian.PutUint64(h[24:], uint64(i))
			return h
		}},
		{"same last 24 bytes", func(i int) (h [32]byte) {
			h[31] = 7
			binary.BigEndian.PutUint64(h[:], uint64(i))
			return h
		}},
		{"one bit", func(i int) (h [32]byte) {
			h[i/8%32] = 1 << (i % 8)
			return h
		}},
	} {
		var x Index
		want := map[[32]byte]uint32{}
		for i := range 60000 {
			h := c.next(i)
			at, ok := want[h]
			if got, found := x.Lookup(h); found != ok || found && got != at {
				t.Fatalf("%s: Lookup %d: %d %t, want %d %t", c.what, i, got, found, at, ok)
			}
			if !ok {
				at = uint32(len(want))
				want[h] = at
			}
			got, added, err := x.Add(h)
			if err != nil || got != at || added == ok {
				t.Fatalf("%s: Add %d: %d %t %v, want %d %t", c.what, i, got, added, err, at, !ok)
			}
			if x.Len() != len(want) {
				t.Fatalf("%s: Len %d, want %d", c.what, x.Len(), len(want))
			}
		}
		for h, at := range want {
			if got, ok := x.Lookup(h); !ok || got != at || x.At(at) != h {
				t.Fatalf("%s: lost ordinal %d", c.what, at)
			}
			h[5] ^= 0xa5
			if _, other := want[h]; !other {
				if _, ok := x.Lookup(h); ok {
					t.Fatalf("%s: found what is not there", c.what)
				}
			}
		}
	}
}

// Hashes with equal tags, all in one shard, are told apart by their content, through all doublings
// and around the end of the table.
func TestEqualTags(t *testing.T) {
	for _, tag := range []uint32{0, 1, math.MaxUint32} {
		var x Index
		x.blocks = append(x.blocks, new(block), new(block))
		s := &x.shards[3]
		for i := range uint32(1000) {
			h := number(uint64(i))
			if _, ok := x.find(s, tag, &h); ok {
				t.Fatalf("tag %d: found %d too early", tag, i)
			}
			*x.hash(i) = h
			x.slots += s.insert(tag, i)
			x.n++
		}
		for i := range uint32(1000) {
			h := number(uint64(i))
			if got, ok := x.find(s, tag, &h); !ok || got != i {
				t.Fatalf("tag %d: %d is %d %t", tag, i, got, ok)
			}
		}
		if x.slots != len(s.slots) || s.used != 1000 {
			t.Errorf("%d slots, counted %d", len(s.slots), x.slots)
		}
	}
}

func TestSlot(t *testing.T) {
	for _, ordinal := range []uint32{0, 1, math.MaxUint32 - 1} {
		for _, tag := range []uint32{0, 5, math.MaxUint32} {
			if v := makeSlot(tag, ordinal); v == 0 || v.tag() != tag || v.ordinal() != ordinal {
				t.Errorf("slot of %d %d: %x", tag, ordinal, v)
			}
		}
	}
}

func TestFull(t *testing.T) {
	var x Index
	if _, _, err := x.Add(number(1)); err != nil {
		t.Fatal(err)
	}
	x.n = math.MaxUint32 // as if the others were there
	if _, _, err := x.Add(number(2)); !errors.Is(err, ErrFull) {
		t.Errorf("Add to a full index: %v", err)
	}
	if at, added, err := x.Add(number(1)); err != nil || added || at != 0 {
		t.Errorf("known hash in a full index: %d %t %v", at, added, err)
	}
}

func TestAtPanics(t *testing.T) {
	var x Index
	x.Add(number(1))
	defer func() {
		if recover() == nil {
			t.Error("At(1) of an index of 1")
		}
	}()
	x.At(1)
}

// Shards share the load, whatever pattern the hashes have.
func TestSpread(t *testing.T) {
	var x Index
	const n = 1 << 17
	for i := range uint64(n) {
		x.Add(number(i << 40))
	}
	for i := range x.shards {
		if used := int(x.shards[i].used); used < n/256/2 || used > n/256*2 {
			t.Errorf("shard %d has %d of %d", i, used, n)
		}
	}
}

func TestAllocs(t *testing.T) {
	var x Index
	for i := range uint64(1000) {
		x.Add(number(i))
	}
	h := number(5)
	if n := testing.AllocsPerRun(100, func() { x.Add(h); x.Lookup(h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
