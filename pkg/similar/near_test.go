package similar_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// every changes the bytes at every n bytes of p.
func every(p []byte, n int, change func([]byte) []byte) []byte {
	var q []byte
	for part := range slices.Chunk(p, n) {
		q = append(q, change(slices.Clone(part))...)
	}
	return q
}

// No chunk of the stream is as it was, and all content has moved a bit. The version before is
// followed without a search in all of it, and its new content is taken from its programs.
func TestDeltaFollows(t *testing.T) {
	lib := stagetest.Library{}
	rng := rand.New(rand.NewPCG(1, 2))
	byteIn := func(part []byte) []byte { part[rng.IntN(len(part))]++; return part }
	putIn := func(part []byte) []byte { return append(stagetest.Unlike(byte(rng.Uint32()), 400), part...) }
	replace := func(part []byte) []byte { copy(part, stagetest.Unlike(byte(rng.Uint32()), 40)); return part }
	v := stagetest.Unlike(11, 8<<20)
	last := lib.Open(t, stagetest.Pipe(t, v, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	for n, change := range []func() []byte{
		func() []byte { return every(every(v, 128<<10, putIn), 2000, byteIn) },
		func() []byte { return every(every(v, 130<<10, putIn), 2100, byteIn) },
		func() []byte { return every(v, 2000, replace) },
	} {
		v = change()
		out, work := similar.DeltaOf(t, stagetest.ThinOn(t, last, v, stage.ChunkOptions{}), lib.Find)
		r := lib.Open(t, stagetest.Pipe(t, out, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
		totals := &r.Info().Totals
		if totals.Data.N+totals.Parent.N > 0 || n < 2 && (work.Searched || totals.Raw > 80<<10) {
			t.Errorf("version %d: %+v, searched: %v", n, *totals, work.Searched)
		}
		if got := lib.Content(t, r, "disk"); !bytes.Equal(got, v) {
			t.Fatalf("version %d became something else", n)
		}
		checkStored(t, lib, r, v, 0)
		last = r
	}
	// The bytes that were replaced in the last version are in no chunk of the first. They are not
	// stored again.
	v = every(v, 100<<10, byteIn)
	out, work := similar.DeltaOf(t, stagetest.ThinOn(t, last, v, stage.ChunkOptions{}), lib.Find)
	r := lib.Open(t, stagetest.Pipe(t, out, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	if totals := &r.Info().Totals; work.Searched || totals.Data.N > 0 || totals.Raw > last.Info().Totals.Raw/3 {
		t.Errorf("the last version: %+v, that before had %d", *totals, last.Info().Totals.Raw)
	}
	checkStored(t, lib, r, v, 0)
}

// Where the stream comes from elsewhere, its origin is followed.
func TestDeltaFollowsElsewhere(t *testing.T) {
	lib := stagetest.Library{}
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 4096}} // those after a seam are new
	old := stagetest.Unlike(12, 24<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(small), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	// The first version exchanges two parts. In the second one some bytes have changed.
	v1 := slices.Concat(old[:2<<20], old[8<<20:], old[2<<20:8<<20])
	first := lib.Open(t, stagetest.Pipe(t, stagetest.ThinOn(t, base, v1, small), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	for _, parent := range []*archive.Reader{base, first} {
		v2 := every(v1, 200<<10, func(part []byte) []byte { part[len(part)/2]++; return part })
		out, work := similar.DeltaOf(t, stagetest.ThinOn(t, parent, v2, small), lib.Find)
		r := lib.Open(t, stagetest.Pipe(t, out, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
		if totals := &r.Info().Totals; work.Searched || totals.Raw > 64<<10 || totals.Patch.N < 100 {
			t.Errorf("%+v, searched: %v, looked for %d of %d", *totals, work.Searched, work.Looked, work.Held)
		}
		checkStored(t, lib, r, v2, 0)
	}
}

// Content that the version before has patched is taken from it, though the chunks around are those
// of the first version.
func TestDeltaFollowsAmongOldChunks(t *testing.T) {
	lib := stagetest.Library{}
	old := stagetest.Unlike(15, 8<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	n := 0
	v1 := every(old, 100<<10, func(part []byte) []byte {
		if n++; n%2 == 1 {
			return part
		}
		return every(part, 1000, func(p []byte) []byte { copy(p, stagetest.Unlike(byte(n), 60)); return p })
	})
	first := lib.Open(t, stagetest.Pipe(t, stagetest.ThinOn(t, base, v1, stage.ChunkOptions{}), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	for _, in := range [][]byte{nil, make([]byte, 100<<10)} { // so much that the place is lost
		n := 0
		v2 := append(in, every(v1, 100<<10, func(part []byte) []byte {
			if n++; n%2 == 1 {
				return part
			}
			return every(part, 3000, func(p []byte) []byte { p[len(p)/2]++; return p })
		})...)
		out, work := similar.DeltaOf(t, stagetest.ThinOn(t, first, v2, stage.ChunkOptions{}), lib.Find)
		r := lib.Open(t, stagetest.Pipe(t, out, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
		totals := &r.Info().Totals
		if work.Searched || totals.Parent.N < 50 || totals.Raw > first.Info().Totals.Raw/3 {
			t.Errorf("%+v, the version before has %d, searched: %v", *totals, first.Info().Totals.Raw, work.Searched)
		}
		if !bytes.Equal(lib.Content(t, r, "disk"), v2) {
			t.Error("it became something else")
		}
		checkStored(t, lib, r, v2[len(in):], int64(len(in)))
	}
}

// A node says where in the parent the stream is, though nothing else does, and where that is in the
// version before, which has other content after it.
func TestDeltaFollowsNodes(t *testing.T) {
	lib := stagetest.Library{}
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 1024}}
	thin := func(parent *archive.Reader, p []byte) []byte {
		return stagetest.Pipe(t, p, stagetest.Cutting(small), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(parent), Find: lib.Index}))
	}
	old := stagetest.Unlike(19, 8<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(small), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	from, to := 0, 0 // where a node begins and a larger one ends
	var at [stream.MaxLevel + 1]int
	tree := stream.Tree{Ended: func(n stream.Node) {
		if at[n.Level] += int(n.Len); n.Level == 0 && from == 0 && at[0] > 300<<10 {
			from = at[0]
		}
		if n.Level == 1 && at[1] < len(old) {
			to = at[1]
		}
	}}
	for s, err := range base.Segments() {
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Entries {
			tree.Add(&s.Entries[i])
		}
	}
	v1 := bytes.Clone(old)
	copy(v1[to+400:], stagetest.Unlike(20, 100))
	first := lib.Open(t, stagetest.Pipe(t, thin(base, v1), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	if totals := &first.Info().Totals; totals.Node.N < 10 || totals.Patch.N == 0 || totals.Data.N > 0 {
		t.Fatalf("%+v", *totals)
	}
	for _, parent := range []*archive.Reader{base, first} {
		last := old
		if parent == first {
			last = v1
		}
		v2 := bytes.Clone(last[from : to+800])
		v2[to-from+420]++
		out, work := similar.DeltaOf(t, thin(parent, v2), lib.Find)
		r := lib.Open(t, stagetest.Pipe(t, out, stagetest.Sealing()))
		if totals := &r.Info().Totals; work.Searched || totals.Node.N < 5 || totals.Parent.N > 0 || totals.Patch.N == 0 || totals.Data.N > 0 || totals.Raw > 60 {
			t.Errorf("%+v, searched: %v", *totals, work.Searched)
		}
		if !bytes.Equal(lib.Content(t, r, "disk"), v2) {
			t.Error("it became something else")
		}
		checkStored(t, lib, r, v2, 0)
	}
}

// A chunk is made of content that was in its place and of content that has moved.
func TestDeltaNearAndFar(t *testing.T) {
	lib := stagetest.Library{}
	old := stagetest.Unlike(17, 4<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	v := bytes.Clone(old)
	for at := 0; at+20<<10 <= len(v); at += 20 << 10 { // half of each comes from elsewhere
		copy(v[at:at+10<<10], old[(at+2<<20+5000)%(len(old)-10<<10):])
	}
	v = every(v, 1500, func(part []byte) []byte { part[7]++; return part })
	r := lib.Open(t, stagetest.Pipe(t, stagetest.ThinOn(t, base, v, stage.ChunkOptions{}), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	if totals := &r.Info().Totals; totals.Raw > 500<<10 {
		t.Errorf("%+v", *totals)
	}
	if !bytes.Equal(lib.Content(t, r, "disk"), v) {
		t.Error("it became something else")
	}
}

// checkStored compares the runs that ReadStored returns for r, from an offset on, with the
// content of the archives.
func checkStored(t *testing.T, lib stagetest.Library, r *archive.Reader, want []byte, from int64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	parents := map[index.Hash]*archive.Parents{}
	small := 0
	for range 60 {
		at, n := rng.IntN(len(want)), rng.IntN(60<<10)
		p := make([]byte, n)
		runs, done, err := r.ReadStored(0, p, from+int64(at))
		if err != nil && err != io.EOF || done != min(n, len(want)-at) || !bytes.Equal(p[:done], want[at:][:done]) {
			t.Fatalf("ReadStored of %d bytes at %d: %d, %v", n, at, done, err)
		}
		p = p[:done]
		for _, s := range runs {
			if s.Archive == (index.Hash{}) {
				small += s.Len
				p = p[s.Len:]
				continue
			}
			if parents[s.Archive] == nil {
				parents[s.Archive] = archive.NewParents(archive.Options{Find: lib.Find})
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

// A chunk is found at its place, in all ranges that have its first byte.
func TestOffsetsOf(t *testing.T) {
	lib := stagetest.Library{}
	p := slices.Concat(stagetest.Unlike(13, 300<<10), make([]byte, 20<<10), stagetest.Unlike(13, 100<<10))
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	full := lib.Open(t, stagetest.Pipe(t, p, stagetest.Cutting(small), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Block: 20000}), stagetest.Sealing()))
	thin := lib.Open(t, stagetest.Pipe(t, stagetest.ThinOn(t, full, append(stagetest.Unlike(14, 50<<10), p...), small), stagetest.Encoding(stage.CompressOptions{Block: 20000}), stagetest.Sealing()))
	// Of the parent, folded has nodes only.
	folded := lib.Open(t, stagetest.Pipe(t, p, stagetest.Cutting(small), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(full)}), stagetest.Sealing()))
	if folded.Info().Totals.Node.Bytes != int64(len(p)) {
		t.Fatalf("%+v", folded.Info().Totals)
	}
	for _, r := range []*archive.Reader{full, thin, folded} {
		at := int64(0)
		seen := 0
		own := map[int64]bool{}
		number := func(of stream.Parent) (int32, error) {
			if of.ID == r.ID() {
				return stream.OwnBase, nil
			}
			return int32(slices.IndexFunc(r.Info().Parents, func(p stream.Parent) bool { return p.ID == of.ID })), nil
		}
		for e, err := range r.EntriesFrom(0, 0, number) {
			if err != nil {
				t.Fatal(err)
			}
			chunk := stream.Base{Parent: e.Parent, Ordinal: e.Ordinal}
			if e.Kind.IsRun() {
				at += e.Len
				continue
			}
			if chunk.Parent == stream.OwnBase && !own[e.Ordinal] {
				own[e.Ordinal] = true
				if n, from, err := r.Where(e.Ordinal); n != 0 || from != at || err != nil {
					t.Errorf("chunk %d is at %d, %d: %v; want %d", e.Ordinal, n, from, err, at)
				}
			}
			seen++
			in := r.ID()
			if chunk.Parent != stream.OwnBase {
				in = full.ID()
			}
			if got, err := r.StoredAt(0, at+3); err != nil || got != (archive.StoredByte{Archive: in, Ordinal: chunk.Ordinal, Skip: 3}) {
				t.Errorf("byte 3 of the chunk at %d: %+v, %v", at, got, err)
			}
			for _, c := range []struct {
				off, reach int64
				ok         bool
			}{{at, 0, true}, {at + 1, 0, false}, {at - 700, 700, true}, {at + 700, 700, true}, {at + 700, 699, false}, {at - 700, 699, false}} {
				if c.off < 0 {
					continue
				}
				got, err := r.OffsetsOf(chunk, archive.Range{From: max(c.off-c.reach, 0), To: c.off + c.reach + 1})
				if err != nil || (len(got) == 1) != c.ok || c.ok && got[0] != at {
					t.Errorf("chunk %d of %d at %d, from %d by %d: %d %v", chunk.Ordinal, chunk.Parent, at, c.off, c.reach, got, err)
				}
			}
			chunk.Parent++
			if got, _ := r.OffsetsOf(chunk, archive.Range{From: at, To: at + 1}); len(got) > 0 {
				t.Errorf("chunk %d is one of another archive", chunk.Ordinal)
			}
			at += e.Len
		}
		if seen < 50 {
			t.Error(seen)
		}
		if _, _, err := r.Where(1 << 40); err == nil {
			t.Error("a chunk that is not there is somewhere")
		}
	}
}

// Of several occurrences the nearest counts, before or after the expected offset.
func TestNearest(t *testing.T) {
	offsets := []int64{100, 200, 300}
	for expected, want := range map[int64]int64{-5: 100, 100: 100, 149: 100, 150: 100, 151: 200, 249: 200, 260: 300, 1000: 300} {
		if got := similar.Nearest(offsets, expected); got != want {
			t.Errorf("nearest to %d: %d, want %d", expected, got, want)
		}
	}
}
