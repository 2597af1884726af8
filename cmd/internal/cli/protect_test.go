package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"hexz/pkg/index"
	"hexz/pkg/stage"
)

// archiveFile makes an archive at path, and returns its bytes and its id.
func archiveFile(t *testing.T, path string) ([]byte, index.Hash) {
	t.Helper()
	var chunks, sealed bytes.Buffer
	if _, err := stage.Chunk(t.Context(), &chunks, []stage.Source{stage.ReaderSource("disk", bytes.NewReader([]byte("content")))}, stage.ChunkOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Seal(t.Context(), &sealed, &chunks, stage.SealOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, path, sealed.String())
	id, err := index.TrailerID(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes(), id
}

// outputAt opens -o path.
func outputAt(t *testing.T, path string) (*Env, *Output) {
	t.Helper()
	env := newEnv(context.Background(), "hexz-sample", os.Stdin, os.Stdout, io.Discard)
	env.opts.output, env.opts.outputSet = path, true
	out, err := env.Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Cleanup)
	return env, out
}

// clashes fails unless err is a usage error with a hint.
func clashes(t *testing.T, what string, err error) {
	t.Helper()
	env := newEnv(context.Background(), "hexz-sample", os.Stdin, os.Stdout, io.Discard)
	if exitCode(err) != exitUsage || env.hint(err) != anotherFile {
		t.Errorf("%s: %v", what, err)
	}
}

// A clash between the opening of an output and its commit counts, also if the error is lost.
func TestProtectedBetween(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	data, id := archiveFile(t, path("parent.hxz"))
	write(t, path("key"), "key")
	open := func(t *testing.T, env *Env, name string) error {
		f, err := env.Open(path(name))
		if err == nil {
			f.Close()
		}
		return err
	}
	for name, c := range map[string]struct {
		out     string
		between func(t *testing.T, env *Env)
	}{
		"read after it was opened": {"key", func(t *testing.T, env *Env) { clashes(t, "open", open(t, env, "key")) }},
		"named as a parent":        {"parent.hxz", func(t *testing.T, env *Env) { clashes(t, "parent", env.Needs(id)) }},
		"became what was read": {"new", func(t *testing.T, env *Env) {
			if err := open(t, env, "key"); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(path("key"), path("new")); err != nil {
				t.Fatal(err)
			}
		}},
		"became a parent": {"copy.hxz", func(t *testing.T, env *Env) {
			if err := env.Needs(id); err != nil {
				t.Fatal(err)
			}
			write(t, path("copy.hxz"), string(data))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			env, out := outputAt(t, path(c.out))
			if _, err := out.Write([]byte("of another kind")); err != nil {
				t.Fatal(err)
			}
			c.between(t, env)
			before := read(t, path(c.out))
			clashes(t, "commit", out.Commit())
			if read(t, path(c.out)) != before {
				t.Error("the file has changed")
			}
			clashes(t, "what another error says", env.protection.explain(io.ErrUnexpectedEOF))
		})
	}
}

// An archive is not overwritten in place before it is known whether it is a parent.
func TestProtectedInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parent.hxz")
	data, id := archiveFile(t, path)
	inPlace := func() (*Env, *Output) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return outputAt(t, descriptorPath(f))
	}
	env, out := inPlace()
	if _, err := out.Write([]byte("header")); err != nil {
		t.Fatal(err)
	}
	clashes(t, "parent", env.Needs(id))
	clashes(t, "commit", out.Commit())
	out.Cleanup()
	if read(t, path) != string(data) {
		t.Error("the parent was written to")
	}

	for _, pieces := range []int{1, 20} { // more than is held back
		_, out := inPlace()
		piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
		for range pieces {
			if n, err := out.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := out.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != string(bytes.Repeat(piece, pieces)) {
			t.Errorf("%d pieces: %d bytes were written, or others", pieces, len(got))
		}
		write(t, path, string(data))
	}
}
