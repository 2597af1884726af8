package stage_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

var errNoFile = errors.New("it cannot be opened")

// scattered writes a sparse file of extents of 4 KiB that do not touch.
func scattered(t testing.TB, extents int) *os.File {
	f, err := os.Create(filepath.Join(t.TempDir(), "scattered"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	p := make([]byte, 4096)
	for i := range extents {
		rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(p)
		if _, err := f.WriteAt(p, int64(i)*16384); err != nil {
			t.Fatal(err)
		}
	}
	f.Truncate(int64(extents) * 16384)
	return f
}

// Small extents between holes share batches and segments: they take no buffers of their own. The
// output does not depend on the number of threads.
func TestScatteredExtents(t *testing.T) {
	const extents = 2000
	f := scattered(t, extents)
	var first []byte
	for _, threads := range []int{1, 2, 5} {
		src, err := stage.FileSource("disk", f)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		stats, err := stage.Chunk(t.Context(), &buf, []stage.Source{src}, stage.ChunkOptions{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		if stats.Hole.N < extents-10 {
			t.Skipf("the file system has only %d holes", stats.Hole.N)
		}
		if stats.Segments > 50 {
			t.Errorf("%d extents of 4 KiB became %d segments", extents, stats.Segments)
		}
		if first == nil {
			first = buf.Bytes()
		} else if !bytes.Equal(buf.Bytes(), first) {
			t.Errorf("%d threads: another stream", threads)
		}
	}
}

// fakeKinds is content in memory with ranges that it calls holes or zeros.
type fakeKinds struct {
	data []byte
	ends []int64
	kind []overlay.Kind
}

func (f *fakeKinds) Size() int64 { return int64(len(f.data)) }

func (f *fakeKinds) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.data).ReadAt(p, off)
}

func (f *fakeKinds) Extent(at int64) (int64, overlay.Kind, error) {
	for i, end := range f.ends {
		if at < end {
			return end, f.kind[i], nil
		}
	}
	return 0, 0, errors.New("behind the end")
}

// Whatever is known of zeros and holes, in ranges of any length, the chunks are those of the bytes.
func TestKnownZeros(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 9))
		f := &fakeKinds{}
		for len(f.data) < 3<<20 {
			n := 1 + rng.IntN(3000)
			if rng.IntN(3) == 0 {
				n = 1 + rng.IntN(200000)
			}
			p := make([]byte, n)
			kind := overlay.Kind(rng.IntN(3))
			if kind == overlay.Data && rng.IntN(3) > 0 {
				copy(p, stagetest.Content(n + 1000)[1000:])
			}
			f.data = append(f.data, p...)
			f.ends, f.kind = append(f.ends, int64(len(f.data))), append(f.kind, kind)
		}
		known := stage.ContentSource("disk", f)
		var a, b bytes.Buffer
		if _, err := stage.Chunk(t.Context(), &a, []stage.Source{known}, stage.ChunkOptions{Threads: 1 + int(seed%4)}); err != nil {
			t.Fatal(err)
		}
		if _, err := stage.Chunk(t.Context(), &b, []stage.Source{stage.ReaderSource("disk", bytes.NewReader(f.data))}, stage.ChunkOptions{}); err != nil {
			t.Fatal(err)
		}
		x, y := stagetest.OpenArchive(t, stagetest.Pipe(t, a.Bytes(), stagetest.Sealing())), stagetest.OpenArchive(t, stagetest.Pipe(t, b.Bytes(), stagetest.Sealing()))
		if x.Info().Streams[0].Root != y.Info().Streams[0].Root {
			t.Errorf("seed %d: other chunks", seed)
		}
		if got := (stagetest.Library{}).Content(t, x, ""); !bytes.Equal(got, f.data) {
			t.Errorf("seed %d: other bytes", seed)
		}
	}
}

// Sources that are opened later are open one at a time. An error of opening is an error of the
// stream.
func TestLaterSources(t *testing.T) {
	open, most := 0, 0
	var sources []stage.Source
	for _, name := range []string{"a", "b", "c"} {
		sources = append(sources, stage.LaterSource(name, -1, func() (stage.Source, error) {
			open++
			most = max(most, open)
			return stage.ReaderSource(name, bytes.NewReader([]byte(name))).Closing(func() { open-- }), nil
		}))
	}
	if _, err := stage.Chunk(t.Context(), io.Discard, sources, stage.ChunkOptions{Threads: 2}); err != nil || open != 0 || most != 1 {
		t.Errorf("%v; %d open at the end, %d at most", err, open, most)
	}
	sources = append(sources, stage.LaterSource("d", -1, func() (stage.Source, error) { return stage.Source{}, errNoFile }))
	if _, err := stage.Chunk(t.Context(), io.Discard, sources, stage.ChunkOptions{}); !errors.Is(err, errNoFile) || open != 0 {
		t.Errorf("%v; %d open", err, open)
	}
}
