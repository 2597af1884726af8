package stage_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/parents"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
)

const smallChunk = 64

var smallChunks = stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: smallChunk}}

// noise returns n chunks of random bytes.
func noise(seed byte, n int) []byte {
	p := make([]byte, n*smallChunk)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	return p
}

// inPages makes an archive in whose index a page has 16,384 chunks.
var inPages = []stagetest.Filter{stagetest.Encoding(stage.CompressOptions{Codec: "none", Block: 16 * smallChunk}), stagetest.Sealing()}

// archiveOf packs p on parents, which may be none.
func archiveOf(t *testing.T, p []byte, o stage.DedupOptions) []byte {
	return stagetest.Pipe(t, p, append([]stagetest.Filter{stagetest.Cutting(smallChunks), stagetest.DroppingKnown(o)}, inPages...)...)
}

// runsOf returns runs of about length chunks of p, and as many chunks that are new.
func runsOf(rng *rand.Rand, p []byte, runs, length int) (out []byte) {
	for range runs {
		n := 1 + rng.IntN(2*length)
		from := rng.IntN(len(p)/smallChunk - n)
		out = append(out, p[from*smallChunk:(from+n)*smallChunk]...)
		part := make([]byte, rng.IntN(3)*smallChunk)
		for i := range part {
			part[i] = byte(rng.Uint32())
		}
		out = append(out, part...)
	}
	return out
}

// bounded runs Dedup on p, and returns the stream with its statistics and notes.
func bounded(t *testing.T, p []byte, o stage.DedupOptions) ([]byte, *flow.Stats, []string) {
	t.Helper()
	var out bytes.Buffer
	var notes []string
	o.Note = func(s string) { notes = append(notes, s) }
	stats, err := stage.Dedup(t.Context(), &out, bytes.NewReader(p), o)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), stats, notes
}

// With little memory for many chunks of parents, full and thin ones, some copies are overlooked, and
// no reference is wrong: neither one that was made, nor one to a chunk that a parent has, which was in
// the stream before.
func TestDedupBounded(t *testing.T) {
	l := stagetest.Library{}
	rng := rand.New(rand.NewPCG(1, 1))
	p := noise(1, 40_000)
	full := l.Open(t, archiveOf(t, p, stage.DedupOptions{}))
	q := slices.Concat(runsOf(rng, p, 10, 1000), noise(2, 10_000), p[:1<<19])
	chain := stage.DedupOptions{Parents: stagetest.AsParent(full), Find: l.Index}
	thin := l.Open(t, archiveOf(t, q, chain))
	part := runsOf(rng, slices.Concat(q, p), 100, 100)
	in := slices.Concat(part, runsOf(rng, part, 100, 40), noise(3, 10_000), runsOf(rng, q, 50, 5), p[5<<16:11<<16])
	cut := stagetest.Pipe(t, in, stagetest.Cutting(smallChunks))
	for name, list := range map[string][]parents.Parent{
		"full": stagetest.AsParent(full), "both": append(stagetest.AsParent(thin), stagetest.AsParent(full)...),
	} {
		for stages, p := range map[string][]byte{
			"data": cut, "references": stagetest.Pipe(t, cut, stagetest.Dropping()),
		} {
			o := stage.DedupOptions{Parents: list, Find: l.Index}
			_, all, notes := bounded(t, p, o)
			if len(notes) > 0 {
				t.Errorf("%s, %s: without a limit: %q", name, stages, notes)
			}
			for _, o.MaxMemory = range []int64{1, 3 << 20, 64 << 20} {
				out, some, notes := bounded(t, p, o)
				if got := l.Content(t, l.Open(t, stagetest.Pipe(t, out, stagetest.Sealing())), "disk"); !bytes.Equal(got, in) {
					t.Fatalf("%s, %s, %d bytes: restored to something else", name, stages, o.MaxMemory)
				}
				overlooks := len(notes) > 0 && strings.Contains(notes[0], "overlooked")
				if little := o.MaxMemory == 1; little != overlooks {
					t.Errorf("%s, %s, %d bytes: %q", name, stages, o.MaxMemory, notes)
				}
				if more := some.Data.Bytes - all.Data.Bytes; more < 0 || !overlooks && more > 0 || more > (int64(len(in))-all.Data.Bytes)/2 {
					t.Errorf("%s, %s, %d bytes: %d bytes of %d were overlooked", name, stages, o.MaxMemory, more, len(in))
				}
			}
		}
	}
}

// Behind hexz-delta, a base is either on the output or an error, whatever is overlooked.
func TestDedupBoundedBehindDelta(t *testing.T) {
	l := stagetest.Library{}
	p := noise(1, 40_000)
	parent := l.Open(t, archiveOf(t, p, stage.DedupOptions{}))
	cut := stage.ChunkOptions{}
	in := slices.Concat(stagetest.Unlike(23, 1<<20), stagetest.Edited(1, stagetest.Unlike(23, 1<<20)))
	patched := stagetest.Pipe(t, in, stagetest.Cutting(cut), stagetest.Dropping(), stagetest.PatchingBy(similar.Options{Self: true}))
	out, stats, _ := bounded(t, patched, stage.DedupOptions{Parents: stagetest.AsParent(parent), MaxMemory: 1})
	if stats.Patch.N == 0 {
		t.Fatal("there are no patches")
	}
	if got := l.Content(t, l.Open(t, stagetest.Pipe(t, out, stagetest.Sealing())), "disk"); !bytes.Equal(got, in) {
		t.Error("restored to something else")
	}
	bases := l.Open(t, stagetest.Pipe(t, slices.Concat(stagetest.Unlike(23, 1<<20)), stagetest.Cutting(cut), stagetest.Sealing()))
	o := stage.DedupOptions{Parents: append(stagetest.AsParent(parent), stagetest.AsParent(bases)...), MaxMemory: 1}
	if _, err := stage.Dedup(t.Context(), io.Discard, bytes.NewReader(patched), o); !errors.Is(err, stage.ErrBaseDropped) {
		t.Errorf("a parent has the bases: %v", err)
	}
}

// A parent whose index can no longer be read when a page of it is needed is an error.
func TestDedupParentGone(t *testing.T) {
	p := noise(1, 40_000)
	path := filepath.Join(t.TempDir(), "parent.hxz")
	if err := os.WriteFile(path, archiveOf(t, p, stage.DedupOptions{}), 0o666); err != nil {
		t.Fatal(err)
	}
	parent, err := parents.Open(nil, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	cut := stagetest.Pipe(t, p, stagetest.Cutting(smallChunks))
	in, w := io.Pipe()
	go func() {
		w.Write(cut[:1000])
		os.Remove(path)
		w.Write(cut[1000:])
		w.Close()
	}()
	if _, err := stage.Dedup(t.Context(), io.Discard, in, stage.DedupOptions{Parents: []parents.Parent{parent}, MaxMemory: 1}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the parent is gone: %v", err)
	}
}

// Where no file can be made, the chunks that fit in memory are found, and a note says so. What has to
// be right needs a file.
func TestDedupWithoutFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	p := noise(1, 40_000)
	cut := stagetest.Pipe(t, slices.Concat(p, p), stagetest.Cutting(smallChunks))
	out, stats, notes := bounded(t, cut, stage.DedupOptions{MaxMemory: 1 << 20, TempDir: missing})
	if len(notes) != 1 || !strings.Contains(notes[0], "only copies of the first") {
		t.Errorf("notes: %q", notes)
	}
	if stats.Ref.N < 5_000 || stats.Ref.N > 20_000 {
		t.Errorf("%d references", stats.Ref.N)
	}
	if !bytes.Equal(stagetest.Restore(t, stagetest.Pipe(t, out, stagetest.Sealing())), slices.Concat(p, p)) {
		t.Error("restored to something else")
	}
	parent := stagetest.OpenArchive(t, archiveOf(t, p, stage.DedupOptions{}))
	o := stage.DedupOptions{Parents: stagetest.AsParent(parent), MaxMemory: 1, TempDir: missing}
	if _, err := stage.Dedup(t.Context(), io.Discard, bytes.NewReader(cut), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("with a parent: %v", err)
	}
}
