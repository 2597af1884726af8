package hexz_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"hexz"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

var errDisk = errors.New("the disk is gone")

// noise returns n bytes that no codec makes smaller: more than what lies between two stages.
func noise(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

func pack(t *testing.T, content []byte, o hexz.PackOptions) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := hexz.Pack(t.Context(), &file, []hexz.Input{hexz.Reader("disk", bytes.NewReader(content))}, o); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func open(t *testing.T, p []byte, o hexz.OpenOptions) *hexz.Archive {
	t.Helper()
	a, err := hexz.Open(bytes.NewReader(p), int64(len(p)), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The error of a pipeline is that of the stage that failed, wherever it stands, and there is no
// archive then.
func TestPipelineFails(t *testing.T) {
	content := noise(5 << 20)
	passing := func(ctx context.Context, dst io.Writer, src io.Reader) error {
		_, err := io.Copy(dst, src)
		return err
	}
	failing := func(after int64) hexz.Stage {
		return func(ctx context.Context, dst io.Writer, src io.Reader) error {
			if _, err := io.CopyN(dst, src, after); err != nil {
				return err
			}
			return errDisk
		}
	}
	chunk := func(r io.Reader) hexz.Stage {
		return hexz.Chunk([]hexz.Input{hexz.Reader("disk", r)}, stage.ChunkOptions{})
	}
	seal := hexz.Seal(stage.SealOptions{}, nil)
	broken := func() io.Reader {
		return io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errDisk))
	}
	for name, stages := range map[string][]hexz.Stage{
		"first":          {chunk(broken()), passing, seal},
		"in the middle":  {chunk(bytes.NewReader(content)), failing(1 << 20), seal},
		"at its start":   {chunk(bytes.NewReader(content)), failing(0), passing, seal},
		"last":           {chunk(bytes.NewReader(content)), passing, failing(3 << 20)},
		"two of several": {chunk(broken()), failing(1 << 20), seal},
	} {
		var file bytes.Buffer
		if err := hexz.Pipeline(t.Context(), &file, nil, stages...); !errors.Is(err, errDisk) {
			t.Errorf("%s: got the error %v, want %v", name, err, errDisk)
		}
		if index.HasTrailer(bytes.NewReader(file.Bytes()), int64(file.Len())) {
			t.Errorf("%s: an archive was made", name)
		}
	}
}

// A stage that has read what it wants may end: those before it are stopped, and that is no error.
func TestPipelineOfAShortReader(t *testing.T) {
	var first bytes.Buffer
	head := func(_ context.Context, dst io.Writer, src io.Reader) error {
		_, err := io.CopyN(dst, src, 7)
		return err
	}
	in := []hexz.Input{hexz.Reader("disk", bytes.NewReader(noise(5<<20)))}
	err := hexz.Pipeline(t.Context(), &first, nil, hexz.Chunk(in, stage.ChunkOptions{}), head)
	if want := []byte("\x95\x00\xa4hexz"); err != nil || !bytes.Equal(first.Bytes(), want) {
		t.Errorf("got %q and %v, want %q", first.Bytes(), err, want)
	}
}

// A stream that just ends is an error of the stage that reads it.
func TestPipelineOfACutStream(t *testing.T) {
	var frames bytes.Buffer
	in := []hexz.Input{hexz.Reader("disk", bytes.NewReader(noise(1<<20)))}
	if err := hexz.Pipeline(t.Context(), &frames, nil, hexz.Chunk(in, stage.ChunkOptions{})); err != nil {
		t.Fatal(err)
	}
	cut := frames.Bytes()[:frames.Len()/2]
	err := hexz.Pipeline(t.Context(), io.Discard, bytes.NewReader(cut), hexz.Dedup(stage.DedupOptions{}), hexz.Seal(stage.SealOptions{}, nil))
	if !errors.Is(err, stream.ErrTruncated) {
		t.Errorf("got %v, want %v", err, stream.ErrTruncated)
	}
}

func TestPackIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := int64(0)
	_, err := hexz.Pack(ctx, io.Discard, []hexz.Input{hexz.Reader("disk", bytes.NewReader(noise(20<<20)))},
		hexz.PackOptions{Progress: func(n int64) { done = n; cancel() }})
	if !errors.Is(err, context.Canceled) || done == 0 {
		t.Errorf("got %v after %d bytes, want %v", err, done, context.Canceled)
	}
}

// The same content gives the same archive, whatever the number of threads.
func TestPackIsRepeatable(t *testing.T) {
	content := append(noise(2<<20), make([]byte, 3<<20)...)
	one, many := pack(t, content, hexz.PackOptions{Threads: 1}), pack(t, content, hexz.PackOptions{Threads: 7})
	if !bytes.Equal(one, many) {
		t.Errorf("1 and 7 threads: archives of %d and %d bytes differ", len(one), len(many))
	}
}

// Patches of a parent need both to be read.
func TestPackDelta(t *testing.T) {
	dir := t.TempDir()
	old := noise(1 << 20)
	base := filepath.Join(dir, "base.hxz")
	if err := os.WriteFile(base, pack(t, old, hexz.PackOptions{}), 0o666); err != nil {
		t.Fatal(err)
	}
	edited := bytes.Clone(old)
	for i := 0; i < len(edited); i += 5000 {
		edited[i]++
	}
	p := pack(t, edited, hexz.PackOptions{Parents: []string{base}, Delta: true})
	if len(p) > len(old)/8 {
		t.Errorf("patches take %d bytes of %d", len(p), len(old))
	}
	next := filepath.Join(dir, "next.hxz")
	if err := os.WriteFile(next, p, 0o666); err != nil {
		t.Fatal(err)
	}
	a, err := hexz.OpenFile(next, hexz.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := a.Stream("")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := s.Restore(t.Context(), &got); err != nil || !bytes.Equal(got.Bytes(), edited) {
		t.Errorf("restored %d bytes, want %d: %v", got.Len(), len(edited), err)
	}
	if s, err = open(t, p, hexz.OpenOptions{}).Stream(""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadAt(make([]byte, 10), 6000); !errors.Is(err, archive.ErrParent) {
		t.Errorf("without the parent: got %v, want %v", err, archive.ErrParent)
	}
}
