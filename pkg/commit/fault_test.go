package commit

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// A failing read, of the base or of the overlay, is the error. The next stage learns of it.
func TestCommitFaults(t *testing.T) {
	p := stagetest.Content(3 << 20)
	sealed := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
	f := &fakeImage{data: p}
	for at := int64(0); at < int64(len(p))-9000; at += 200000 {
		f.changes = append(f.changes, overlay.Change{Offset: at, Length: 9000})
	}
	run := func(src io.ReaderAt, broken int) (failed bool) {
		base, err := archive.NewReader(src, int64(len(sealed)), archive.Options{})
		if err != nil {
			return errors.Is(err, errBroken)
		}
		var out bytes.Buffer
		f.at, f.broken = 0, broken
		_, err = Apply(t.Context(), &out, base, "", []Overlay{{Stream: "disk", Image: f}}, Options{})
		if err == nil {
			return false
		}
		if sealErr := stagetest.Sealing()(io.Discard, &out); !errors.Is(err, errBroken) || !errors.Is(sealErr, stream.ErrAborted) {
			t.Errorf("error %v, the next stage says %v", err, sealErr)
		}
		return true
	}
	n := 1
	for ; run(bytes.NewReader(sealed), n); n++ {
	}
	if n < 20 {
		t.Errorf("only %d calls of the image", n)
	}
	for n = 1; run(&failingAt{bytes.NewReader(sealed), n}, 0); n++ {
	}
	if n < 10 {
		t.Errorf("only %d reads of the base", n)
	}
	// A damaged base is found where it is read.
	rng := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		q := bytes.Clone(sealed)
		q[rng.IntN(len(q))] ^= 1 + byte(rng.IntN(255))
		base, err := archive.NewReader(bytes.NewReader(q), int64(len(q)), archive.Options{})
		if err != nil {
			continue
		}
		f.at, f.broken = 0, 0
		if _, err := Apply(t.Context(), io.Discard, base, "", []Overlay{{Stream: "disk", Image: f}}, Options{}); err != nil && !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("damaged base: %v", err)
		}
	}
}

// failingAt fails in read number n.
type failingAt struct {
	io.ReaderAt
	n int
}

func (f *failingAt) ReadAt(p []byte, off int64) (int, error) {
	if f.n--; f.n == 0 {
		return 0, errBroken
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestCommitShrinkingOverlay(t *testing.T) {
	base := stagetest.OpenArchive(t, stagetest.Pipe(t, stagetest.Content(1<<20), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing()))
	path := filepath.Join(t.TempDir(), "overlay")
	if err := os.WriteFile(path, stagetest.Content(1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, changes := range map[string]io.Reader{"sparse": nil, "map": strings.NewReader("0 1048576")} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Truncate(1 << 20)
		image, err := OpenOverlay(f, OverlayOptions{Map: changes})
		if err != nil {
			t.Fatal(err)
		}
		f.Truncate(1 << 19)
		if _, err := Apply(t.Context(), io.Discard, base, "", []Overlay{{Stream: "disk", Image: image.Image}}, Options{}); err == nil {
			t.Errorf("%s: a file that shrank was taken", name)
		}
	}
}

// Entries of a base that do not fit its index are an error.
func TestBaseStream(t *testing.T) {
	base := stagetest.OpenArchive(t, stagetest.Pipe(t, stagetest.Content(300000), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Sealing()))
	b := newBaseStream(base, 0)
	defer b.close()
	if _, err := b.number(stream.Parent{ID: stream.Hash{1}}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("chunk of an archive that is no parent: %v", err)
	}
	for _, size := range []int64{b.size + 1, b.size - 1} {
		b.size = size
		b.seek(0)
		var err error
		for err == nil && b.at < b.size {
			_, err = b.entry()
		}
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("stream of %d bytes: %v", size, err)
		}
		b.size = base.Info().Streams[0].Size
	}
}
