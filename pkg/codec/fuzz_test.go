package codec

import (
	"bytes"
	"errors"
	"testing"
)

type seed struct {
	name   string
	src    []byte
	rawLen int
}

func fuzzSeeds(t testing.TB) []seed {
	var seeds []seed
	n := len(readFile(t, "text.raw"))
	for _, g := range golden {
		seeds = append(seeds, seed{g.codec, readFile(t, g.file), n})
	}
	for _, name := range names {
		for _, src := range [][]byte{text(1, 300), make([]byte, 1000), {}} {
			got, out := newEncoder(t, Options{Name: name, Threads: 1}).Encode(nil, src)
			seeds = append(seeds, seed{got, out, len(src)})
		}
	}
	return seeds
}

// A seed that does not decode would let the fuzzer begin with errors only.
func TestFuzzSeeds(t *testing.T) {
	dec := newDecoder(t)
	if err := dec.AddDict(70000, readFile(t, "text.dict")); err != nil {
		t.Fatal(err)
	}
	if out, err := dec.Decode(nil, Zstd, readFile(t, "text.dict.zst"), len(readFile(t, "text.raw"))); err != nil || !bytes.Equal(out, readFile(t, "text.raw")) {
		t.Errorf("the seed of FuzzAddDict does not decode: %v", err)
	}
	count := map[string]int{}
	for i, s := range fuzzSeeds(t) {
		if _, err := dec.Decode(nil, s.name, s.src, s.rawLen); err != nil {
			t.Errorf("seed %d, %s: %v", i, s.name, err)
		}
		count[s.name]++
	}
	for _, name := range names {
		if count[name] < 2 {
			t.Errorf("%s: %d seeds", name, count[name])
		}
	}
}

// Whatever comes in, the result has the length asked for or the error is
// ErrCorrupt; used memory gives the same result as new memory.
func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds(f) {
		f.Add(s.name, s.src, s.rawLen)
	}
	dec := newDecoder(f)
	if err := dec.AddDict(70000, readFile(f, "text.dict")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, src []byte, rawLen int) {
		if rawLen > 1<<20 {
			rawLen %= 1 << 20
		}
		out, err := dec.Decode(nil, name, src, rawLen)
		if unknown := errors.As(err, new(*UnknownError)); err != nil && !unknown && !errors.Is(err, ErrCorrupt) || err == nil && len(out) != rawLen {
			t.Fatalf("%d bytes of %d, %v", len(out), rawLen, err)
		}
		if max(rawLen, 0) < 1<<16 {
			used := bytes.Repeat([]byte{0xa5}, max(rawLen, 0)+40)
			again, err2 := dec.Decode(used, name, src, rawLen)
			if (err == nil) != (err2 == nil) || string(out) != string(again) {
				t.Fatalf("used memory: %v, then %v", err, err2)
			}
		}
	})
}

// A dictionary of a stranger is refused, or there is no harm in decoding with it.
func FuzzAddDict(f *testing.F) {
	dict := readFile(f, "text.dict")
	src, raw := readFile(f, "text.dict.zst"), readFile(f, "text.raw")
	f.Add(dict)
	f.Add(dict[:len(dict)/2])
	f.Fuzz(func(t *testing.T, p []byte) {
		dec := newDecoder(t)
		id, err := DictID(p)
		if err != nil {
			id = 70000
		}
		if addErr := dec.AddDict(id, p); (addErr == nil) != (err == nil) {
			t.Fatalf("DictID: %v, AddDict: %v", err, addErr)
		}
		out, err := dec.Decode(nil, Zstd, src, len(raw))
		if err != nil && !errors.Is(err, ErrCorrupt) || err == nil && len(out) != len(raw) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}
