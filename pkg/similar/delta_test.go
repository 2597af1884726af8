package similar_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/inspect"
	"hexz/pkg/restore"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// A chain of versions, each patched against the one before, is read in all ways.
func TestDeltaChain(t *testing.T) {
	lib := stagetest.Library{}
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	v := stagetest.Unlike(1, 700<<10)
	last := lib.Open(t, stagetest.Pipe(t, v, stagetest.Cutting(small), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	for n := range 4 {
		v = stagetest.Edited(uint64(n), v)
		thin := stagetest.Pipe(t, v, stagetest.Cutting(small), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(last)}))
		o := similar.Options{Find: lib.Find, Self: n%2 == 1}
		stream := stagetest.Pipe(t, thin, stagetest.PatchingBy(o))
		o.Threads = 5
		if !bytes.Equal(stream, stagetest.Pipe(t, thin, stagetest.PatchingBy(o))) {
			t.Fatalf("version %d: threads change the bytes", n)
		}
		sealed := stagetest.Pipe(t, stream, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
		r := lib.Open(t, sealed)
		totals := &r.Info().Totals
		if totals.Patch.N < totals.Data.N*3 || len(sealed) > len(v)/6 {
			t.Errorf("version %d: %d patches beside %d chunks, in %d bytes", n, totals.Patch.N, totals.Data.N, len(sealed))
		}
		checkReaders(t, lib, r, sealed, v)
		last = r
	}
	if got := len(last.Info().Parents); got != 4 {
		t.Errorf("the last version has %d parents", got)
	}
	rep, err := inspect.Chain(last, inspect.ChainOptions{Find: lib.Find})
	if err != nil {
		t.Fatal(err)
	}
	patches := int64(0)
	for _, p := range rep.Archives[0].Parents {
		patches += p.Patches
	}
	if patches < last.Info().Totals.Patch.N {
		t.Errorf("%d patches of parents, the archive has %d", patches, last.Info().Totals.Patch.N)
	}
}

// checkReaders restores the content of r, whose bytes are sealed, in all possible ways.
func checkReaders(t *testing.T, lib stagetest.Library, r *archive.Reader, sealed, want []byte) {
	t.Helper()
	if !bytes.Equal(lib.Content(t, r, "disk"), want) {
		t.Error("Cat gave something else")
	}
	if !bytes.Equal(stagetest.Pipe(t, sealed, stagetest.Restoring(restore.Options{Find: lib.Find, Threads: 2})), want) {
		t.Error("restore.Stream gave something else")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		p := make([]byte, rng.IntN(9000))
		at := rng.IntN(len(want))
		n, err := r.ReadAt(0, p, int64(at))
		if err != nil && err != io.EOF || !bytes.Equal(p[:n], want[at:at+n]) || n < min(len(p), len(want)-at) {
			t.Fatalf("ReadAt of %d bytes at %d: %d, %v", len(p), at, n, err)
		}
	}
	if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content, Threads: 2}); err != nil {
		t.Error(err)
	}
	flat := stagetest.Pipe(t, sealed, stagetest.FlatteningAll(lib.Find, 2), stagetest.Sealing())
	if f := stagetest.OpenArchive(t, flat); len(f.Info().Parents) != 0 || !bytes.Equal(stagetest.Restore(t, flat), want) {
		t.Error("flattened it is something else")
	}
	// Other stages after it, in any order that makes sense.
	again := stagetest.Pipe(t, sealed, stagetest.Unsealing(), stagetest.Decompressing(2), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Codec: "lz4", Block: 30000}), stagetest.Sealing())
	if got := lib.Content(t, lib.Open(t, again), "disk"); !bytes.Equal(got, want) {
		t.Error("through more stages it is something else")
	}
}

func TestDeltaSelf(t *testing.T) {
	part := stagetest.Unlike(2, 1500<<10) // longer than a round
	p := append(bytes.Clone(part), stagetest.Edited(3, part)...)
	p = append(p, stagetest.Edited(3, part)...) // dedup finds these, and refers to patches
	lib := stagetest.Library{}
	thin := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping())
	sealed := stagetest.Pipe(t, thin, stagetest.PatchingBy(similar.Options{Self: true}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
	r := lib.Open(t, sealed)
	if n := r.Info().Totals; n.Patch.Bytes < int64(len(part))*9/10 || n.Ref.N == 0 {
		t.Errorf("%+v", n)
	}
	checkReaders(t, lib, r, sealed, p)
	if plain := stagetest.Pipe(t, thin, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()); len(sealed) > len(plain)*6/10 {
		t.Errorf("%d bytes with patches, %d without", len(sealed), len(plain))
	}
	if n := stagetest.OpenArchive(t, stagetest.Pipe(t, thin, stagetest.PatchingBy(similar.Options{}), stagetest.Sealing())).Info().Totals.Patch.N; n != 0 {
		t.Errorf("%d patches without a parent and without Self", n)
	}
}

// Content that has moved is found once enough of the stream is new.
func TestDeltaFindsWhatMoved(t *testing.T) {
	lib := stagetest.Library{}
	old := stagetest.Unlike(4, 3<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	var p []byte
	for _, n := range rand.New(rand.NewPCG(5, 5)).Perm(24) { // pieces of 128 KiB, all edited
		p = append(p, stagetest.Edited(uint64(n), old[n<<17:(n+1)<<17])...)
	}
	sealed := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(base)}), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
	r := lib.Open(t, sealed)
	if n := r.Info().Totals; n.Patch.Bytes < int64(len(p))*8/10 {
		t.Errorf("%d of %d bytes are patched", n.Patch.Bytes, len(p))
	}
	checkReaders(t, lib, r, sealed, p)
}

// Pages in another order are copied, each from its old place, though there are many in a chunk.
func TestDeltaOfShuffledPages(t *testing.T) {
	lib := stagetest.Library{}
	large := stage.ChunkOptions{Chunker: chunker.Options{Avg: 64 << 10}}
	old := stagetest.Unlike(21, 6<<20)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(large), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	const page = 4 << 10
	var p []byte
	for _, n := range rand.New(rand.NewPCG(6, 6)).Perm(len(old) / page) {
		p = append(p, old[n*page:][:page]...)
	}
	sealed := stagetest.Pipe(t, p, stagetest.Cutting(large), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(base)}), stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Sealing())
	r := lib.Open(t, sealed)
	if n := r.Info().Totals; n.Raw > int64(len(p))/20 {
		t.Errorf("%d bytes are left of %d", n.Raw, len(p))
	}
	checkReaders(t, lib, r, sealed, p)
}

// A stream that is like nothing else passes with its frames unchanged.
func TestDeltaLeavesAlone(t *testing.T) {
	thin := stagetest.Pipe(t, stagetest.Content(900<<10), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping())
	got := stagetest.Pipe(t, thin, stagetest.PatchingBy(similar.Options{}))
	var header stream.Header
	header.AddStage("hexz-chunk", nil)
	header.AddStage("hexz-dedup", nil)
	var a, b bytes.Buffer
	stream.NewWriter(&a).Write(&header)
	header.AddStage("hexz-delta", nil)
	stream.NewWriter(&b).Write(&header)
	if !bytes.HasPrefix(thin, a.Bytes()) || !bytes.HasPrefix(got, b.Bytes()) || !bytes.Equal(thin[a.Len():], got[b.Len():]) {
		t.Error("something changed")
	}
	encoded := stagetest.Pipe(t, thin, stagetest.Encoding(stage.CompressOptions{TrainDict: 4 << 10}))
	sealed := stagetest.Pipe(t, encoded, stagetest.PatchingBy(similar.Options{}), stagetest.Sealing())
	if !bytes.Equal(stagetest.Restore(t, sealed), stagetest.Content(900<<10)) {
		t.Error("of an encoded stream something else came out")
	}
}

// Programs and bases that lie.
func TestDeltaThatLies(t *testing.T) {
	lib := stagetest.Library{}
	old := stagetest.Unlike(6, 1200<<10)
	base := lib.Open(t, stagetest.Pipe(t, old, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	thin := stagetest.Pipe(t, stagetest.Edited(8, old), stagetest.Cutting(stage.ChunkOptions{}), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(base)}), stagetest.PatchingBy(similar.Options{Find: lib.Find}))
	self := stagetest.Pipe(t, append(bytes.Clone(old), stagetest.Edited(8, old)...), stagetest.Cutting(stage.ChunkOptions{}), stagetest.PatchingBy(similar.Options{Self: true}))
	if err := lib.Verify(t, stagetest.Pipe(t, thin, stagetest.Sealing())); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		in     []byte
		change func(*stream.Entry)
		seal   bool // it can be sealed
	}{
		{"another base", thin, func(e *stream.Entry) { e.Patch.Bases[0].Ordinal++ }, true},
		{"a base that the parent does not have", thin, func(e *stream.Entry) { e.Patch.Bases[0].Ordinal = 1 << 40 }, true},
		{"another hash", thin, func(e *stream.Entry) { e.Hash[0]++ }, true},
		{"an own base that is not there", self, func(e *stream.Entry) { e.Patch.Bases[0].Hash[0]++ }, false},
		{"its own base", self, func(e *stream.Entry) { e.Patch.Bases[0].Hash = e.Hash }, false},
	} {
		changed := stagetest.Pipe(t, c.in, stagetest.Changing(stream.Patched, c.change))
		err := stagetest.Restoring(restore.Options{Find: lib.Find})(io.Discard, bytes.NewReader(changed))
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: restore.Stream: %v", c.name, err)
		}
		var sealed bytes.Buffer
		err = stagetest.Sealing()(&sealed, bytes.NewReader(changed))
		if c.seal && err == nil {
			err = lib.Verify(t, sealed.Bytes())
		}
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A base that is patched itself, in the same stream and in a parent.
	var first *stream.Hash
	twice := stagetest.Changing(stream.Patched, func(e *stream.Entry) { e.Patch.Bases[0].Hash = *first })
	eachPatch(t, self, func(e *stream.Entry) {
		if first == nil {
			hash := e.Hash
			first = &hash
		}
	})
	var sealed bytes.Buffer
	if err := stagetest.Sealing()(&sealed, bytes.NewReader(stagetest.Pipe(t, self, twice))); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("a patch on a patch: %v", err)
	}
	if err := stagetest.Restoring(restore.Options{})(io.Discard, bytes.NewReader(stagetest.Pipe(t, self, twice))); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("a patch on a patch: restore.Stream: %v", err)
	}
	// A parent that is missing is a missing parent.
	if err := stagetest.PatchingBy(similar.Options{})(io.Discard, bytes.NewReader(stagetest.Pipe(t, stagetest.Edited(9, old), stagetest.Cutting(stage.ChunkOptions{}), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(base)})))); !errors.Is(err, archive.ErrParent) {
		t.Errorf("without the parent: %v", err)
	}
}

// eachPatch calls do for each patched chunk of a stream.
func eachPatch(t testing.TB, p []byte, do func(*stream.Entry)) {
	t.Helper()
	for f, err := range flow.Frames(t.Context(), archive.NewScanner(bytes.NewReader(p), nil), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := f.(*stream.Segment); ok {
			for i := range s.Entries {
				if s.Entries[i].Kind == stream.Patched {
					do(&s.Entries[i])
				}
			}
		}
	}
}

// Lines that have only their form in common: a codec does better without patches.
func TestDeltaLeavesTextToTheCodec(t *testing.T) {
	lib := stagetest.Library{}
	lines := func(seed uint64) (p []byte) {
		rng := rand.New(rand.NewPCG(seed, 1))
		for n := range 6000 {
			p = fmt.Appendf(p, `{"time":"2026-11-%02dT%02d:%02d:%02d","level":"info","service":"checkout-%d","latency":%d,"user":"%06x"}`+"\n",
				n%28+1, rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(9), rng.IntN(1000), rng.IntN(1<<24))
		}
		return p
	}
	base := lib.Open(t, stagetest.Pipe(t, lines(1), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	thin := stagetest.ThinOn(t, base, lines(2), stage.ChunkOptions{})
	plain := stagetest.Pipe(t, thin, stagetest.Encoding(stage.CompressOptions{}))
	if got := stagetest.Pipe(t, thin, stagetest.PatchingBy(similar.Options{Find: lib.Find}), stagetest.Encoding(stage.CompressOptions{})); len(got) > len(plain)+100 {
		t.Errorf("%d bytes with patches, %d without", len(got), len(plain))
	}
}
