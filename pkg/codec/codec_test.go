package codec

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
)

var names = []string{None, Zstd, LZ4, S2}

func TestRoundTrip(t *testing.T) {
	kinds := []struct {
		name string
		make func(seed uint64, n int) []byte
	}{
		{"text", text}, {"mixed", mixed}, {"random", randomBytes},
		{"zeros", func(_ uint64, n int) []byte { return make([]byte, n) }},
	}
	dec := newDecoder(t)
	for _, name := range names {
		for _, level := range []int{0, 1, 2, 3, 4, 6, 9, 10, 22} {
			e := newEncoder(t, Options{Name: name, Level: level, Threads: 1})
			for _, kind := range kinds {
				for _, n := range []int{0, 1, 2, 100, 64 << 10, 256 << 10, 1 << 20} {
					if raceEnabled && n > 64<<10 && (level != 0 || n > 256<<10) {
						continue // covered without the race detector, which is slow
					}
					src := kind.make(uint64(n), n)
					id := fmt.Sprintf("%s %d %s %d", name, level, kind.name, n)
					got, out := e.Encode(make([]byte, 7, 100), src)
					if got != name && got != None || len(out) > n {
						t.Fatalf("%s: %d bytes of %s", id, len(out), got)
					}
					if got == None && n > 0 && &out[0] != &src[0] {
						t.Fatalf("%s: none is not src itself", id)
					}
					if got == name && name != None && len(out) == n {
						t.Fatalf("%s: encoding without gain", id)
					}
					if name != None && got == None && n >= 64<<10 && kind.name != "random" {
						t.Fatalf("%s: not compressed", id)
					}
					if kind.name == "random" && got != None {
						t.Fatalf("%s: random bytes as %s", id, got)
					}
					raw, err := dec.Decode(make([]byte, 3, 5), got, out, n)
					if err != nil || !bytes.Equal(raw, src) {
						t.Fatalf("%s: %v", id, err)
					}
				}
			}
		}
	}
}

// Payloads over the small window go through another encoder, and those over
// the large one are frames with a window.
func TestLargePayload(t *testing.T) {
	skipRace(t)
	dec := newDecoder(t)
	src := mixed(1, 20<<20)
	for _, n := range []int{smallWindow, smallWindow + 1, largeWindow, largeWindow + 1, len(src)} {
		name, out := newEncoder(t, Options{Threads: 1}).Encode(nil, src[:n])
		raw, err := dec.Decode(nil, name, out, n)
		if name != Zstd || err != nil || !bytes.Equal(raw, src[:n]) {
			t.Fatal(n, name, err)
		}
	}
	if name, out := newEncoder(t, Options{}).Encode(nil, make([]byte, MaxSize+1)); name != None || len(out) != MaxSize+1 {
		t.Fatal("payload over MaxSize was encoded")
	}
}

func TestOptions(t *testing.T) {
	dict := readFile(t, "text.dict")
	for _, o := range []Options{
		{Name: "gzip"}, {Name: "ZSTD"}, {Level: -1}, {Level: 23}, {Threads: -1},
		{Name: LZ4, Dict: dict}, {Name: None, Dict: dict},
		{Dict: []byte{}}, {Dict: []byte("no dictionary at all, whatever it says")},
		{Dict: dict[:60]}, {Dict: append(bytes.Clone(dict), make([]byte, MaxDictSize)...)},
	} {
		if _, err := NewEncoder(o); err == nil {
			t.Errorf("accepted: %q %d %d, dictionary of %d bytes", o.Name, o.Level, o.Threads, len(o.Dict))
		}
	}
	if _, err := NewDecoder(-1); err == nil {
		t.Error("accepted -1 threads")
	}
}

// An encoding depends on nothing that an encoder did before, nor on the
// threads. Every zstd encode moves an internal position forward by a window
// at least; 2^31 is passed within this test, when tables are cleared.
func TestDeterministic(t *testing.T) {
	skipRace(t)
	dict := readFile(t, "text.dict")
	src := mixed(5, 200<<10)
	for _, o := range []Options{
		{Level: 1}, {Level: 3}, {Level: 6}, {Level: 10}, {Level: 3, Dict: dict},
		{Name: LZ4}, {Name: LZ4, Level: 5}, {Name: S2}, {Name: S2, Level: 2}, {Name: S2, Level: 4},
	} {
		o.Threads = 1
		_, want := newEncoder(t, o).Encode(nil, src)
		e := newEncoder(t, o)
		for i := range 1200 {
			e.Encode(nil, text(uint64(i), 1<<10))
		}
		for i := range 4 {
			e.Encode(nil, mixed(uint64(i), 100<<10))
			if _, got := e.Encode(nil, src); !bytes.Equal(got, want) {
				t.Fatalf("%q level %d: encoding differs", o.Name, o.Level)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	dec := newDecoder(t)
	for _, o := range []Options{{Threads: 4}, {Threads: 1}, {Name: LZ4}, {Name: LZ4, Level: 4}, {Name: S2}} {
		e := newEncoder(t, o)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				dst, raw := make([]byte, Bound(64<<10)), []byte(nil)
				for i := range 10 {
					src := mixed(uint64(g*100+i), 64<<10)
					name, out := e.Encode(dst, src)
					var err error
					if raw, err = dec.Decode(raw, name, out, len(src)); err != nil || !bytes.Equal(raw, src) {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// keepPools lets a test find in a sync.Pool what it has put there: the collector empties pools, and
// each processor has a part of its own that others do not reach.
func keepPools(t *testing.T) {
	procs, percent := runtime.GOMAXPROCS(1), debug.SetGCPercent(-1)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	})
}

// With room of Bound bytes neither direction allocates for the payload, and
// the result stands in the caller's memory.
func TestReuse(t *testing.T) {
	keepPools(t)
	dec := newDecoder(t)
	for _, src := range [][]byte{text(1, 256<<10), randomBytes(1, 256<<10)} {
		for _, name := range names[1:] {
			e := newEncoder(t, Options{Name: name, Threads: 1})
			dst, raw := make([]byte, Bound(len(src))), make([]byte, Bound(len(src)))
			got, out := e.Encode(dst, src)
			if got != None && &out[0] != &dst[0] {
				t.Errorf("%s: encoded elsewhere", name)
			}
			back, err := dec.Decode(raw, got, out, len(src))
			if err != nil || &back[0] != &raw[0] {
				t.Errorf("%s: decoded elsewhere: %v", name, err)
			}
			both := func() {
				e.Encode(dst, src)
				if _, err := dec.Decode(raw, got, out, len(src)); err != nil {
					t.Error(err)
				}
			}
			both() // fills the pools; the decoder has two states
			if n := allocated(both); n > 64<<10 && !raceEnabled {
				t.Errorf("%s: allocates %d bytes", name, n)
			}
		}
	}
}

func TestDecodeNames(t *testing.T) {
	dec := newDecoder(t)
	for _, name := range []string{"", "gzip", "Zstd", "zstd "} {
		var unknown *UnknownError
		if _, err := dec.Decode(nil, name, []byte("abc"), 3); !errors.As(err, &unknown) || unknown.Name != name || errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", name, err)
		}
	}
	src := []byte("abc")
	raw, err := dec.Decode(nil, None, src, 3)
	if err != nil || &raw[0] == &src[0] {
		t.Errorf("none: shares memory, or %v", err)
	}
}

// What a decoder of Others makes is measured, and its error is its own.
func TestDecodeOthers(t *testing.T) {
	dec := newDecoder(t)
	failed := errors.New("it failed")
	dec.Others = Decoders{
		"twice": func(src []byte, _ int) ([]byte, error) { return bytes.Repeat(src, 2), nil },
		"fails": func([]byte, int) ([]byte, error) { return nil, failed },
	}
	if got, err := dec.Decode(nil, "twice", []byte("abc"), 6); err != nil || string(got) != "abcabc" {
		t.Errorf("%q, %v", got, err)
	}
	for _, n := range []int{5, 7} {
		if _, err := dec.Decode(nil, "twice", []byte("abc"), n); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := dec.Decode(nil, "fails", []byte("abc"), 3); !errors.Is(err, failed) || errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}
