package stage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/inspect"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// rewrite replaces a file.
func rewrite(t *testing.T, path string, p []byte) {
	t.Helper()
	if err := os.WriteFile(path, p, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Parents that were sealed anew have other ids. Their children are restored as long as the content
// is the same, wherever its chunks stand now.
func TestParentsSealedAnew(t *testing.T) {
	list := stagetest.Versions(3)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, anew := range map[string]func(dir string, p []byte) []byte{
		"compressed": func(_ string, p []byte) []byte {
			return stagetest.Pipe(t, p, stagetest.Encoding(stage.CompressOptions{Codec: "lz4"}), stagetest.Sealing())
		},
		"encrypted": func(_ string, p []byte) []byte { return stagetest.Pipe(t, p, sealingTo(id.Recipient())) },
		"flattened": func(dir string, p []byte) []byte {
			f := &parents.Finder{Dirs: []string{dir}}
			defer f.Close()
			return stagetest.Pipe(t, p, stagetest.FlatteningAll(f.Find, 1), stagetest.Sealing())
		},
	} {
		dir := t.TempDir()
		paths := stagetest.ThinChain(t, dir, list)
		var changed [2][]byte
		for i := range changed {
			p, _ := os.ReadFile(paths[i])
			changed[i] = anew(dir, p)
		}
		for i, p := range changed {
			rewrite(t, paths[i], p)
		}
		last, _ := os.ReadFile(paths[2])
		f := &parents.Finder{Dirs: []string{dir}, Identities: keys.Opener(id)}
		r := stagetest.OpenFile(t, paths[2], f.Find, id)
		if err := r.CheckParents(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var out, flat bytes.Buffer
		plain := restore.NewPlainOutput(&out)
		if err := restore.Archive(t.Context(), plain, r, restore.Options{Threads: 2}); err != nil || plain.Flush() != nil || !bytes.Equal(out.Bytes(), list[2]) {
			t.Errorf("%s: Cat: %v", name, err)
		}
		if _, err := stage.Unseal(t.Context(), &flat, bytes.NewReader(last), stage.UnsealOptions{Flatten: true, Find: f.Find, Identities: keys.Opener(id)}); err != nil {
			t.Errorf("%s: Unseal: %v", name, err)
		}
		if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content}); err != nil {
			t.Errorf("%s: Verify: %v", name, err)
		}
		rep, err := inspect.Chain(r, inspect.ChainOptions{Find: f.Find, Identities: keys.Opener(id)})
		if err != nil || rep.Err() != nil || rep.Archives[1].OtherID == "" || rep.Archives[1].Missing {
			t.Errorf("%s: Chain: %+v, %v", name, rep, err)
		}
		f.Close()
	}
}

// sealingTo seals an archive that is encrypted to r.
func sealingTo(r age.Recipient) stagetest.Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Seal(context.Background(), dst, src, stage.SealOptions{Recipients: keys.Wrapper(r)})
		return err
	}
}

// An archive of other content is not taken for the parent. Neither is the child itself, even if its
// content is that of the parent.
func TestParentOfAnotherContent(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(2)
	paths := stagetest.ThinChain(t, dir, [][]byte{list[0], list[0]})
	rewrite(t, paths[0], stagetest.Pipe(t, list[1], stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing()))
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	if err := stagetest.OpenFile(t, paths[1], f.Find).CheckParents(); !errors.Is(err, archive.ErrParent) {
		t.Error(err)
	}
}

// hexz-delta refers to chunks by their ordinals alone, so it needs the parent itself.
func TestDeltaOnParentSealedAnew(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(2)
	paths := stagetest.ThinChain(t, dir, list[:1])
	parent, err := parents.Open(nil, paths[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	thin := stagetest.Pipe(t, list[1], stagetest.Cutting(stage.ChunkOptions{}), stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{parent}}))
	old, _ := os.ReadFile(paths[0])
	rewrite(t, paths[0], stagetest.Pipe(t, old, stagetest.Encoding(stage.CompressOptions{Codec: "lz4"}), stagetest.Sealing()))
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	if _, err := similar.Delta(t.Context(), &bytes.Buffer{}, bytes.NewReader(thin), similar.Options{Find: f.Find, MaxMemory: similar.DefaultIndex}); !errors.Is(err, archive.ErrParent) {
		t.Error(err)
	}
}

// A file that cannot be read may be the parent, so no parent is said to be missing. A file that can
// be read is found.
func TestFinderCannotRead(t *testing.T) {
	dir := t.TempDir()
	paths := stagetest.ThinChain(t, dir, stagetest.Versions(2))
	base, _ := os.ReadFile(paths[0])
	want := &stream.Parent{ID: stagetest.OpenArchive(t, base).ID()}
	loop := filepath.Join(dir, "loop.hxz")
	if err := os.Symlink("loop.hxz", loop); err != nil {
		t.Fatal(err)
	}
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	if c, err := first(f, want); err != nil || c.Name != paths[0] {
		t.Errorf("%+v, %v", c, err)
	}
	want.ID[0] ^= 1
	if _, err := first(f, want); archive.IsLost(err) || !errors.As(err, new(*fs.PathError)) {
		t.Error(err)
	}
}
