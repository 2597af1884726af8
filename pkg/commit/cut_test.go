package commit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

// patchwork returns noise and zeros in parts whose lengths are often close to chunker.ZeroRun.
func patchwork(rng *rand.Rand, n int) []byte {
	var p []byte
	for len(p) < n {
		size := 1 + rng.IntN(6000)
		if rng.IntN(3) == 0 {
			size = chunker.ZeroRun - 2 + rng.IntN(5)
		}
		part := make([]byte, size)
		switch rng.IntN(5) {
		case 0, 1, 2:
			rand.NewChaCha8([32]byte{byte(rng.IntN(40)), 7}).Read(part)
		case 3:
			for i := range part {
				part[i] = byte(rng.IntN(2))
			}
		}
		p = append(p, part...)
	}
	return p[:n]
}

// change returns p after random changes, and the changes.
func change(rng *rand.Rand, p []byte) *fakeImage {
	size := len(p)
	switch rng.IntN(4) {
	case 0:
		size += rng.IntN(20000)
	case 1:
		size -= rng.IntN(min(20000, size))
	}
	f := &fakeImage{data: make([]byte, size)}
	copy(f.data, p)
	at := 0
	for range rng.IntN(6) {
		at += rng.IntN(max(1, size/3))
		if rng.IntN(3) == 0 {
			at = at &^ 4095
		}
		if n := len(f.changes); n > 0 {
			at = max(at, int(f.changes[n-1].End()))
		}
		n := 1 + rng.IntN(9000)
		if rng.IntN(4) == 0 {
			n = 1 + rng.IntN(5)
		}
		if at+n > size {
			break
		}
		part := f.data[at : at+n]
		switch c := (overlay.Change{Offset: int64(at), Length: int64(n)}); rng.IntN(4) {
		case 0:
			c.Zero = true
			clear(part)
			f.changes = append(f.changes, c)
		case 1:
			clear(part)
			f.changes = append(f.changes, c)
		case 2: // the old bytes again
			f.changes = append(f.changes, c)
		default:
			copy(part, patchwork(rng, n))
			f.changes = append(f.changes, c)
		}
		at += n
	}
	return f
}

var commitChunkers = []chunker.Options{
	{},
	{Min: 64, Avg: 256, Max: 1024},
	{Min: 1000, Avg: 1500, Max: 9000},
	{Name: chunker.FixedV1, Size: 1000},
	{Name: chunker.FixedV1, Size: 4096},
	{Min: 64, Avg: 2048, Max: 8192, Key: bytes.Repeat([]byte{5}, chunker.KeySize)},
}

// sparseSource packs p with holes where it has aligned blocks of zeros, here and there.
func sparseSource(t testing.TB, rng *rand.Rand, p []byte) stage.Source {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for at := 0; at < len(p); at += 4096 {
		block := p[at:min(at+4096, len(p))]
		if chunker.LeadingZeros(block) < len(block) || rng.IntN(3) == 0 {
			f.WriteAt(block, int64(at))
		}
	}
	f.Truncate(int64(len(p)))
	src, err := stage.FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// Whatever changes, the result is the same as packing the whole content: the same chunks, runs of
// zeros, and so the same root. The result serves as a base again.
func TestCommitIsChunk(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		o := stage.ChunkOptions{Chunker: commitChunkers[seed%uint64(len(commitChunkers))], Threads: 1}
		name := fmt.Sprintf("seed %d, %+v", seed, o.Chunker)
		p := patchwork(rng, 1+rng.IntN(300000))
		var cut bytes.Buffer
		if _, err := stage.Chunk(t.Context(), &cut, []stage.Source{sparseSource(t, rng, p)}, o); err != nil {
			t.Fatal(err)
		}
		lib := stagetest.Library{}
		base := lib.Open(t, stagetest.Pipe(t, cut.Bytes(), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
		for round := range 3 {
			f := change(rng, p)
			out, stats := commit(t, base, []Overlay{{Stream: "disk", Image: f}}, Options{ChunkKey: o.Chunker.Key})
			whole := stagetest.OpenArchive(t, stagetest.Pipe(t, f.data, stagetest.Cutting(o), stagetest.Sealing()))
			next := lib.Open(t, stagetest.Pipe(t, out, stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
			if got := lib.Content(t, next, "disk"); !bytes.Equal(got, f.data) {
				t.Fatalf("%s, round %d: restored to something else", name, round)
			}
			if a, b := next.Info().Streams[0], whole.Info().Streams[0]; a.Root != b.Root || fmt.Sprint(a.Chunker) != fmt.Sprint(b.Chunker) {
				t.Fatalf("%s, round %d: other chunks than those of the whole", name, round)
			}
			if err := next.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content, Threads: 2}); err != nil {
				t.Fatal(err)
			}
			if len(f.changes) == 0 && len(f.data) == len(p) && stats.Data.N > 0 {
				t.Errorf("%s, round %d: nothing has changed, and %d chunks are new", name, round, stats.Data.N)
			}
			p, base = f.data, next
		}
	}
}

// A change at their ends makes runs of zeros longer, shorter, whole or broken.
func TestCommitAtRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	const run = chunker.ZeroRun
	noise := make([]byte, 3*run)
	rand.NewChaCha8([32]byte{9}).Read(noise)
	for i := range noise {
		noise[i] |= 1
	}
	for _, zeros := range []int{100, run - 1, run, 2 * run} {
		p := slices.Concat(noise[:2*run], make([]byte, zeros), noise)
		for i, o := range commitChunkers {
			base := stagetest.OpenArchive(t, stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Chunker: o}), stagetest.Sealing()))
			for _, from := range []int{0, run, 2*run - 1, 2 * run, 2*run + zeros/2, 2*run + zeros - 1, 2*run + zeros} {
				for n, length := range []int{1, run - 1, run, run + 1, run} {
					for kind := range 3 {
						f := &fakeImage{data: bytes.Clone(p), changes: []overlay.Change{{Offset: int64(from), Length: int64(length), Zero: kind == 0}}}
						if part := f.data[from : from+length]; kind == 2 {
							copy(part, noise[7:])
						} else {
							clear(part)
						}
						size := len(p)
						if n > 3 { // the stream ends there, too
							size = from + length - i%2
						}
						out, _ := commit(t, base, []Overlay{{Stream: "disk", Image: f, Size: new(int64(size))}}, Options{ChunkKey: o.Key})
						next := stagetest.OpenArchive(t, stagetest.Pipe(t, out, stagetest.Sealing()))
						whole := stagetest.OpenArchive(t, stagetest.Pipe(t, f.data[:size], stagetest.Cutting(stage.ChunkOptions{Chunker: o}), stagetest.Sealing()))
						if next.Info().Streams[0].Root != whole.Info().Streams[0].Root {
							t.Fatalf("%d zeros, change of kind %d from %d of %d bytes, size %d, %+v: other chunks than those of the whole", zeros, kind, from, length, size, o)
						}
					}
				}
			}
		}
	}
}
