package stage_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/stage"
)

// nodesOf is the exported index of an archive that has only nodes, as a parent.
func nodesOf(t *testing.T, r *archive.Reader) []parents.Parent {
	t.Helper()
	var out bytes.Buffer
	if err := r.Export(&out, index.ExportOptions{NodesOnly: true}); err != nil {
		t.Fatal(err)
	}
	x, err := index.OpenAny(bytes.NewReader(out.Bytes()), int64(out.Len()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return []parents.Parent{{Index: x, Hint: "base.hxz"}}
}

// With an index that has only nodes, what is unchanged is found by its nodes, and nothing is lost. The
// base may be thin itself.
func TestDedupByNodes(t *testing.T) {
	l := stagetest.Library{}
	rng := rand.New(rand.NewPCG(3, 9))
	tiny := stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Min: 64, Avg: 128, Max: 512}})
	p := slices.Concat(noise(7, 3000), make([]byte, 100_000), noise(8, 3000))
	last := l.Open(t, stagetest.Pipe(t, p, tiny, stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	for version := range 6 {
		if version > 0 {
			at := rng.IntN(len(p))
			p = slices.Replace(bytes.Clone(p), at, min(len(p), at+rng.IntN(300)), noise(byte(version), 1+rng.IntN(3))...)
		}
		o := stage.DedupOptions{Parents: nodesOf(t, last), Find: l.Index}
		cut := stagetest.Pipe(t, p, tiny)
		sealed := stagetest.Pipe(t, cut, stagetest.DroppingKnown(o), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
		next := l.Open(t, sealed)
		if got := l.Content(t, next, ""); !bytes.Equal(got, p) {
			t.Fatalf("version %d: restored to something else", version)
		}
		totals := next.Info().Totals
		if version == 0 && (totals.Node.N != 1 || totals.Data.N > 0) {
			t.Errorf("an unchanged version has %d nodes and %d chunks", totals.Node.N, totals.Data.N)
		}
		if totals.Data.Bytes > int64(len(p))/10 {
			t.Errorf("version %d: %d bytes of %d are stored again", version, totals.Data.Bytes, len(p))
		}
		last = next
	}
	twice := stagetest.Pipe(t, append(bytes.Clone(p), p...), tiny, stagetest.Dropping())
	_, err := stage.Dedup(t.Context(), io.Discard, bytes.NewReader(twice), stage.DedupOptions{Parents: nodesOf(t, last), Find: l.Index})
	if !errors.Is(err, stage.ErrNeedsChunks) {
		t.Errorf("a stream with references: %v", err)
	}
}

// Chunks that are too long to be held back until their node ends are stored.
func TestDedupByNodesOfLongChunks(t *testing.T) {
	l := stagetest.Library{}
	b := make([]byte, 40<<20)
	rand.NewChaCha8([32]byte{4}).Read(b)
	cut := stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 4 << 20}})
	base := l.Open(t, stagetest.Pipe(t, b, cut, stagetest.Sealing()))
	sealed := stagetest.Pipe(t, stagetest.Pipe(t, b, cut), stagetest.DroppingKnown(stage.DedupOptions{Parents: nodesOf(t, base)}), stagetest.Sealing())
	next := l.Open(t, sealed)
	if got := l.Content(t, next, ""); !bytes.Equal(got, b) || next.Info().Totals.Data.N != 10 {
		t.Errorf("%d chunks, or another content", next.Info().Totals.Data.N)
	}
}
