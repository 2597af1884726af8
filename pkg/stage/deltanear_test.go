package stage

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

// every changes what stands at every so many bytes of p.
func every(p []byte, n int, change func([]byte) []byte) []byte {
	var q []byte
	for part := range slices.Chunk(p, n) {
		q = append(q, change(slices.Clone(part))...)
	}
	return q
}

// A stream in which no chunk is as it was, and all has moved a bit: the version before is followed,
// without a search in all of it, and what was new in that is taken from its programs.
func TestDeltaFollows(t *testing.T) {
	lib := library{}
	rng := rand.New(rand.NewPCG(1, 2))
	byteIn := func(part []byte) []byte { part[rng.IntN(len(part))]++; return part }
	putIn := func(part []byte) []byte { return append(unlike(byte(rng.Uint32()), 400), part...) }
	replace := func(part []byte) []byte { copy(part, unlike(byte(rng.Uint32()), 40)); return part }
	v := unlike(11, 8<<20)
	last := lib.open(t, pipe(t, v, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	for n, change := range []func() []byte{
		func() []byte { return every(every(v, 128<<10, putIn), 2000, byteIn) },
		func() []byte { return every(every(v, 130<<10, putIn), 2100, byteIn) },
		func() []byte { return every(v, 2000, replace) },
	} {
		v = change()
		out, work := deltaOf(t, thinOn(t, last, v, ChunkOptions{}), lib.find)
		r := lib.open(t, pipe(t, out, encoding(CompressOptions{}), sealing()))
		totals := &r.Info().Totals
		if totals.Data.N+totals.Parent.N > 0 || n < 2 && (work.searched || totals.Raw > 80<<10) {
			t.Errorf("version %d: %+v, searched: %v", n, *totals, work.searched)
		}
		if got := lib.content(t, r, "disk"); !bytes.Equal(got, v) {
			t.Fatalf("version %d became something else", n)
		}
		checkSources(t, lib, r, v, 0)
		last = r
	}
	// What was replaced in the last version is in no chunk of the first, and is not stored again.
	v = every(v, 100<<10, byteIn)
	out, work := deltaOf(t, thinOn(t, last, v, ChunkOptions{}), lib.find)
	r := lib.open(t, pipe(t, out, encoding(CompressOptions{}), sealing()))
	if totals := &r.Info().Totals; work.searched || totals.Data.N > 0 || totals.Raw > last.Info().Totals.Raw/3 {
		t.Errorf("the last version: %+v, that before had %d", *totals, last.Info().Totals.Raw)
	}
	checkSources(t, lib, r, v, 0)
}

// Where the stream comes from elsewhere, it is followed there.
func TestDeltaFollowsElsewhere(t *testing.T) {
	lib := library{}
	small := ChunkOptions{Chunker: chunker.Options{Avg: 4096}} // the first ones behind a seam are new
	old := unlike(12, 24<<20)
	base := lib.open(t, pipe(t, old, cutting(small), dropping(), encoding(CompressOptions{}), sealing()))
	// The first version exchanges two parts. In the second one some bytes have changed.
	v1 := slices.Concat(old[:2<<20], old[8<<20:], old[2<<20:8<<20])
	first := lib.open(t, pipe(t, thinOn(t, base, v1, small), patchingBy(DeltaOptions{Find: lib.find}), encoding(CompressOptions{}), sealing()))
	for _, parent := range []*archive.Reader{base, first} {
		v2 := every(v1, 200<<10, func(part []byte) []byte { part[len(part)/2]++; return part })
		out, work := deltaOf(t, thinOn(t, parent, v2, small), lib.find)
		r := lib.open(t, pipe(t, out, encoding(CompressOptions{}), sealing()))
		if totals := &r.Info().Totals; work.searched || totals.Raw > 64<<10 || totals.Patch.N < 100 {
			t.Errorf("%+v, searched: %v, looked for %d of %d", *totals, work.searched, work.looked, work.held)
		}
		checkSources(t, lib, r, v2, 0)
	}
}

// What the version before has patched is taken from it, though the chunks around are those of the
// first version.
func TestDeltaFollowsAmongOldChunks(t *testing.T) {
	lib := library{}
	old := unlike(15, 8<<20)
	base := lib.open(t, pipe(t, old, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	n := 0
	v1 := every(old, 100<<10, func(part []byte) []byte {
		if n++; n%2 == 1 {
			return part
		}
		return every(part, 1000, func(p []byte) []byte { copy(p, unlike(byte(n), 60)); return p })
	})
	first := lib.open(t, pipe(t, thinOn(t, base, v1, ChunkOptions{}), patchingBy(DeltaOptions{Find: lib.find}), encoding(CompressOptions{}), sealing()))
	for _, in := range [][]byte{nil, make([]byte, 100<<10)} { // so much that the place is lost
		n := 0
		v2 := append(in, every(v1, 100<<10, func(part []byte) []byte {
			if n++; n%2 == 1 {
				return part
			}
			return every(part, 3000, func(p []byte) []byte { p[len(p)/2]++; return p })
		})...)
		out, work := deltaOf(t, thinOn(t, first, v2, ChunkOptions{}), lib.find)
		r := lib.open(t, pipe(t, out, encoding(CompressOptions{}), sealing()))
		totals := &r.Info().Totals
		if work.searched || totals.Parent.N < 50 || totals.Raw > first.Info().Totals.Raw/3 {
			t.Errorf("%+v, the version before has %d, searched: %v", *totals, first.Info().Totals.Raw, work.searched)
		}
		if !bytes.Equal(lib.content(t, r, "disk"), v2) {
			t.Error("it became something else")
		}
		checkSources(t, lib, r, v2[len(in):], int64(len(in)))
	}
}

// A chunk is made of what was in its place, and of what has moved.
func TestDeltaNearAndFar(t *testing.T) {
	lib := library{}
	old := unlike(17, 4<<20)
	base := lib.open(t, pipe(t, old, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	v := bytes.Clone(old)
	for at := 0; at+20<<10 <= len(v); at += 20 << 10 { // of each 20 KiB, 10 KiB come from the other half
		copy(v[at:at+10<<10], old[(at+2<<20+5000)%(len(old)-10<<10):])
	}
	v = every(v, 1500, func(part []byte) []byte { part[7]++; return part })
	r := lib.open(t, pipe(t, thinOn(t, base, v, ChunkOptions{}), patchingBy(DeltaOptions{Find: lib.find}), encoding(CompressOptions{}), sealing()))
	if totals := &r.Info().Totals; totals.Raw > 500<<10 {
		t.Errorf("%+v", *totals)
	}
	if !bytes.Equal(lib.content(t, r, "disk"), v) {
		t.Error("it became something else")
	}
}

// checkSources compares what ReadSources tells of what r has from an offset on with what the
// archives have.
func checkSources(t *testing.T, lib library, r *archive.Reader, want []byte, from int64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	parents := map[archive.Hash]*archive.Parents{}
	small := 0
	for range 60 {
		at, n := rng.IntN(len(want)), rng.IntN(60<<10)
		p := make([]byte, n)
		sources, done, err := r.ReadSources(0, p, from+int64(at))
		if err != nil && err != io.EOF || done != min(n, len(want)-at) || !bytes.Equal(p[:done], want[at:][:done]) {
			t.Fatalf("ReadSources of %d bytes at %d: %d, %v", n, at, done, err)
		}
		p = p[:done]
		for _, s := range sources {
			if s.Archive == (archive.Hash{}) {
				small += s.Len
				p = p[s.Len:]
				continue
			}
			if parents[s.Archive] == nil {
				parents[s.Archive] = archive.NewParents(archive.Options{Find: lib.find})
				parents[s.Archive].Add(&stream.Parent{ID: s.Archive})
			}
			from, free, err := parents[s.Archive].Base(&stream.Base{Ordinal: s.Ordinal})
			if err != nil || !bytes.Equal(from[s.Offset:][:s.Len], p[:s.Len]) {
				t.Fatalf("%+v has other bytes: %v", s, err)
			}
			free()
			p = p[s.Len:]
		}
		if len(p) > 0 {
			t.Fatalf("%d bytes have no source", len(p))
		}
	}
	if small > len(want)/100 {
		t.Errorf("%d bytes are nowhere", small)
	}
}

// A chunk is found where it is, and within reach of it.
func TestFindChunk(t *testing.T) {
	lib := library{}
	p := slices.Concat(unlike(13, 300<<10), make([]byte, 20<<10), unlike(13, 100<<10))
	small := ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	full := lib.open(t, pipe(t, p, cutting(small), dropping(), encoding(CompressOptions{Block: 20000}), sealing()))
	thin := lib.open(t, pipe(t, thinOn(t, full, append(unlike(14, 50<<10), p...), small), encoding(CompressOptions{Block: 20000}), sealing()))
	for _, r := range []*archive.Reader{full, thin} {
		at := int64(0)
		seen := 0
		err := r.EntryPages(func(place archive.Place, entries []stream.Entry) error {
			at = place.Offset
			own := place.Chunk
			for i := range entries {
				e := &entries[i]
				parent, ordinal := -1, e.Ordinal
				switch e.Kind {
				case stream.Data:
					ordinal = own
					own++
					if n, from, err := r.Where(ordinal); n != 0 || from != at || err != nil {
						t.Errorf("chunk %d is at %d, %d: %v; want %d", ordinal, n, from, err, at)
					}
				case stream.ParentRef:
					parent = int(e.Parent)
				case stream.Zero:
					at += e.Len
					continue
				}
				seen++
				for _, c := range []struct {
					off, reach int64
					ok         bool
				}{{at, 0, true}, {at + 1, 0, false}, {at - 700, 700, true}, {at + 700, 700, true}, {at + 700, 699, false}, {at - 700, 699, false}} {
					if c.off < 0 {
						continue
					}
					got, ok, err := r.FindChunk(0, c.off, c.reach, parent, ordinal)
					if err != nil || ok != c.ok || ok && got != at {
						t.Errorf("chunk %d of %d at %d, from %d by %d: %d %v %v", ordinal, parent, at, c.off, c.reach, got, ok, err)
					}
				}
				if _, ok, _ := r.FindChunk(0, at, 0, parent+1, ordinal); ok {
					t.Errorf("chunk %d is one of another archive", ordinal)
				}
				at += e.Len
			}
			return nil
		})
		if err != nil || seen < 50 {
			t.Error(seen, err)
		}
		if _, _, err := r.Where(1 << 40); err == nil {
			t.Error("a chunk that is not there is somewhere")
		}
	}
}
