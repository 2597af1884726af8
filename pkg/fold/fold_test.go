package fold_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hexz/internal/contenttest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// source is a named content.
type source struct {
	name string
	data []byte
}

// cut returns a stream of sources in small chunks. Some runs of zeros become holes.
func cut(t testing.TB, seed uint64, sources ...source) []byte {
	var list []stage.Source
	for _, s := range sources {
		list = append(list, stage.ReaderSource(s.name, bytes.NewReader(s.data)))
	}
	o := stage.ChunkOptions{Chunker: chunker.Options{Min: 64, Avg: 128, Max: 512}}
	return stagetest.Pipe(t, nil, func(dst io.Writer, _ io.Reader) error {
		_, err := stage.Chunk(context.Background(), dst, list, o)
		return err
	}, holed(seed))
}

// holed turns some runs of zeros into holes, by their length.
func holed(seed uint64) stagetest.Filter {
	return func(dst io.Writer, src io.Reader) error {
		out := flow.NewWriter(dst, "", nil)
		for f, err := range flow.Frames(context.Background(), archive.NewScanner(src, nil), nil) {
			if err != nil {
				return err
			}
			if s, ok := f.(*stream.Segment); ok {
				for i := range s.Entries {
					if e := &s.Entries[i]; e.Kind.IsRun() && (uint64(e.Len)+seed)%3 == 0 {
						e.Kind = stream.Hole
					}
				}
			}
			if err := out.Write(f); err != nil {
				return err
			}
		}
		return nil
	}
}

// content returns bytes with zeros between them.
func content(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 3))
	var p []byte
	for len(p) < n {
		p = append(p, contenttest.Bytes(1+rng.IntN(30000), rng.Uint64())...)
		if rng.IntN(3) == 0 {
			p = append(p, make([]byte, 4096+rng.IntN(20000))...)
		}
	}
	return p[:n]
}

// changed returns p with some changes.
func changed(rng *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	for range rng.IntN(4) {
		part := make([]byte, rng.IntN(2000))
		rand.NewChaCha8([32]byte{byte(rng.Uint32()), byte(rng.Uint32())}).Read(part)
		switch rng.IntN(4) {
		case 0:
			part = nil
		case 1:
			part = make([]byte, 5000)
		}
		at := rng.IntN(len(p))
		p = slices.Replace(p, at, min(len(p), at+rng.IntN(3000)), part...)
	}
	return p
}

// library is archives by their ids.
type library struct{ stagetest.Library }

func (l library) index(want *stream.Parent) (*index.Index, error) {
	p, ok := l.Library[want.ID]
	if !ok {
		return nil, &archive.MissingError{Parents: []stream.Parent{*want}}
	}
	return index.OpenAny(bytes.NewReader(p), int64(len(p)), nil)
}

// pack makes an archive of a stream.
func (l library) pack(t testing.TB, p []byte, o stage.DedupOptions, on ...*archive.Reader) *archive.Reader {
	t.Helper()
	return l.Open(t, stagetest.Pipe(t, l.fold(t, p, o, on...), stagetest.Encoding(stage.CompressOptions{Block: 8 << 10}), stagetest.Sealing()))
}

// fold makes a stream thin.
func (l library) fold(t testing.TB, p []byte, o stage.DedupOptions, on ...*archive.Reader) []byte {
	t.Helper()
	for _, r := range on {
		o.Parents = append(o.Parents, parents.Parent{Index: r.Index, Hint: "parent.hxz"})
	}
	if o.Find == nil {
		o.Find = l.index
	}
	return stagetest.Pipe(t, p, stagetest.DroppingKnown(o))
}

// runs is an archive.Output that keeps the content, and of each byte whether it is in a hole.
type runs struct {
	bytes.Buffer
	holes []bool
}

func (r *runs) Write(p []byte) (int, error) {
	r.holes = append(r.holes, make([]bool, len(p))...)
	return r.Buffer.Write(p)
}

func (r *runs) Zeros(n int64) error { return archive.WriteZeros(r, n) }

func (r *runs) Hole(n int64) error {
	r.holes = append(r.holes, slices.Repeat([]bool{true}, int(n))...)
	return archive.WriteZeros(&r.Buffer, n)
}

// check compares a folded stream with the stream before: bytes, holes and roots.
func (l library) check(t testing.TB, folded, plain []byte, names ...string) {
	t.Helper()
	sealed := stagetest.Pipe(t, folded, stagetest.Sealing())
	got, want := l.Open(t, sealed), stagetest.OpenArchive(t, stagetest.Pipe(t, plain, stagetest.Sealing()))
	if got.Info().Root() != want.Info().Root() {
		t.Fatal("the root is another one")
	}
	for no, name := range names {
		var a, b, c runs
		if err := want.Restore(t.Context(), no, &a, archive.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := got.Restore(t.Context(), no, &b, archive.RestoreOptions{Threads: 2}); err != nil {
			t.Fatal(err)
		}
		if err := restore.Stream(t.Context(), &c, bytes.NewReader(folded), restore.Options{Stream: name, Find: l.Find}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) || !bytes.Equal(a.Bytes(), c.Bytes()) {
			t.Fatalf("%s: other bytes", name)
		}
		if !slices.Equal(a.holes, b.holes) || !slices.Equal(a.holes, c.holes) {
			t.Fatalf("%s: other holes", name)
		}
	}
}

// entriesOf returns the entries of all streams of frames.
func entriesOf(t testing.TB, p []byte) (list []stream.Entry) {
	t.Helper()
	for f, err := range flow.Frames(t.Context(), archive.NewScanner(bytes.NewReader(p), nil), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := f.(*stream.Segment); ok {
			list = append(list, s.Entries...)
		}
	}
	return list
}

func nodes(list []stream.Entry) (n int) {
	for _, e := range list {
		if e.Kind == stream.NodeRef {
			n++
		}
	}
	return n
}

// Random versions of two streams, each on one or two of those before.
func TestFoldedVersions(t *testing.T) {
	some := 0
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := library{stagetest.Library{}}
		a, b := content(seed, 20000+rng.IntN(60000)), content(seed+100, 1+rng.IntN(50000))
		var versions []*archive.Reader
		for n := range 6 {
			plain := cut(t, uint64(rng.IntN(2)), source{"a", a}, source{"b", b}, source{"none", nil})
			on := versions[max(0, n-1-rng.IntN(2)):]
			folded := l.fold(t, plain, stage.DedupOptions{}, on...)
			some += nodes(entriesOf(t, folded))
			l.check(t, folded, plain, "a", "b", "none")
			versions = append(versions, l.pack(t, plain, stage.DedupOptions{}, on...))
			if a, b = changed(rng, a), changed(rng, b); len(a) < 3000 {
				a = content(seed, 30000)
			}
			if len(b) == 0 {
				b = content(seed, 10)
			}
		}
	}
	if some < 80 {
		t.Errorf("only %d nodes", some)
	}
}

// An unchanged stream is one entry, on a full parent and on a thin one, and named after the archive
// in which it stands as entries.
func TestFoldedWhole(t *testing.T) {
	l := library{stagetest.Library{}}
	p := content(1, 100000)
	plain := cut(t, 0, source{"disk", p})
	first := l.pack(t, plain, stage.DedupOptions{})
	second := l.pack(t, plain, stage.DedupOptions{}, first)
	for name, on := range map[string]*archive.Reader{"full": first, "thin": second} {
		folded := l.fold(t, plain, stage.DedupOptions{}, on)
		list := entriesOf(t, folded)
		if len(list) != 1 || list[0].Kind != stream.NodeRef {
			t.Fatalf("%s: %d entries", name, len(list))
		}
		r := l.Open(t, stagetest.Pipe(t, folded, stagetest.Sealing()))
		if id := r.Info().Parents[list[0].Parent].ID; id != first.ID() {
			t.Errorf("%s: it names %v, and not the archive that has entries", name, id)
		}
		l.check(t, folded, plain, "disk")
	}
}

// What was folded before passes through another dedup, on the same parent, on its child or on
// another archive.
func TestFoldedTwice(t *testing.T) {
	l := library{stagetest.Library{}}
	rng := rand.New(rand.NewPCG(9, 9))
	p := content(2, 100000)
	old := l.pack(t, cut(t, 0, source{"disk", p}), stage.DedupOptions{})
	next := changed(rng, p)
	plain := cut(t, 0, source{"disk", next})
	mid := l.pack(t, plain, stage.DedupOptions{}, old)
	other := l.pack(t, cut(t, 0, source{"x", content(3, 50000)}), stage.DedupOptions{})
	once := l.fold(t, plain, stage.DedupOptions{}, old)
	want := entriesOf(t, once)
	for name, on := range map[string]*archive.Reader{"the same": old, "its child": mid, "another": other} {
		twice := l.fold(t, once, stage.DedupOptions{}, on)
		l.check(t, twice, plain, "disk")
		if got := entriesOf(t, twice); len(got) > len(want) {
			t.Errorf("on %s: %d entries, were %d", name, len(got), len(want))
		}
	}
}

// If a parent of a parent is not found, what it holds is stored again.
func TestFoldedWithoutGrandparent(t *testing.T) {
	l := library{stagetest.Library{}}
	rng := rand.New(rand.NewPCG(6, 6))
	p := content(7, 100000)
	first := l.pack(t, cut(t, 0, source{"disk", p}), stage.DedupOptions{})
	p = slices.Replace(bytes.Clone(p), 50000, 50010, []byte("something else")...)
	second := l.pack(t, cut(t, 0, source{"disk", p}), stage.DedupOptions{}, first)
	plain := cut(t, 0, source{"disk", changed(rng, p)})
	for name, find := range map[string]func(*stream.Parent) (*index.Index, error){
		"found": l.index,
		"missing": func(want *stream.Parent) (*index.Index, error) {
			return nil, &archive.MissingError{Parents: []stream.Parent{*want}}
		},
	} {
		var notes []string
		folded := l.fold(t, plain, stage.DedupOptions{Find: find, Note: func(s string) { notes = append(notes, s) }}, second)
		l.check(t, folded, plain, "disk")
		if noted := len(notes) == 1 && strings.Contains(notes[0], "bytes of the parents stand in parents of theirs"); noted != (name == "missing") {
			t.Errorf("%s: notes %q", name, notes)
		}
		if big := len(folded) > 60000; big != (name == "missing") {
			t.Errorf("%s: %d bytes", name, len(folded))
		}
	}
	broken := errors.New("broken")
	_, err := stage.Dedup(t.Context(), io.Discard, bytes.NewReader(plain), stage.DedupOptions{
		Parents: stagetest.AsParent(second), Find: func(*stream.Parent) (*index.Index, error) { return nil, broken },
	})
	if !errors.Is(err, broken) {
		t.Errorf("a parent of a parent cannot be read: %v", err)
	}
}

// A parent of a parent that was found by its content is opened once, and named by the id that it has.
func TestFoldedOnOtherOrder(t *testing.T) {
	l := library{stagetest.Library{}}
	rng := rand.New(rand.NewPCG(8, 8))
	p := content(8, 100000)
	first := l.pack(t, cut(t, 0, source{"disk", p}), stage.DedupOptions{})
	p = changed(rng, changed(rng, p))
	second := l.pack(t, cut(t, 0, source{"disk", p}), stage.DedupOptions{}, first)
	anew := l.Open(t, stagetest.Pipe(t, l.Library[first.ID()], stagetest.Encoding(stage.CompressOptions{Codec: "lz4"}), stagetest.Sealing()))
	plain := cut(t, 0, source{"disk", p})
	opened := 0
	folded := l.fold(t, plain, stage.DedupOptions{Find: func(*stream.Parent) (*index.Index, error) {
		opened++
		return anew.Index, nil
	}}, second)
	if opened != 1 {
		t.Errorf("it was opened %d times", opened)
	}
	delete(l.Library, first.ID())
	serving := func(want *stream.Parent) iter.Seq2[archive.Copy, error] {
		if want.ID == first.ID() {
			return l.Find(&stream.Parent{ID: anew.ID()})
		}
		return l.Find(want)
	}
	if got := stagetest.Pipe(t, folded, stagetest.Restoring(restore.Options{Find: serving})); !bytes.Equal(got, p) {
		t.Error("other bytes")
	}
}
