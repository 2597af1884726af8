package stage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

// A chain of versions, each patched against the one before, read in all ways.
func TestDeltaChain(t *testing.T) {
	lib := library{}
	small := ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	v := unlike(1, 700<<10)
	last := lib.open(t, pipe(t, v, cutting(small), dropping(), encoding(CompressOptions{}), sealing()))
	for n := range 4 {
		v = edited(uint64(n), v)
		thin := pipe(t, v, cutting(small), droppingKnown(DedupOptions{Parents: asParent(last)}))
		o := DeltaOptions{Find: lib.find, Self: n%2 == 1}
		stream := pipe(t, thin, patchingBy(o))
		o.Threads = 5
		if !bytes.Equal(stream, pipe(t, thin, patchingBy(o))) {
			t.Fatalf("version %d: threads change the bytes", n)
		}
		sealed := pipe(t, stream, encoding(CompressOptions{}), sealing())
		r := lib.open(t, sealed)
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
	rep, err := Chain(last, ChainOptions{Find: lib.find})
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

// checkReaders restores the content of r, whose bytes are sealed, in all ways that there are.
func checkReaders(t *testing.T, lib library, r *archive.Reader, sealed, want []byte) {
	t.Helper()
	if !bytes.Equal(lib.content(t, r, "disk"), want) {
		t.Error("Cat gave something else")
	}
	if !bytes.Equal(pipe(t, sealed, restoring(CatOptions{Find: lib.find, Threads: 2})), want) {
		t.Error("CatStream gave something else")
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
	flat := pipe(t, sealed, flatteningAll(lib.find, 2), sealing())
	if f := openArchive(t, flat); len(f.Info().Parents) != 0 || !bytes.Equal(restore(t, flat), want) {
		t.Error("flattened it is something else")
	}
	// Other stages behind it, in any order that makes sense.
	again := pipe(t, sealed, unsealing(), decompressing(2), dropping(), encoding(CompressOptions{Codec: "lz4", Block: 30000}), sealing())
	if got := lib.content(t, lib.open(t, again), "disk"); !bytes.Equal(got, want) {
		t.Error("through more stages it is something else")
	}
}

func TestDeltaSelf(t *testing.T) {
	part := unlike(2, 1500<<10) // longer than a round
	p := append(bytes.Clone(part), edited(3, part)...)
	p = append(p, edited(3, part)...) // dedup finds these, and refers to patches
	lib := library{}
	thin := pipe(t, p, cutting(ChunkOptions{}), dropping())
	sealed := pipe(t, thin, patchingBy(DeltaOptions{Self: true}), encoding(CompressOptions{}), sealing())
	r := lib.open(t, sealed)
	if n := r.Info().Totals; n.Patch.Bytes < int64(len(part))*9/10 || n.Ref.N == 0 {
		t.Errorf("%+v", n)
	}
	checkReaders(t, lib, r, sealed, p)
	if plain := pipe(t, thin, encoding(CompressOptions{}), sealing()); len(sealed) > len(plain)*6/10 {
		t.Errorf("%d bytes with patches, %d without", len(sealed), len(plain))
	}
	if n := openArchive(t, pipe(t, thin, patchingBy(DeltaOptions{}), sealing())).Info().Totals.Patch.N; n != 0 {
		t.Errorf("%d patches without a parent and without Self", n)
	}
}

// What has moved is found once enough of the stream is new.
func TestDeltaFindsWhatMoved(t *testing.T) {
	lib := library{}
	old := unlike(4, 3<<20)
	base := lib.open(t, pipe(t, old, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	var p []byte
	for _, n := range rand.New(rand.NewPCG(5, 5)).Perm(24) { // pieces of 128 KiB, all edited
		p = append(p, edited(uint64(n), old[n<<17:(n+1)<<17])...)
	}
	sealed := pipe(t, p, cutting(ChunkOptions{}), droppingKnown(DedupOptions{Parents: asParent(base)}), patchingBy(DeltaOptions{Find: lib.find}), encoding(CompressOptions{}), sealing())
	r := lib.open(t, sealed)
	if n := r.Info().Totals; n.Patch.Bytes < int64(len(p))*8/10 {
		t.Errorf("%d of %d bytes are patched", n.Patch.Bytes, len(p))
	}
	checkReaders(t, lib, r, sealed, p)
}

// Pages in another order are copied, each from where it was, though there are many in a chunk.
func TestDeltaOfShuffledPages(t *testing.T) {
	lib := library{}
	large := ChunkOptions{Chunker: chunker.Options{Avg: 64 << 10}}
	old := unlike(21, 6<<20)
	base := lib.open(t, pipe(t, old, cutting(large), dropping(), encoding(CompressOptions{}), sealing()))
	const page = 4 << 10
	var p []byte
	for _, n := range rand.New(rand.NewPCG(6, 6)).Perm(len(old) / page) {
		p = append(p, old[n*page:][:page]...)
	}
	sealed := pipe(t, p, cutting(large), droppingKnown(DedupOptions{Parents: asParent(base)}), patchingBy(DeltaOptions{Find: lib.find}), sealing())
	r := lib.open(t, sealed)
	if n := r.Info().Totals; n.Raw > int64(len(p))/20 {
		t.Errorf("%d bytes are left of %d", n.Raw, len(p))
	}
	checkReaders(t, lib, r, sealed, p)
}

// A stream that nothing is like passes with its frames as they are.
func TestDeltaLeavesAlone(t *testing.T) {
	thin := pipe(t, content(900<<10), cutting(ChunkOptions{}), dropping())
	got := pipe(t, thin, patchingBy(DeltaOptions{}))
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
	encoded := pipe(t, thin, encoding(CompressOptions{TrainDict: 4 << 10}))
	sealed := pipe(t, encoded, patchingBy(DeltaOptions{}), sealing())
	if !bytes.Equal(restore(t, sealed), content(900<<10)) {
		t.Error("of an encoded stream something else came out")
	}
}

// Programs and bases that lie.
func TestDeltaThatLies(t *testing.T) {
	lib := library{}
	old := unlike(6, 1200<<10)
	base := lib.open(t, pipe(t, old, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	thin := pipe(t, edited(8, old), cutting(ChunkOptions{}), droppingKnown(DedupOptions{Parents: asParent(base)}), patchingBy(DeltaOptions{Find: lib.find}))
	self := pipe(t, append(bytes.Clone(old), edited(8, old)...), cutting(ChunkOptions{}), patchingBy(DeltaOptions{Self: true}))
	if err := lib.verify(t, pipe(t, thin, sealing())); err != nil {
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
		changed := pipe(t, c.in, changing(stream.Patched, c.change))
		err := restoring(CatOptions{Find: lib.find})(io.Discard, bytes.NewReader(changed))
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: CatStream: %v", c.name, err)
		}
		var sealed bytes.Buffer
		err = sealing()(&sealed, bytes.NewReader(changed))
		if c.seal && err == nil {
			err = lib.verify(t, sealed.Bytes())
		}
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A base that is patched itself, in the same stream and in a parent.
	var first *stream.Hash
	twice := changing(stream.Patched, func(e *stream.Entry) { e.Patch.Bases[0].Hash = *first })
	eachPatch(t, self, func(e *stream.Entry) {
		if first == nil {
			hash := e.Hash
			first = &hash
		}
	})
	var sealed bytes.Buffer
	if err := sealing()(&sealed, bytes.NewReader(pipe(t, self, twice))); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("a patch on a patch: %v", err)
	}
	if err := restoring(CatOptions{})(io.Discard, bytes.NewReader(pipe(t, self, twice))); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("a patch on a patch: CatStream: %v", err)
	}
	// A parent that is missing is a missing parent.
	if err := patchingBy(DeltaOptions{})(io.Discard, bytes.NewReader(pipe(t, edited(9, old), cutting(ChunkOptions{}), droppingKnown(DedupOptions{Parents: asParent(base)})))); !errors.Is(err, archive.ErrParent) {
		t.Errorf("without the parent: %v", err)
	}
}

// eachPatch calls do for the patched chunks of a stream.
func eachPatch(t testing.TB, p []byte, do func(*stream.Entry)) {
	t.Helper()
	err := eachFrame(t.Context(), archive.NewScanner(bytes.NewReader(p)), nil, func(f stream.Frame) error {
		if s, ok := f.(*stream.Segment); ok {
			for i := range s.Entries {
				if s.Entries[i].Kind == stream.Patched {
					do(&s.Entries[i])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Lines of one form, of which only the form is the same: a codec does better without patches.
func TestDeltaLeavesTextToTheCodec(t *testing.T) {
	lib := library{}
	lines := func(seed uint64) (p []byte) {
		rng := rand.New(rand.NewPCG(seed, 1))
		for n := range 6000 {
			p = fmt.Appendf(p, `{"time":"2026-11-%02dT%02d:%02d:%02d","level":"info","service":"checkout-%d","latency":%d,"user":"%06x"}`+"\n",
				n%28+1, rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(9), rng.IntN(1000), rng.IntN(1<<24))
		}
		return p
	}
	base := lib.open(t, pipe(t, lines(1), cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing()))
	thin := thinOn(t, base, lines(2), ChunkOptions{})
	plain := pipe(t, thin, encoding(CompressOptions{}))
	if got := pipe(t, thin, patchingBy(DeltaOptions{Find: lib.find}), encoding(CompressOptions{})); len(got) > len(plain)+100 {
		t.Errorf("%d bytes with patches, %d without", len(got), len(plain))
	}
}
