package stage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"hexz/internal/stagetest"
	"hexz/pkg/index"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// fullAfter is a writer that fails after n bytes.
type fullAfter struct{ n int }

var errFull = errors.New("no space left")

func (f *fullAfter) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return f.n, errFull
	}
	f.n -= len(p)
	return len(p), nil
}

// inputs returns a sound stream of frames for every filter, and the filters, both by name.
func inputs(t testing.TB) (map[string][]byte, map[string]stagetest.Filter) {
	in := stagetest.Content(600000)
	chunks := stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{}))
	packed := stagetest.Pipe(t, chunks, stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Threads: 2}))
	filters := map[string]stagetest.Filter{
		"chunk": stagetest.Cutting(stage.ChunkOptions{Threads: 2}), "dedup": stagetest.Dropping(), "compress": stagetest.Encoding(stage.CompressOptions{Threads: 2}),
		"decompress": stagetest.Decompressing(2), "seal": stagetest.Sealing(), "unseal": stagetest.Unsealing(), "cat": stagetest.Restoring(restore.Options{Threads: 2}),
	}
	return map[string][]byte{
		"chunk": in, "dedup": chunks, "compress": chunks, "decompress": packed, "seal": packed,
		"unseal": stagetest.Pipe(t, packed, stagetest.Sealing()), "cat": packed,
	}, filters
}

// A full device is the error of the stage, and the output does not look whole.
func TestWriteErrors(t *testing.T) {
	in, filters := inputs(t)
	for name, f := range filters {
		var whole bytes.Buffer
		if err := f(&whole, bytes.NewReader(in[name])); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 100, whole.Len() / 2, whole.Len() - 1} {
			if err := f(&fullAfter{n}, bytes.NewReader(in[name])); !errors.Is(err, errFull) {
				t.Errorf("%s, full after %d of %d bytes: %v", name, n, whole.Len(), err)
			}
		}
	}
}

// A read error is the error of the stage. The next stage learns of it by an Abort frame, or by the
// missing End.
func TestReadErrors(t *testing.T) {
	in, filters := inputs(t)
	boom := errors.New("bad sector")
	for name, f := range filters {
		for _, n := range []int{0, 1, 1000, len(in[name]) / 2, len(in[name]) - 1} {
			var out bytes.Buffer
			err := f(&out, io.MultiReader(bytes.NewReader(in[name][:n]), iotest.ErrReader(boom)))
			if !errors.Is(err, boom) {
				t.Errorf("%s, error after %d bytes: %v", name, n, err)
			}
			if name == "cat" {
				continue
			}
			var sealed bytes.Buffer
			err = stagetest.Sealing()(&sealed, bytes.NewReader(out.Bytes()))
			if err == nil || index.HasTrailer(bytes.NewReader(sealed.Bytes()), int64(sealed.Len())) {
				t.Errorf("%s, error after %d bytes: sealed all the same", name, n)
			}
			if name == "dedup" && errors.Is(err, stream.ErrTruncated) {
				continue // within a payload that is passed on as it is read
			}
			if name != "seal" && (!errors.Is(err, stream.ErrAborted) || !strings.Contains(err.Error(), boom.Error())) {
				t.Errorf("%s, error after %d bytes: the next stage says %v", name, n, err)
			}
		}
	}
}

// Whatever a stage makes of a stream that was cut, sealing the result fails.
func TestCutInputs(t *testing.T) {
	in, filters := inputs(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for name, f := range filters {
		if name == "chunk" {
			continue // its input has no end mark
		}
		for range 15 {
			var out, sealed bytes.Buffer
			n := rng.IntN(len(in[name]))
			if err := f(&out, bytes.NewReader(in[name][:n])); !errors.Is(err, stream.ErrTruncated) {
				t.Fatalf("%s of %d bytes of %d: %v", name, n, len(in[name]), err)
			}
			if name == "cat" || name == "seal" {
				continue
			}
			err := stagetest.Sealing()(&sealed, bytes.NewReader(out.Bytes()))
			if !errors.Is(err, stream.ErrAborted) && (name != "dedup" || !errors.Is(err, stream.ErrTruncated)) {
				t.Fatalf("%s of %d bytes, sealed: %v", name, n, err)
			}
		}
	}
}

// A changed byte of a payload is found where the content is decoded.
func TestDamagedPayloads(t *testing.T) {
	in, _ := inputs(t)
	want := stagetest.Content(600000)
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		p := bytes.Clone(in["cat"])
		p[rng.IntN(len(p))] ^= byte(1 + rng.IntN(255))
		var out bytes.Buffer
		err := stagetest.Restoring(restore.Options{})(&out, bytes.NewReader(p))
		if err == nil && !bytes.Equal(out.Bytes(), want) || !bytes.HasPrefix(want, out.Bytes()) {
			t.Fatalf("wrong bytes came out, %v", err)
		}
	}
}

func TestExpectSize(t *testing.T) {
	in := stagetest.Content(100000)
	for size, ok := range map[int64]bool{0: false, 100000: true, 99999: false, 100001: false} {
		if err := stagetest.Cutting(stage.ChunkOptions{ExpectSize: &size})(io.Discard, bytes.NewReader(in)); (err == nil) != ok {
			t.Errorf("expected %d: %v", size, err)
		}
	}
}

func TestShrinkingFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(stagetest.Content(3 << 20))
	f.Seek(0, io.SeekStart)
	src, err := stage.FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	f.Truncate(1 << 20)
	if _, err := stage.Chunk(t.Context(), io.Discard, []stage.Source{src}, stage.ChunkOptions{}); err == nil {
		t.Error("a file that shrank was packed")
	}
}

func runCommand(t *testing.T, script string) ([]byte, string, error) {
	var out, stderr bytes.Buffer
	src := stage.CommandSource(t.Context(), "disk", []string{"sh", "-c", script}, nil, &stderr, nil)
	_, err := stage.Chunk(t.Context(), &out, []stage.Source{src}, stage.ChunkOptions{})
	src.Close()
	return out.Bytes(), stderr.String(), err
}

func TestCommand(t *testing.T) {
	p, _, err := runCommand(t, "echo hello")
	if err != nil || string(stagetest.Pipe(t, p, stagetest.Restoring(restore.Options{}))) != "hello\n" {
		t.Errorf("echo: %v", err)
	}
	for _, script := range []string{"echo hello; exit 3", "echo hello; kill -9 $$"} {
		p, _, err := runCommand(t, script)
		if err == nil {
			t.Errorf("%s: no error", script)
		}
		if err := stagetest.Sealing()(io.Discard, bytes.NewReader(p)); !errors.Is(err, stream.ErrAborted) {
			t.Errorf("%s: the next stage says %v", script, err)
		}
	}
	if _, stderr, _ := runCommand(t, "echo reason >&2"); stderr != "reason\n" {
		t.Errorf("stderr is %q", stderr)
	}
	src := stage.CommandSource(t.Context(), "disk", []string{"/no/such/command"}, nil, nil, nil)
	if _, err := stage.Chunk(t.Context(), io.Discard, []stage.Source{src}, stage.ChunkOptions{}); err == nil {
		t.Error("a command that does not exist was run")
	}
}

// If the command did not end, this test would not end.
func TestCommandIsStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	src := stage.CommandSource(ctx, "disk", []string{"sleep", "infinity"}, nil, nil, nil)
	if _, err := stage.Chunk(ctx, io.Discard, []stage.Source{src}, stage.ChunkOptions{}); err == nil {
		t.Error("no error")
	}
	src.Close()
}
