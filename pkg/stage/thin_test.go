package stage_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

func TestThinChain(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(5)
	paths := stagetest.ThinChain(t, dir, list)
	for i, path := range paths {
		f := &parents.Finder{Beside: dir}
		p, _ := os.ReadFile(path)
		r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Find: f.Find})
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		out := restore.NewPlainOutput(&buf)
		if err := restore.Archive(t.Context(), out, r, restore.Options{Threads: 2}); err != nil || out.Flush() != nil || !bytes.Equal(buf.Bytes(), list[i]) {
			t.Errorf("version %d: Cat: %v", i, err)
		}
		if got := stagetest.Pipe(t, p, stagetest.Restoring(restore.Options{Find: f.Find})); !bytes.Equal(got, list[i]) {
			t.Errorf("version %d: restore.Stream gave something else", i)
		}
		if n := len(r.Info().Parents); n != i {
			t.Errorf("version %d has %d parents", i, n)
		}
		if i > 0 && len(p) > len(list[i])/4 {
			t.Errorf("version %d takes %d bytes", i, len(p))
		}
		f.Close()
	}

	// Flattened, an archive needs nothing, and the same bytes come out for any number of threads.
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	last, _ := os.ReadFile(paths[4])
	flat := stagetest.Pipe(t, last, stagetest.FlatteningAll(f.Find, 1), stagetest.Sealing())
	if !bytes.Equal(flat, stagetest.Pipe(t, last, stagetest.FlatteningAll(f.Find, 3), stagetest.Sealing())) {
		t.Error("threads change the bytes")
	}
	r := stagetest.OpenArchive(t, flat)
	if len(r.Info().Parents) != 0 || r.Info().Totals.Parent.N != 0 || !bytes.Equal(stagetest.Restore(t, flat), list[4]) {
		t.Error("flattened it is something else")
	}
	if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content}); err != nil {
		t.Error(err)
	}
}

// first returns the first copy that a Finder yields.
func first(f *parents.Finder, want *stream.Parent) (archive.Copy, error) {
	for c, err := range f.Find(want) {
		return c, err
	}
	return archive.Copy{}, errors.New("nothing was yielded")
}

func TestFinder(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	paths := stagetest.ThinChain(t, dir, stagetest.Versions(2))
	base, _ := os.ReadFile(paths[0])
	id := stagetest.OpenArchive(t, base).ID()
	moved := filepath.Join(other, "moved.hxz")
	if err := os.WriteFile(moved, base, 0o666); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for name, c := range map[string]struct {
		f    *parents.Finder
		hint string
		ok   bool
	}{
		"file":             {&parents.Finder{Files: []string{paths[1], moved}}, "", true},
		"directory":        {&parents.Finder{Dirs: []string{empty, other}}, "", true},
		"beside":           {&parents.Finder{Beside: dir}, "v0.hxz", true},
		"beside, renamed":  {&parents.Finder{Beside: other}, "v0.hxz", true},
		"no place":         {&parents.Finder{}, "v0.hxz", false},
		"hint with a path": {&parents.Finder{Beside: empty}, moved, false},
		"hint upwards":     {&parents.Finder{Beside: filepath.Join(other, "..", filepath.Base(empty))}, "../" + filepath.Base(other) + "/moved.hxz", false},
		"hint, followed":   {&parents.Finder{Beside: empty, FollowHints: true}, moved, true},
		"not there":        {&parents.Finder{Dirs: []string{empty}, Beside: empty}, "v0.hxz", false},
	} {
		found, err := first(c.f, &stream.Parent{ID: id, Hint: c.hint})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if r, err := archive.NewReader(found, found.Size, archive.Options{}); err != nil || r.ID() != id {
				t.Errorf("%s: found another: %v", name, err)
			}
		} else if !errors.Is(err, archive.ErrParent) || !strings.Contains(err.Error(), id.String()) {
			t.Errorf("%s: %v", name, err)
		}
		c.f.Close()
	}
}

func TestDedupParents(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(3)
	paths := stagetest.ThinChain(t, dir, list[:2])
	open := func(path string) parents.Parent {
		p, err := parents.Open(nil, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	// An exported index serves as well as the archive.
	raw, _ := os.ReadFile(paths[1])
	var exported bytes.Buffer
	if err := stagetest.OpenArchive(t, raw).Export(&exported, index.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	hxi := filepath.Join(dir, "v1.hxi")
	if err := os.WriteFile(hxi, exported.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	cut := stagetest.Pipe(t, list[2], stagetest.Cutting(stage.ChunkOptions{}))
	by := func(o stage.DedupOptions) []byte { return stagetest.Pipe(t, cut, stagetest.DroppingKnown(o)) }
	want := by(stage.DedupOptions{Parents: []parents.Parent{open(paths[1])}})
	if !bytes.Equal(want, by(stage.DedupOptions{Parents: []parents.Parent{open(hxi)}})) {
		t.Error("with the exported index it is another stream")
	}
	// After another dedup with another parent, the frames of both stay.
	twice := stagetest.Pipe(t, cut, stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{open(paths[0])}}), stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{open(paths[1])}}))
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	if got := stagetest.Pipe(t, twice, stagetest.Restoring(restore.Options{Find: f.Find})); !bytes.Equal(got, list[2]) {
		t.Error("two dedups gave something else")
	}
	rep, err := inspect.Stream(bytes.NewReader(twice), inspect.Options{})
	if err != nil || len(rep.Parents) != 2 {
		t.Errorf("%d parents, %v", len(rep.Parents), err)
	}
	// The same holds in another order of stages.
	late := stagetest.Pipe(t, list[2], stagetest.Cutting(stage.ChunkOptions{}), stagetest.Encoding(stage.CompressOptions{Codec: "lz4"}), stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{open(paths[1])}}))
	if got := stagetest.Pipe(t, late, stagetest.Restoring(restore.Options{Find: f.Find})); !bytes.Equal(got, list[2]) {
		t.Error("dedup behind compress gave something else")
	}

	var notes []string
	note := func(s string) { notes = append(notes, s) }
	stagetest.Pipe(t, list[2], stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Avg: 8 << 10}}), stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{open(paths[1])}, Note: note, OnOtherCut: func(c stage.OtherCut) { note(c.String()) }}))
	if len(notes) != 1 || !strings.Contains(notes[0], "cut in another way") {
		t.Errorf("another chunker: %q", notes)
	}
	if _, err := parents.Open(nil, filepath.Join(dir, "missing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing parent: %v", err)
	}
	bad := filepath.Join(dir, "bad.hxz")
	os.WriteFile(bad, raw[:len(raw)-1], 0o666)
	if _, err := parents.Open(nil, bad, nil); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("damaged parent: %v", err)
	}
}

// A chunk of a parent may come again as data. Nothing before that data can refer to it.
func TestFlattenBeforeData(t *testing.T) {
	chunk := []byte("alpha and omega")
	base := stagetest.Pipe(t, chunk, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing())
	r := stagetest.OpenArchive(t, base)
	var e stream.Entry
	for c, err := range r.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		e = stream.Entry{Kind: stream.ParentRef, Len: c.Len, Hash: c.Hash, Ordinal: c.Ordinal}
	}
	var thin bytes.Buffer
	w := stream.NewWriter(&thin)
	data := stream.Entry{Kind: stream.Data, Len: e.Len, Hash: e.Hash}
	for _, f := range []stream.Frame{
		&stream.Header{},
		&stream.Parent{ID: r.ID()},
		&stream.Open{ID: 1, Name: "disk", Size: -1},
		&stream.Segment{Stream: 1, Entries: []stream.Entry{e, data}, Codec: stream.RawCodec, RawLen: len(chunk), Payload: chunk},
	} {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.CloseStream(nil), w.End(nil)); err != nil {
		t.Fatal(err)
	}
	find := stagetest.Yielding(stagetest.CopyOf(base), nil)
	flat := stagetest.Pipe(t, thin.Bytes(), stagetest.FlatteningAll(find, 1), stagetest.Sealing())
	if !bytes.Equal(stagetest.Restore(t, flat), append(chunk, chunk...)) {
		t.Error("flattened it is something else")
	}
}

// An archive that has references of its own can be made thin: the references follow their targets.
func TestThinOfDeduplicated(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(2)
	twice := append(bytes.Clone(list[1]), list[1]...)
	path := stagetest.ThinChain(t, dir, list[:1])[0]
	parent, err := parents.Open(nil, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	full := stagetest.Pipe(t, twice, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
	if stagetest.OpenArchive(t, full).Info().Totals.Ref.N == 0 {
		t.Fatal("the archive has no references")
	}
	thin := stagetest.Pipe(t, full, stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{parent}}), stagetest.Sealing())
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	if got := stagetest.Pipe(t, thin, stagetest.Restoring(restore.Options{Find: f.Find})); !bytes.Equal(got, twice) {
		t.Error("made thin it is something else")
	}
	if len(thin) > len(full)/3 {
		t.Errorf("%d bytes of %d are left", len(thin), len(full))
	}
}
