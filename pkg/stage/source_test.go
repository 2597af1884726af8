package stage_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/inspect"
	"hexz/pkg/overlay"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
)

func TestHolesStayHoles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const mib = 1 << 20
	f.WriteAt(stagetest.Content(100000), 8*mib)
	f.WriteAt(make([]byte, mib), 16*mib)
	f.WriteAt([]byte("end"), 40*mib-3)
	f.Truncate(64 * mib)
	src, err := stage.FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	stats, err := stage.Chunk(t.Context(), &buf, []stage.Source{src}, stage.ChunkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if stats.Hole.Bytes < 50*mib || stats.Zero.Bytes < mib || stats.Bytes != 64*mib {
		t.Errorf("%d bytes of holes, %d of zeros, %d in all", stats.Hole.Bytes, stats.Zero.Bytes, stats.Bytes)
	}
	back, err := os.Create(path + ".back")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	out, err := restore.NewFileOutput(back, restore.SparseAuto)
	if err != nil {
		t.Fatal(err)
	}
	if err := restore.Archive(t.Context(), out, stagetest.OpenArchive(t, stagetest.Pipe(t, buf.Bytes(), stagetest.Sealing())), restore.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(path)
	got, _ := os.ReadFile(path + ".back")
	if !bytes.Equal(got, want) {
		t.Error("restored to something else")
	}
	for _, at := range []int64{0, 12 * mib, 20 * mib, 50 * mib} {
		start, _, err := overlay.DataExtent(back, at)
		if err == nil && start == at {
			t.Errorf("no hole at %d", at)
		}
	}
}

// A sparse file and a full copy of it have the same chunks and the same root.
func TestHolesDoNotMatterToRoots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rng := rand.New(rand.NewPCG(4, 4))
	for range 40 {
		f.WriteAt(stagetest.Content(1+rng.IntN(30000)), int64(rng.IntN(8<<20)))
	}
	f.Truncate(8<<20 + 100)
	src, err := stage.FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	var sparse bytes.Buffer
	stats, err := stage.Chunk(t.Context(), &sparse, []stage.Source{src}, stage.ChunkOptions{})
	if err != nil || stats.Hole.N < 10 {
		t.Fatalf("%v with %d holes", err, stats.Hole.N)
	}
	p, _ := os.ReadFile(path)
	list := func(p []byte) (chunks []string) {
		_, err := inspect.Stream(bytes.NewReader(p), inspect.Options{Chunk: func(c inspect.ChunkLine) error {
			if c.Kind == "data" {
				chunks = append(chunks, fmt.Sprint(c.Offset, c.Hash))
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return chunks
	}
	full := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}))
	if a, b := list(sparse.Bytes()), list(full); !slices.Equal(a, b) {
		t.Errorf("%d chunks of the sparse file, %d of the full one", len(a), len(b))
	}
	a, b := stagetest.OpenArchive(t, stagetest.Pipe(t, sparse.Bytes(), stagetest.Sealing())), stagetest.OpenArchive(t, stagetest.Pipe(t, full, stagetest.Sealing()))
	if a.Info().Streams[0].Root != b.Info().Streams[0].Root {
		t.Error("another root")
	}
}
