package stage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

func TestThinChain(t *testing.T) {
	dir := t.TempDir()
	list := versions(5)
	paths := thinChain(t, dir, list)
	for i, path := range paths {
		f := &Finder{Beside: dir}
		p, _ := os.ReadFile(path)
		r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Find: f.Find})
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		out := NewPlainOutput(&buf)
		if err := Cat(t.Context(), out, r, CatOptions{Threads: 2}); err != nil || out.Flush() != nil || !bytes.Equal(buf.Bytes(), list[i]) {
			t.Errorf("version %d: Cat: %v", i, err)
		}
		if got := pipe(t, p, restoring(CatOptions{Find: f.Find})); !bytes.Equal(got, list[i]) {
			t.Errorf("version %d: CatStream gave something else", i)
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
	f := &Finder{Dirs: []string{dir}}
	defer f.Close()
	last, _ := os.ReadFile(paths[4])
	flat := pipe(t, last, flatteningAll(f.Find, 1), sealing())
	if !bytes.Equal(flat, pipe(t, last, flatteningAll(f.Find, 3), sealing())) {
		t.Error("threads change the bytes")
	}
	r := openArchive(t, flat)
	if len(r.Info().Parents) != 0 || r.Info().Totals.Parent.N != 0 || !bytes.Equal(restore(t, flat), list[4]) {
		t.Error("flattened it is something else")
	}
	if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content}); err != nil {
		t.Error(err)
	}
}

// first returns the first that a Finder yields.
func first(f *Finder, want *stream.Parent) (archive.Copy, error) {
	for c, err := range f.Find(want) {
		return c, err
	}
	return archive.Copy{}, errors.New("nothing was yielded")
}

func TestFinder(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	paths := thinChain(t, dir, versions(2))
	base, _ := os.ReadFile(paths[0])
	id := openArchive(t, base).ID()
	moved := filepath.Join(other, "moved.hxz")
	if err := os.WriteFile(moved, base, 0o666); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for name, c := range map[string]struct {
		f    *Finder
		hint string
		ok   bool
	}{
		"file":             {&Finder{Files: []string{paths[1], moved}}, "", true},
		"directory":        {&Finder{Dirs: []string{empty, other}}, "", true},
		"beside":           {&Finder{Beside: dir}, "v0.hxz", true},
		"beside, renamed":  {&Finder{Beside: other}, "v0.hxz", true},
		"no place":         {&Finder{}, "v0.hxz", false},
		"hint with a path": {&Finder{Beside: empty}, moved, false},
		"hint upwards":     {&Finder{Beside: filepath.Join(other, "..", filepath.Base(empty))}, "../" + filepath.Base(other) + "/moved.hxz", false},
		"hint, followed":   {&Finder{Beside: empty, FollowHints: true}, moved, true},
		"not there":        {&Finder{Dirs: []string{empty}, Beside: empty}, "v0.hxz", false},
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
	list := versions(3)
	paths := thinChain(t, dir, list[:2])
	open := func(path string) Parent {
		p, err := OpenParent(nil, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	// An exported index serves as well as the archive.
	raw, _ := os.ReadFile(paths[1])
	var index bytes.Buffer
	if err := openArchive(t, raw).ExportIndex(&index); err != nil {
		t.Fatal(err)
	}
	hxi := filepath.Join(dir, "v1.hxi")
	if err := os.WriteFile(hxi, index.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	cut := pipe(t, list[2], cutting(ChunkOptions{}))
	by := func(o DedupOptions) []byte { return pipe(t, cut, droppingKnown(o)) }
	want := by(DedupOptions{Parents: []Parent{open(paths[1])}})
	if !bytes.Equal(want, by(DedupOptions{Parents: []Parent{open(hxi)}})) {
		t.Error("with the exported index it is another stream")
	}
	// Behind another dedup with another parent, the frames of both stay.
	twice := pipe(t, cut, droppingKnown(DedupOptions{Parents: []Parent{open(paths[0])}}), droppingKnown(DedupOptions{Parents: []Parent{open(paths[1])}}))
	f := &Finder{Dirs: []string{dir}}
	defer f.Close()
	if got := pipe(t, twice, restoring(CatOptions{Find: f.Find})); !bytes.Equal(got, list[2]) {
		t.Error("two dedups gave something else")
	}
	rep, err := InspectStream(bytes.NewReader(twice), InspectOptions{})
	if err != nil || len(rep.Parents) != 2 {
		t.Errorf("%d parents, %v", len(rep.Parents), err)
	}
	// In another order of stages, too.
	late := pipe(t, list[2], cutting(ChunkOptions{}), encoding(CompressOptions{Codec: "lz4"}), droppingKnown(DedupOptions{Parents: []Parent{open(paths[1])}}))
	if got := pipe(t, late, restoring(CatOptions{Find: f.Find})); !bytes.Equal(got, list[2]) {
		t.Error("dedup behind compress gave something else")
	}

	var notes []string
	note := func(s string) { notes = append(notes, s) }
	pipe(t, list[2], cutting(ChunkOptions{Chunker: chunker.Options{Avg: 8 << 10}}), droppingKnown(DedupOptions{Parents: []Parent{open(paths[1])}, Note: note}))
	if len(notes) != 1 || !strings.Contains(notes[0], "--like") {
		t.Errorf("another chunker: %q", notes)
	}
	notes = nil
	pipe(t, cut, droppingKnown(DedupOptions{Parents: []Parent{open(paths[1])}, MaxMemory: 1, Note: note}))
	if len(notes) == 0 || !strings.Contains(notes[0], "index is full") {
		t.Errorf("no memory: %q", notes)
	}
	if _, err := OpenParent(nil, filepath.Join(dir, "missing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing parent: %v", err)
	}
	bad := filepath.Join(dir, "bad.hxz")
	os.WriteFile(bad, raw[:len(raw)-1], 0o666)
	if _, err := OpenParent(nil, bad, nil); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("damaged parent: %v", err)
	}
}

// A chunk that a parent has may come again as data: in front of that, nothing can refer to it.
func TestFlattenBeforeData(t *testing.T) {
	chunk := []byte("alpha and omega")
	base := pipe(t, chunk, cutting(ChunkOptions{}), sealing())
	r := openArchive(t, base)
	var e stream.Entry
	if err := r.Chunks(func(c archive.Chunk) error {
		e = stream.Entry{Kind: stream.ParentRef, Len: c.Len, Hash: c.Hash, Ordinal: c.Ordinal}
		return nil
	}); err != nil {
		t.Fatal(err)
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
	find := yielding(copyOf(base), nil)
	flat := pipe(t, thin.Bytes(), flatteningAll(find, 1), sealing())
	if !bytes.Equal(restore(t, flat), append(chunk, chunk...)) {
		t.Error("flattened it is something else")
	}
}

// An archive that has references of its own can be made thin: they follow what they refer to.
func TestThinOfDeduplicated(t *testing.T) {
	dir := t.TempDir()
	list := versions(2)
	twice := append(bytes.Clone(list[1]), list[1]...)
	path := thinChain(t, dir, list[:1])[0]
	parent, err := OpenParent(nil, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	full := pipe(t, twice, cutting(ChunkOptions{}), dropping(), encoding(CompressOptions{}), sealing())
	if openArchive(t, full).Info().Totals.Ref.N == 0 {
		t.Fatal("the archive has no references")
	}
	thin := pipe(t, full, droppingKnown(DedupOptions{Parents: []Parent{parent}}), sealing())
	f := &Finder{Dirs: []string{dir}}
	defer f.Close()
	if got := pipe(t, thin, restoring(CatOptions{Find: f.Find})); !bytes.Equal(got, twice) {
		t.Error("made thin it is something else")
	}
	if len(thin) > len(full)/3 {
		t.Errorf("%d bytes of %d are left", len(thin), len(full))
	}
}
