package codec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func textSamples(count, n int) [][]byte {
	var s [][]byte
	for i := range count {
		s = append(s, text(uint64(i), n))
	}
	return s
}

// fileSamples are payloads of n bytes put together from 200 different files.
func fileSamples(count, n int) [][]byte {
	var s [][]byte
	for i := range count {
		r := newRand(uint64(i))
		var b []byte
		for len(b) < n {
			b = append(b, text(uint64(1000+r.IntN(200)), 2048)...)
			b = append(b, text(r.Uint64(), 2048)...)
		}
		s = append(s, b[:n])
	}
	return s
}

func TestTrainDict(t *testing.T) {
	skipRace(t)
	for level, sizes := range map[int][]int{0: {1 << 10, 64 << 10}, 1: {16 << 10}, 10: {16 << 10}} {
		for _, n := range sizes {
			samples := fileSamples(24, n)
			dict, gain, err := TrainDict(samples, 64<<10, level)
			if err != nil || dict == nil || gain < MinDictGain || gain > 0.99 || len(dict) > 64<<10 {
				t.Fatalf("level %d, %d: %d bytes, gain %.3f, %v", level, n, len(dict), gain, err)
			}
			again, _, _ := TrainDict(samples, 64<<10, level)
			if !bytes.Equal(dict, again) {
				t.Fatalf("level %d, %d: not deterministic", level, n)
			}
			id, err := DictID(dict)
			if err != nil || id < minDictID || id > maxDictID {
				t.Fatalf("id %d: %v", id, err)
			}
			dec := newDecoder(t)
			if err := dec.AddDict(id, dict); err != nil {
				t.Fatal(err)
			}
			// An encoder of every level must be able to use it, with payloads
			// of many blocks too.
			for _, l := range []int{1, 3, 6, 10} {
				if l == 10 && level != 10 {
					continue // slow
				}
				e := newEncoder(t, Options{Level: l, Dict: dict, Threads: 1})
				for _, src := range [][]byte{samples[0], fileSamples(1, 700<<10)[0], text(99, 3<<20)} {
					name, out := e.Encode(nil, src)
					raw, err := dec.Decode(nil, name, out, len(src))
					if name != Zstd || err != nil || !bytes.Equal(raw, src) {
						t.Fatalf("level %d, %d bytes: %v", l, len(src), err)
					}
				}
			}
		}
	}
	other, _, _ := TrainDict(fileSamples(25, 1<<10), 64<<10, 0)
	same, _, _ := TrainDict(fileSamples(24, 1<<10), 64<<10, 0)
	a, _ := DictID(other)
	b, _ := DictID(same)
	if a == b {
		t.Error("two dictionaries with one id")
	}
}

func TestTrainNothing(t *testing.T) {
	skipRace(t)
	repeat := func(b []byte, n int) (s [][]byte) {
		for range n {
			s = append(s, b)
		}
		return s
	}
	var random, distinct [][]byte
	for i := range 40 {
		random = append(random, randomBytes(uint64(i), 8<<10))
		distinct = append(distinct, bytes.Repeat(randomBytes(uint64(i), 100), 30))
	}
	for _, c := range []struct {
		what    string
		samples [][]byte
	}{
		{"none", nil}, {"one", textSamples(1, 1000)}, {"seven", textSamples(7, 1000)},
		{"random", random}, {"nothing in common", distinct},
		{"empty", repeat(nil, 50)}, {"tiny", repeat([]byte("abcdefg"), 50)},
	} {
		if dict, gain, err := TrainDict(c.samples, 16<<10, 0); dict != nil || err != nil || gain >= MinDictGain {
			t.Errorf("%s: %d bytes, gain %.3f, %v", c.what, len(dict), gain, err)
		}
	}
	// Odd samples may give a dictionary or none, but nothing else.
	for _, b := range [][]byte{
		make([]byte, 300<<10), bytes.Repeat([]byte("ab"), 500), bytes.Repeat([]byte("ABCDABCDABCDABCD"), 64),
		text(1, 64), text(1, 65), text(1, 300<<10), bytes.Repeat([]byte{255}, 1000),
		append(make([]byte, 100), text(1, 100)...), append(randomBytes(1, 100), make([]byte, 200)...),
	} {
		for level, size := range map[int]int{1: 1 << 10, 3: 16 << 10, 6: MaxDictSize} {
			if _, _, err := TrainDict(repeat(b, 12), size, level); err != nil {
				t.Errorf("samples of %d bytes: %v", len(b), err)
			}
		}
	}
	for _, size := range []int{-1, 0, 1023, MaxDictSize + 1} {
		if _, _, err := TrainDict(nil, size, 0); err == nil {
			t.Errorf("accepted size %d", size)
		}
	}
	if _, _, err := TrainDict(nil, 1<<16, 23); err == nil {
		t.Error("accepted level 23")
	}
}

func TestAddDict(t *testing.T) {
	dict := readFile(t, "text.dict")
	dec := newDecoder(t)
	src := text(1, 2000)
	name, out := newEncoder(t, Options{Dict: dict}).Encode(nil, src)
	if _, err := dec.Decode(nil, name, out, len(src)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "dictionary 70000") {
		t.Errorf("missing dictionary: %v", err)
	}
	for _, bad := range []struct {
		id   uint32
		dict []byte
	}{{70001, dict}, {0, dict}, {70000, nil}, {70000, dict[:100]}, {70000, dict[1:]}} {
		if err := dec.AddDict(bad.id, bad.dict); !errors.Is(err, ErrCorrupt) {
			t.Errorf("id %d, %d bytes: %v", bad.id, len(bad.dict), err)
		}
	}
	if err := dec.AddDict(70000, dict); err != nil {
		t.Fatal(err)
	}
	if err := dec.AddDict(70000, dict); !errors.Is(err, ErrCorrupt) {
		t.Errorf("second dictionary of an id: %v", err)
	}
	if raw, err := dec.Decode(nil, name, out, len(src)); err != nil || !bytes.Equal(raw, src) {
		t.Error(err)
	}
}

// Damaged dictionaries must not make anything panic.
func TestDamagedDict(t *testing.T) {
	dict := readFile(t, "text.dict")
	src := readFile(t, "text.dict.zst")
	rawLen := len(readFile(t, "text.raw"))
	for i := range 400 { // the tables
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(dict)
			bad[i] ^= flip
			dec := newDecoder(t)
			if dec.AddDict(70000, bad) == nil {
				out, err := dec.Decode(nil, Zstd, src, rawLen)
				if err == nil && len(out) != rawLen || err != nil && !errors.Is(err, ErrCorrupt) {
					t.Fatal(i, err)
				}
			}
		}
	}
}

// Dictionaries may come while other goroutines decode.
func TestAddDictConcurrent(t *testing.T) {
	dec := newDecoder(t)
	first := readFile(t, "text.dict")
	if err := dec.AddDict(70000, first); err != nil {
		t.Fatal(err)
	}
	src := readFile(t, "text.dict.zst")
	rawLen := len(readFile(t, "text.raw"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if _, err := dec.Decode(nil, Zstd, src, rawLen); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		dict := bytes.Clone(first)
		copy(dict[4:], fmt.Sprintf("\x00\x01%c\x00", i+1))
		id, err := DictID(dict)
		if err != nil {
			t.Fatal(err)
		}
		if err := dec.AddDict(id, dict); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
