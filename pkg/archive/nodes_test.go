package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"filippo.io/age"

	"hexz/internal/contenttest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// family is archives of versions of a content, each but the first thin on the one before, with
// nodes.
type family struct {
	t        testing.TB
	ids      seal.Opener
	archives stagetest.Library
	versions [][]byte // content
	files    [][]byte
}

// smallChunks make many nodes of a little content.
var smallChunks = stage.ChunkOptions{Chunker: chunker.Options{Min: 64, Avg: 128, Max: 512}}

func (f *family) index(want *stream.Parent) (*index.Index, error) {
	p, ok := f.archives[want.ID]
	if !ok {
		return nil, &archive.MissingError{Parents: []stream.Parent{*want}}
	}
	return index.OpenAny(bytes.NewReader(p), int64(len(p)), f.ids)
}

func (f *family) open(p []byte) *archive.Reader { return f.openWith(p, f.archives.Find) }

func (f *family) openWith(p []byte, find archive.FindFunc) *archive.Reader {
	f.t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Find: find, Identities: f.ids, CacheBytes: 64 << 10, Threads: 2})
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// add packs a version.
func (f *family) add(content []byte, o stage.SealOptions) *archive.Reader {
	f.t.Helper()
	var dropping stage.DedupOptions
	if n := len(f.files); n > 0 {
		dropping = stage.DedupOptions{Parents: []parents.Parent{{Index: f.open(f.files[n-1]).Index}}, Find: f.index}
	}
	sealing := func(dst io.Writer, src io.Reader) error {
		_, err := stage.Seal(context.Background(), dst, src, o)
		return err
	}
	p := stagetest.Pipe(f.t, content, stagetest.Cutting(smallChunks), stagetest.DroppingKnown(dropping), stagetest.Encoding(stage.CompressOptions{Block: 16 << 10}), sealing)
	r := f.open(p)
	f.archives[r.ID()] = p
	f.files, f.versions = append(f.files, p), append(f.versions, content)
	return r
}

// newFamily returns a family of n versions. If id is not nil, all are encrypted for it.
func newFamily(t testing.TB, n, size int, id *age.X25519Identity) *family {
	f := &family{t: t, archives: stagetest.Library{}}
	var o stage.SealOptions
	if id != nil {
		f.ids, o.Recipients = keys.Opener(id), keys.Wrapper(id.Recipient())
	}
	rng := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	p := contenttest.Bytes(size, 7)
	with := 0
	for range n {
		if r := f.add(p, o); r.Info().Totals.Node.N > 0 {
			with++
		}
		p = bytes.Clone(p)
		for range 2 {
			at := rng.IntN(len(p) - 700)
			part := make([]byte, 1+rng.IntN(600))
			rand.NewChaCha8([32]byte{byte(rng.Uint32()), byte(rng.Uint32())}).Read(part)
			p = slices.Replace(p, at, at+rng.IntN(600), part...)
		}
	}
	if with < n/2 {
		t.Fatalf("only %d of %d versions have nodes", with, n)
	}
	return f
}

// output is an archive.Output into memory.
type output struct{ bytes.Buffer }

func (o *output) Zeros(n int64) error { return archive.WriteZeros(&o.Buffer, n) }
func (o *output) Hole(n int64) error  { return o.Zeros(n) }

// checkRange reads a range in all ways.
func (f *family) checkRange(r *archive.Reader, file, want []byte, from, n int64) {
	f.t.Helper()
	want = want[from : from+n]
	got := make([]byte, n)
	if _, err := r.ReadAt(0, got, from); err != nil || !bytes.Equal(got, want) {
		f.t.Fatalf("ReadAt of %d bytes at %d: %v", n, from, err)
	}
	clear(got)
	runs, _, err := r.ReadStored(0, got, from)
	for _, s := range runs {
		n -= int64(s.Len)
	}
	if err != nil || !bytes.Equal(got, want) || n != 0 {
		f.t.Fatalf("ReadStored of %d bytes at %d: %v; runs of %d bytes less", len(want), from, err, n)
	}
	n = int64(len(want))
	for threads := 1; threads <= 3; threads += 2 {
		var out output
		if err := r.Restore(f.t.Context(), 0, &out, archive.RestoreOptions{Offset: from, Length: &n, Threads: threads}); err != nil || !bytes.Equal(out.Bytes(), want) {
			f.t.Fatalf("Restore of %d bytes at %d with %d threads: %d bytes, %v", n, from, threads, out.Len(), err)
		}
	}
	if err := r.CheckParentsOf(0, from, from+n); err != nil {
		f.t.Fatal(err)
	}
	o := restore.Options{Offset: from, Length: &n, Threads: 2, Find: f.archives.Find, Identities: f.ids}
	if got := stagetest.Pipe(f.t, file, stagetest.Restoring(o)); !bytes.Equal(got, want) {
		f.t.Fatalf("%d bytes at %d from a pipe: other bytes", n, from)
	}
}

func TestChainsWithNodes(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		versions, size int
		id             *age.X25519Identity
	}{"two": {2, 300 << 10, nil}, "twenty": {20, 60 << 10, nil}, "encrypted": {4, 60 << 10, id}} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t, c.versions, c.size, c.id)
			rng := rand.New(rand.NewPCG(1, 1))
			for i, file := range f.files {
				r := f.open(file)
				for _, level := range []archive.Level{archive.Structure, archive.Stored, archive.Content} {
					if err := r.Verify(t.Context(), archive.VerifyOptions{Level: level, Threads: 2}); err != nil {
						t.Fatalf("version %d, level %d: %v", i, level, err)
					}
				}
				if err := r.CheckParents(); err != nil {
					t.Fatal(err)
				}
				want := f.versions[i]
				size := int64(len(want))
				f.checkRange(r, file, want, 0, size)
				for range 4 {
					from := rng.Int64N(size)
					f.checkRange(r, file, want, from, 1+rng.Int64N(size-from))
					f.checkRange(r, file, want, from, 1)
				}
				f.checkExpanded(r)
			}
		})
	}
}

// anyNumber is a Numbering for entries whose archive does not matter.
func anyNumber(stream.Parent) (int32, error) { return 0, nil }

// checkExpanded goes through an archive without its nodes.
func (f *family) checkExpanded(r *archive.Reader) {
	f.t.Helper()
	var tree stream.Tree
	for e, err := range r.EntriesFrom(0, 0, anyNumber) {
		if err != nil {
			f.t.Fatal(err)
		}
		if !e.Kind.IsRun() && e.Kind != stream.ParentRef {
			f.t.Fatalf("an entry of kind %d is left", e.Kind)
		}
		if err := tree.Add(&e); err != nil {
			f.t.Fatal(err)
		}
	}
	if root := r.Info().Streams[0].Root; tree.Sum() != root {
		f.t.Fatal("without nodes it has another root")
	}
}

// The archive that a chain ends with can be flattened. It has the same root then.
func TestFlattenedChain(t *testing.T) {
	f := newFamily(t, 5, 60<<10, nil)
	last := f.files[4]
	flat := f.flattened(last)
	r := stagetest.OpenArchive(t, flat)
	if len(r.Info().Parents) != 0 || r.Info().Totals.Node.N != 0 || r.Info().Root() != f.open(last).Info().Root() {
		t.Error("it has parents, nodes or another root")
	}
	if !bytes.Equal(stagetest.Restore(t, flat), f.versions[4]) {
		t.Error("it has another content")
	}
}

func (f *family) flattened(p []byte) []byte {
	return stagetest.Pipe(f.t, p, stagetest.FlatteningAll(f.archives.Find, 2), stagetest.Encoding(stage.CompressOptions{Block: 8 << 10}), stagetest.Sealing())
}

// A parent that was compressed anew or flattened has another id. It is found by its content, and its
// nodes are found in it.
func TestNodesOfOtherOrder(t *testing.T) {
	f := newFamily(t, 4, 60<<10, nil)
	anew := func(p []byte) []byte {
		return stagetest.Pipe(t, p, stagetest.Encoding(stage.CompressOptions{Codec: "lz4", Block: 4 << 10}), stagetest.Sealing())
	}
	for name, change := range map[string]func([]byte) []byte{"compressed anew": anew, "flattened": f.flattened} {
		t.Run(name, func(t *testing.T) {
			others := stagetest.Library{}
			for i, p := range f.files[:3] {
				others[f.open(p).ID()] = change(f.files[i])
			}
			g := &family{t: t, archives: others}
			for i, p := range f.files {
				r := g.open(p)
				if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content}); err != nil {
					t.Errorf("version %d: %v", i, err)
				}
				size := int64(len(f.versions[i]))
				g.checkRange(r, p, f.versions[i], 0, size)
				g.checkRange(r, p, f.versions[i], size/3, size/3)
				flat := stagetest.Pipe(t, p, stagetest.FlatteningAll(others.Find, 2), stagetest.Sealing())
				if !bytes.Equal(stagetest.Restore(t, flat), f.versions[i]) {
					t.Errorf("version %d: flattened it is another one", i)
				}
			}
		})
	}
}

// copiesOf finds the copies of each parent, in that order.
func (f *family) copiesOf(list func(p []byte) [][]byte) archive.FindFunc {
	return func(want *stream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) {
			for _, p := range list(f.archives[want.ID]) {
				if !yield(stagetest.CopyOf(p), nil) {
					return
				}
			}
		}
	}
}

// damaged returns a copy of p in which the last byte of a segment is another one.
func (f *family) damaged(p []byte, segment int64) []byte {
	ref, _, err := f.open(p).SegmentAt(segment)
	if err != nil {
		f.t.Fatal(err)
	}
	p = bytes.Clone(p)
	p[ref.End()-1] ^= 1
	return p
}

// If a copy of a parent is damaged, another one is read from there on. No byte is written twice.
func TestNodesOfSecondCopies(t *testing.T) {
	f := newFamily(t, 3, 200<<10, nil)
	flat := f.flattened(f.files[1])
	for segment := range f.open(f.files[0]).Info().Totals.Segments {
		bad := f.damaged(f.files[0], segment)
		for name, find := range map[string]archive.FindFunc{
			"a second copy": f.copiesOf(func(p []byte) [][]byte {
				if bytes.Equal(p, f.files[0]) {
					return [][]byte{bad, p}
				}
				return [][]byte{p}
			}),
			"another copy of the archive between": f.copiesOf(func(p []byte) [][]byte {
				switch {
				case bytes.Equal(p, f.files[0]):
					return [][]byte{bad}
				case bytes.Equal(p, f.files[1]):
					return [][]byte{p, flat}
				}
				return [][]byte{p}
			}),
		} {
			p, want := f.files[2], f.versions[2]
			if name != "a second copy" {
				p, want = f.childOf(1), f.versions[1]
			}
			r := f.openWith(p, find)
			size := int64(len(want))
			got := make([]byte, size)
			if _, err := r.ReadAt(0, got, 0); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s, segment %d: ReadAt: %v", name, segment, err)
			}
			for _, threads := range []int{1, 3} {
				var out output
				if err := r.Restore(t.Context(), 0, &out, archive.RestoreOptions{Threads: threads}); err != nil || !bytes.Equal(out.Bytes(), want) {
					t.Fatalf("%s, segment %d: Restore: %d bytes of %d, %v", name, segment, out.Len(), size, err)
				}
			}
			if name != "a second copy" {
				continue
			}
			flat := stagetest.Pipe(t, p, stagetest.FlatteningAll(find, 2), stagetest.Sealing())
			if !bytes.Equal(stagetest.Restore(t, flat), want) {
				t.Fatalf("segment %d: flattened it is another one", segment)
			}
		}
	}
}

// childOf returns an archive of the same content as version n, which is one node of that.
func (f *family) childOf(n int) []byte {
	r := f.open(f.files[n])
	s := r.Info().Streams[0]
	level := nodeLevel(f.t, r)
	var buf bytes.Buffer
	w := stream.NewWriter(&buf)
	e := stream.Entry{Kind: stream.NodeRef, Level: level, Len: s.Size, Hash: s.Root, Ordinal: stream.NoOrdinal}
	for _, frame := range []stream.Frame{
		&stream.Header{}, &stream.Parent{ID: r.ID(), Content: r.Info().Root()}, &stream.Open{ID: 1, Name: s.Name, Size: -1},
		&stream.Segment{Stream: 1, Entries: []stream.Entry{e}, Codec: stream.RawCodec},
	} {
		if err := w.Write(frame); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := errors.Join(w.CloseStream(nil), w.End(nil)); err != nil {
		f.t.Fatal(err)
	}
	return stagetest.Pipe(f.t, buf.Bytes(), stagetest.Sealing())
}

// nodeLevel returns the level of the top of the first stream of r.
func nodeLevel(t testing.TB, r *archive.Reader) (level uint8) {
	tree := stream.Tree{Ended: func(n stream.Node) {
		if n.Hash == r.Info().Streams[0].Root {
			level = uint8(n.Level)
		}
	}}
	for e, err := range r.EntriesIn(0, 0, r.Info().Streams[0].Size, 0) {
		if err == nil {
			err = tree.Add(e.Entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tree.Sum()
	return level
}

// breaking is an Output that fails after some bytes.
type breaking struct {
	output
	left  int
	tried int // how often it was called after that
}

var errBroken = errors.New("no space is left")

func (b *breaking) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.output.Write(p[:n])
	if b.left -= n; n < len(p) {
		b.tried++
		return n, errBroken
	}
	return n, nil
}

func (b *breaking) Zeros(n int64) error {
	_, err := b.Write(make([]byte, n))
	return err
}

func (b *breaking) Hole(n int64) error { return b.Zeros(n) }

// No copy can help an output that fails: it is not called again.
func TestNodesToBrokenOutput(t *testing.T) {
	f := newFamily(t, 2, 60<<10, nil)
	want := f.versions[1]
	for segment := range f.open(f.files[0]).Info().Totals.Segments {
		bad := f.damaged(f.files[0], segment)
		find := f.copiesOf(func(p []byte) [][]byte { return [][]byte{bad, p, p, p} })
		for left := 0; left < len(want); left += 5003 {
			r := f.openWith(f.files[1], find)
			out := &breaking{left: left}
			err := r.Restore(t.Context(), 0, out, archive.RestoreOptions{Threads: 2})
			if !errors.Is(err, errBroken) || out.tried != 1 || !bytes.Equal(out.Bytes(), want[:left]) {
				t.Errorf("after %d bytes: %v; %d bytes were written, and %d times it was tried", left, err, out.Len(), out.tried)
			}
		}
	}
}

// RestoreNode says how much it has written, so that a caller can fill what is lost.
func TestLostNodes(t *testing.T) {
	f := newFamily(t, 2, 100<<10, nil)
	p := f.files[1]
	for segment := range f.open(f.files[0]).Info().Totals.Segments {
		bad := f.damaged(f.files[0], segment)
		lost := int64(0)
		got := stagetest.Pipe(t, p, stagetest.Restoring(restore.Options{
			Find: f.copiesOf(func([]byte) [][]byte { return [][]byte{bad} }), Threads: 2,
			Lost: func(_ string, off, n int64, why error) { lost += n },
		}))
		want := f.versions[1]
		if len(got) != len(want) || lost == 0 {
			t.Fatalf("segment %d: %d bytes of %d, %d are lost", segment, len(got), len(want), lost)
		}
		differ := int64(0)
		for i := range got {
			if got[i] != want[i] {
				if differ++; got[i] != 0 {
					t.Fatalf("segment %d: byte %d is neither right nor zero", segment, i)
				}
			}
		}
		if differ > lost {
			t.Errorf("segment %d: %d bytes differ, %d are lost", segment, differ, lost)
		}
	}
}

// All missing parents that are needed are named at once. A parent that only nodes outside of a range
// need is not.
func TestMissingParentsOfNodes(t *testing.T) {
	f := newFamily(t, 4, 100<<10, nil)
	for missing := range 3 {
		gone := f.open(f.files[missing]).ID()
		find := func(want *stream.Parent) iter.Seq2[archive.Copy, error] {
			if want.ID == gone {
				return stagetest.Library{}.Find(want)
			}
			return f.archives.Find(want)
		}
		r := f.openWith(f.files[3], find)
		if err := r.CheckParents(); !errors.Is(err, archive.ErrParent) || !bytes.Contains([]byte(err.Error()), []byte(gone.String())) {
			t.Errorf("without version %d: %v", missing, err)
		}
		size := int64(len(f.versions[3]))
		needed, spared := 0, 0
		for from := int64(0); from < size; from += 997 {
			n := min(size-from, 500)
			check := r.CheckParentsOf(0, from, from+n)
			_, err := r.ReadAt(0, make([]byte, n), from)
			if (check == nil) != (err == nil) {
				t.Fatalf("without version %d, %d bytes at %d: the check says %v, ReadAt %v", missing, n, from, check, err)
			}
			if err == nil {
				spared++
			} else {
				needed++
			}
		}
		if needed == 0 || missing > 0 && spared == 0 {
			t.Errorf("without version %d: %d ranges need it, %d do not", missing, needed, spared)
		}
	}
	// All at once.
	err := f.openWith(f.files[3], stagetest.Library{}.Find).CheckParents()
	if !errors.Is(err, archive.ErrParent) {
		t.Error(err)
	}
}

// A restore that ends early leaves no goroutine.
func TestNodesStopEarly(t *testing.T) {
	f := newFamily(t, 3, 100<<10, nil)
	for _, stop := range []int{1, 2, 5, 100} {
		synctest.Test(t, func(t *testing.T) {
			r := f.open(f.files[2])
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n := 0
			err := r.Restore(ctx, 0, &output{}, archive.RestoreOptions{Threads: 3, Progress: func(int64) {
				if n++; n == stop {
					cancel()
				}
			}})
			if n >= stop && !errors.Is(err, context.Canceled) {
				t.Errorf("stopped at piece %d of %d: %v", stop, n, err)
			}
			for range r.EntriesFrom(0, 0, anyNumber) {
				break
			}
		})
	}
}

// Nodes within a segment that also stores chunks are restored, too.
func TestNodesBesideChunks(t *testing.T) {
	f := newFamily(t, 2, 200<<10, nil)
	p := stagetest.Pipe(t, f.files[1], stagetest.Encoding(stage.CompressOptions{Block: 1 << 20}), stagetest.Sealing())
	r := f.open(p)
	mixed := false
	for s, err := range r.Segments() {
		if err != nil {
			t.Fatal(err)
		}
		has := func(kind stream.EntryKind) bool {
			return slices.ContainsFunc(s.Entries, func(e stream.Entry) bool { return e.Kind == kind })
		}
		mixed = mixed || has(stream.NodeRef) && has(stream.Data)
	}
	if !mixed {
		t.Fatal("no segment has nodes and chunks")
	}
	size := int64(len(f.versions[1]))
	for from := int64(0); from < size; from += size/7 + 1 {
		f.checkRange(r, p, f.versions[1], from, min(size-from, size/3))
	}
}
