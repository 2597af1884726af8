package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

func TestRestoreAndInfo(t *testing.T) {
	for name, b := range map[string]*builder{"small": Small(t), "large": large(t, 1500)} {
		r := open(t, b.Buf.Bytes())
		var total int64
		for no, s := range r.Info().Streams {
			var out collect
			if err := r.Restore(t.Context(), no, &out, RestoreOptions{Threads: 3}); err != nil {
				t.Fatalf("%s %s: %v", name, s.Name, err)
			}
			if !bytes.Equal(out.Bytes(), b.content[s.Name]) || s.Size != int64(out.Len()) {
				t.Errorf("%s: stream %s is not what was packed", name, s.Name)
			}
			total += s.Size
		}
		tot := r.Info().Totals
		if n := tot.Data.Bytes + tot.Zero.Bytes + tot.Hole.Bytes + tot.Ref.Bytes; n != total {
			t.Errorf("%s: totals of %d bytes for %d", name, n, total)
		}
		if name == "large" && (r.Pages() < 3 || r.Levels() < 1 || tot.Ref.N < 100) {
			t.Errorf("the large archive has %d pages, nodes of %d levels, and %d references", r.Pages(), r.Levels(), tot.Ref.N)
		}
		for _, level := range []Level{Structure, Stored, Content} {
			if err := r.Verify(t.Context(), VerifyOptions{Level: level, Threads: 2}); err != nil {
				t.Errorf("%s: Verify at level %d: %v", name, level, err)
			}
		}
	}
}

// Ten thousand reads of random ranges by eight goroutines, through a cache that holds a
// fraction of the archive.
func TestReadAtConcurrently(t *testing.T) {
	b := large(t, 400)
	r := open(t, b.Buf.Bytes())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 5))
			for range 1250 {
				no := rng.IntN(2)
				want := b.content[r.Info().Streams[no].Name]
				off := rng.IntN(len(want) + 1)
				p := make([]byte, rng.IntN(20000))
				n, err := r.ReadAt(no, p, int64(off))
				rest := want[off:]
				if len(p) > len(rest) {
					if err != io.EOF || n != len(rest) {
						t.Errorf("read of %d at %d of %d: %d, %v", len(p), off, len(want), n, err)
						return
					}
				} else if err != nil || n != len(p) {
					t.Errorf("read of %d at %d of %d: %d, %v", len(p), off, len(want), n, err)
					return
				}
				if !bytes.Equal(p[:n], rest[:n]) {
					t.Errorf("read of %d at %d: other bytes", len(p), off)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRestoreRanges(t *testing.T) {
	b := large(t, 60)
	r := open(t, b.Buf.Bytes())
	want := b.content["second"]
	rng := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		off := rng.IntN(len(want) + 1)
		n := rng.IntN(len(want)-off+1) + rng.IntN(2)*1000
		var out collect
		var last int64
		err := r.Restore(t.Context(), 1, &out, RestoreOptions{Offset: int64(off), Length: new(int64(n)), Threads: 2, Progress: func(n int64) { last = n }})
		expect := want[off:]
		expect = expect[:min(n, len(expect))]
		if err != nil || !bytes.Equal(out.Bytes(), expect) || last != int64(len(expect)) {
			t.Fatalf("offset %d, length %d: %d bytes for %d, progress %d, %v", off, n, out.Len(), len(expect), last, err)
		}
	}
	if err := r.Restore(t.Context(), 1, &collect{}, RestoreOptions{Offset: int64(len(want)) + 1}); err == nil {
		t.Error("an offset behind the end was taken")
	}
}

func TestHolesAndZerosAreKeptApart(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() { b.Segment("none", []byte("x"), 100, -1000, 7) })
	b.Seal()
	var out collect
	if err := open(t, b.Buf.Bytes()).Restore(t.Context(), 0, &out, RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	if out.zeros != 107 || out.holes != 1000 {
		t.Errorf("%d bytes of zeros and %d of holes", out.zeros, out.holes)
	}
}

// scan reads r from front to back, and returns the archive that a Writer makes of its frames.
func scan(r io.Reader, ids ...age.Identity) ([]byte, *Scanner, error) {
	s := NewScanner(r, keys.Opener(ids...))
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	for {
		f, err := s.Next()
		if err == io.EOF {
			_, err = w.Finish()
			return buf.Bytes(), s, err
		}
		if err == nil {
			err = w.Write(f)
		}
		if err != nil {
			return nil, s, err
		}
	}
}

// A Scanner's frames, sealed again, are the same archive.
func TestScanIsInverseOfWrite(t *testing.T) {
	for _, b := range []*builder{Small(t), large(t, 1500)} {
		p := b.Buf.Bytes()
		for _, in := range []io.Reader{bytes.NewReader(p), iotest.HalfReader(bytes.NewReader(p))} {
			got, s, err := scan(in)
			if err != nil || !bytes.Equal(got, p) {
				t.Fatalf("got another archive, %v", err)
			}
			if id, ok := s.ID(); !ok || id != open(t, p).ID() {
				t.Errorf("id %v, %v", id, ok)
			}
			if _, n := s.Range(); n != int64(len(p)) {
				t.Errorf("range of %d bytes for %d", n, len(p))
			}
		}
	}
}

// checkDamaged tries every reader on a damaged archive. No reader may take it for whole, and
// everything that a reader hands out without an error must be right.
func checkDamaged(t *testing.T, what string, p []byte, b *builder, ids ...age.Identity) {
	t.Helper()
	if _, _, err := scan(bytes.NewReader(p), ids...); !isDamage(err) {
		t.Fatalf("%s: Scanner: %v", what, err)
	}
	locked, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1})
	if err == nil {
		err = locked.Verify(t.Context(), VerifyOptions{Level: Stored})
	}
	if !errors.Is(err, stream.ErrCorrupt) {
		t.Fatalf("%s: Verify of stored bytes without a key: %v", what, err)
	}
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1, Identities: keys.Opener(ids...)})
	if err != nil {
		if !isDamage(err) {
			t.Fatalf("%s: NewReader: %v", what, err)
		}
		return
	}
	if err := r.Verify(t.Context(), VerifyOptions{Level: Stored}); !errors.Is(err, stream.ErrCorrupt) {
		t.Fatalf("%s: Verify of stored bytes: %v", what, err)
	}
	for no, s := range r.Info().Streams {
		var out collect
		err := r.Restore(t.Context(), no, &out, RestoreOptions{})
		want := b.content[s.Name]
		if err == nil && !bytes.Equal(out.Bytes(), want) || !bytes.HasPrefix(want, out.Bytes()) {
			t.Fatalf("%s: stream %s: wrong bytes, %v", what, s.Name, err)
		}
		got := make([]byte, len(want))
		if n, err := r.ReadAt(no, got, 0); !bytes.Equal(got[:n], want[:n]) || err == nil && n != len(want) {
			t.Fatalf("%s: stream %s: ReadAt: wrong bytes, %v", what, s.Name, err)
		}
	}
}

// isDamage reports whether err is of a kind that damage causes. Damage in the header of an
// encrypted archive may look like a key for somebody else.
func isDamage(err error) bool {
	var other *seal.NoMatchError
	return errors.Is(err, stream.ErrCorrupt) || errors.Is(err, stream.ErrTruncated) || errors.As(err, &other)
}

// A damaged segment is an error for its own range only.
func TestDamageIsLocal(t *testing.T) {
	b := large(t, 40)
	p := bytes.Clone(b.Buf.Bytes())
	r := open(t, p)
	ref, next, err := r.SegmentAt(20)
	if err != nil {
		t.Fatal(err)
	}
	p[ref.Pos+ref.Len-1] ^= 1
	want := b.content["first"]
	got := make([]byte, ref.Offset)
	if _, err := open(t, p).ReadAt(0, got, 0); err != nil || !bytes.Equal(got, want[:ref.Offset]) {
		t.Errorf("in front of the damage: %v", err)
	}
	// The digest of the frame shows the damage before anything in the frame is believed.
	_, err = open(t, p).ReadAt(0, got[:1], ref.Offset)
	if !errors.Is(err, stream.ErrCorrupt) || !strings.Contains(err.Error(), fmt.Sprintf("segment at byte %d is damaged", ref.Pos)) {
		t.Errorf("in the damage: %v", err)
	}
	if next.Stream != 0 {
		t.Fatal("segment 20 is not in the first stream")
	}
	// Two more damaged segments, one of them in the other stream. Each is named once, at either
	// level.
	want2 := []int64{ref.Pos}
	for _, number := range []int64{5, 60} {
		ref, _, err := r.SegmentAt(number)
		if err != nil {
			t.Fatal(err)
		}
		p[ref.Pos+ref.Len-1] ^= 1
		want2 = append(want2, ref.Pos)
	}
	for _, level := range []Level{Stored, Content} {
		var faults []string
		open(t, p).Verify(t.Context(), VerifyOptions{Level: level, Threads: 2, Damage: func(err error) { faults = append(faults, err.Error()) }})
		for _, pos := range want2 {
			name := fmt.Sprintf("segment at byte %d is damaged", pos)
			n := 0
			for _, f := range faults {
				if strings.HasSuffix(f, name) && !strings.Contains(f, "reference") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("level %d: %q is named %d times: %q", level, name, n, faults)
			}
		}
	}
}

func TestReadErrorIsNoDamage(t *testing.T) {
	b := Small(t)
	boom := errors.New("boom")
	src := &faulty{r: bytes.NewReader(b.Buf.Bytes())}
	r, err := NewReader(src, int64(b.Buf.Len()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	src.err = boom
	var p [10]byte
	if _, err := r.ReadAt(0, p[:], 0); !errors.Is(err, boom) || isDamage(err) {
		t.Errorf("got %v", err)
	}
	// A passing fault must not be remembered.
	src.err = nil
	if _, err := r.ReadAt(0, p[:], 0); err != nil {
		t.Errorf("after the fault has passed: %v", err)
	}
}

// faulty is an io.ReaderAt that can be made to fail.
type faulty struct {
	r   io.ReaderAt
	err error
}

func (f *faulty) ReadAt(p []byte, off int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

// Without an End frame there is no archive.
func TestNoFinishWithoutEnd(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() { b.Segment("none", []byte("x")) })
	n := b.Buf.Len()
	if _, err := b.W.Finish(); !errors.Is(err, stream.ErrTruncated) || b.Buf.Len() != n {
		t.Errorf("Finish: %v, %d bytes more", err, b.Buf.Len()-n)
	}
}

func TestWriterRefusesUnknownRefs(t *testing.T) {
	for name, e := range map[string]stream.Entry{
		"unknown hash": {Kind: stream.Ref, Len: 5, Hash: stream.Hash{1}},
		"wrong length": {Kind: stream.Ref, Len: 4},
	} {
		b := NewBuilder(t)
		b.open = stream.Open{ID: 1, Name: "disk", Size: -1}
		b.write(&b.open)
		b.Segment("none", []byte("alpha"))
		if name == "wrong length" {
			for e.Hash = range b.seen {
			}
		}
		err := b.W.Write(&stream.Segment{Stream: 1, Offset: 5, Entries: []stream.Entry{e}, Codec: "none"})
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// alterRoot returns p with another root whose digest is right.
func alterRoot(t *testing.T, p []byte, alter func(r *index.Root)) []byte {
	return resealed(t, p, func(what string, f []byte) []byte {
		if what != "root" {
			return f
		}
		r, err := index.ParseRoot(f)
		if err == nil {
			err = r.Open(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		alter(r)
		r.Seal(nil)
		w := wire.NewWriter()
		index.AppendRoot(w, r)
		return w.Written()
	})
}

// An index that is right in itself but describes another body is found.
func TestIndexThatLies(t *testing.T) {
	build := func(chunk string) []byte {
		b := NewBuilder(t)
		b.Stream(1, "disk", func() { b.Segment("none", []byte(chunk), 10, []byte("same")) })
		b.Seal()
		return b.Buf.Bytes()
	}
	a, other := build("alpha"), build("gamma")
	page := takeApart(t, other).entries[0]
	for name, p := range map[string][]byte{
		"name":   alterRoot(t, a, func(r *index.Root) { r.Info.Streams[0].Name = "tape" }),
		"id":     alterRoot(t, a, func(r *index.Root) { r.Info.Streams[0].ID = 9 }),
		"meta":   alterRoot(t, a, func(r *index.Root) { r.Info.Meta["more"] = int64(1) }),
		"stored": alterRoot(t, a, func(r *index.Root) { r.Info.Totals.Stored++ }),
		"digest": alterRoot(t, a, func(r *index.Root) { r.Info.Streams[0].Digests = map[string][]byte{"sha256": make([]byte, 32)} }),
		"entries": resealed(t, alterRoot(t, a, func(r *index.Root) { r.Info = open(t, other).Root.Info }), func(what string, f []byte) []byte {
			if what == "entry" {
				return page
			}
			return f
		}),
	} {
		r := open(t, p)
		if name != "id" && name != "digest" {
			if err := r.Verify(t.Context(), VerifyOptions{Level: Stored}); err != nil {
				t.Errorf("%s: the index should be right in itself: %v", name, err)
			}
		}
		if err := r.Verify(t.Context(), VerifyOptions{Level: Content}); !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: Verify: %v", name, err)
		}
	}
}

// The level Structure finds an index whose parts do not fit together.
func TestStructureThatLies(t *testing.T) {
	p := Small(t).Buf.Bytes()
	for name, alter := range map[string]func(r *index.Root){
		"root":   func(r *index.Root) { r.Info.Streams[0].Root[0] ^= 1 },
		"size":   func(r *index.Root) { r.Info.Streams[2].Size++ },
		"totals": func(r *index.Root) { r.Info.Totals.Zero.Bytes++ },
		"level":  func(r *index.Root) { r.Info.Streams[0].Level++ },
		"holes":  func(r *index.Root) { r.Info.Streams[0].Holes++ },
		"rest":   func(r *index.Root) { r.Rest.Len++ },
		"area":   func(r *index.Root) { r.Areas[0]-- },
		"nodes":  func(r *index.Root) { r.Areas[1]++ },
		"list":   func(r *index.Root) { r.Lists = append(r.Lists, index.List{}) },
	} {
		err := open(t, alterRoot(t, p, alter)).Verify(t.Context(), VerifyOptions{Level: Structure})
		if !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A writer may give a chunk a hash that is not its own. No reader hands out such a chunk.
func TestChunkWithAnotherHash(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() {
		e := stream.Entry{Kind: stream.Data, Len: 5, Hash: blake.Sum([]byte("alpha"))}
		b.write(&stream.Segment{Stream: 1, Entries: []stream.Entry{e}, Codec: "none", RawLen: 5, Payload: []byte("gamma")})
		b.tree.Add(&e)
		b.offset = 5
	})
	b.Seal()
	r := open(t, b.Buf.Bytes())
	if err := r.Verify(t.Context(), VerifyOptions{Level: Stored}); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(t.Context(), VerifyOptions{Level: Content}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("Verify: %v", err)
	}
	var out collect
	if err := r.Restore(t.Context(), 0, &out, RestoreOptions{}); !errors.Is(err, stream.ErrCorrupt) || out.Len() > 0 {
		t.Errorf("Restore: %d bytes, %v", out.Len(), err)
	}
	if n, err := r.ReadAt(0, make([]byte, 5), 0); !errors.Is(err, stream.ErrCorrupt) || n > 0 {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
}

// A reference whose ordinal names another chunk of the same length must not give its bytes.
func TestRefToAnotherChunk(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() {
		b.Segment("none", []byte("alpha"), []byte("gamma"))
		b.Segment("none", []byte("alpha"), []byte("delta"))
	})
	b.Seal()
	p := resealed(t, b.Buf.Bytes(), func(what string, f []byte) []byte {
		s, err := stream.ParseSegment(f)
		if what != "segment" || err != nil || s.Entries[0].Kind != stream.Ref {
			return f
		}
		s.Entries[0].Ordinal = 1
		w := wire.NewWriter()
		stream.Append(w, s)
		return append(w.Written(), s.Payload...)
	})
	r := open(t, p)
	var out collect
	if err := r.Restore(t.Context(), 0, &out, RestoreOptions{}); !errors.Is(err, stream.ErrCorrupt) || out.String() != "alphagamma" {
		t.Errorf("Restore: %q, %v", out.String(), err)
	}
	if n, err := r.ReadAt(0, make([]byte, 5), 10); !errors.Is(err, stream.ErrCorrupt) || n > 0 {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
}

func TestUnknownFeature(t *testing.T) {
	p := alterRoot(t, Small(t).Buf.Bytes(), func(r *index.Root) {})
	r := open(t, p)
	w := wire.NewWriter()
	altered := *r.Root
	altered.Features = []string{"teleport"}
	index.AppendRoot(w, &altered)
	p = append(p[:r.RootAt.Pos:r.RootAt.Pos], w.Written()...)
	p = index.Trailer{Root: index.Extent{Pos: r.RootAt.Pos, Len: int64(len(w.Written())), Digest: blake.Sum(w.Written())}, Magic: index.ArchiveMagic}.Append(p)
	_, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
	if !errors.Is(err, stream.ErrCorrupt) || !strings.Contains(err.Error(), "teleport") {
		t.Errorf("got %v", err)
	}
}

// Ancillary frames of later writers count like any other frame of the body.
func TestAncillaryFrames(t *testing.T) {
	b := NewBuilder(t)
	w := wire.NewWriter()
	w.Array(2)
	w.Int(200)
	w.String("from the future")
	at, err := b.W.put(w.Written()) // the Writer itself makes none
	if err != nil {
		t.Fatal(err)
	}
	b.W.index.AddOther(at)
	b.Stream(1, "disk", func() { b.Segment("none", []byte("alpha")) })
	b.Seal()
	p := b.Buf.Bytes()
	if err := open(t, p).Verify(t.Context(), VerifyOptions{Level: Content}); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if _, _, err := scan(bytes.NewReader(p)); err != nil {
		t.Errorf("Scanner: %v", err)
	}
}

// memoryFile is a TempFile.
type memoryFile struct {
	bytes.Buffer
	closed *int
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.Bytes()).ReadAt(p, off)
}

func (f *memoryFile) Close() error {
	*f.closed++
	return nil
}

// The limit for memory changes nothing in the archive.
func TestWriterMaxMemory(t *testing.T) {
	const chunks = 60_000
	build := func(o WriterOptions) []byte {
		b := NewBuilder(t)
		var buf bytes.Buffer
		b.W = NewWriter(&buf, o)
		defer b.W.Close()
		b.write(&stream.Header{})
		b.Stream(1, "disk", func() {
			for i := range uint32(chunks) {
				// The last quarter repeats chunks from far before, whose hashes are in a file by
				// then.
				b.Segment("none", binary.LittleEndian.AppendUint32(nil, i%(chunks*3/4)))
			}
		})
		b.Seal()
		return buf.Bytes()
	}
	made, closed := 0, 0
	plain := build(WriterOptions{})
	limited := build(WriterOptions{MaxMemory: 1, Temp: func() (TempFile, error) {
		made++
		return &memoryFile{closed: &closed}, nil
	}})
	if !bytes.Equal(plain, limited) {
		t.Error("the archive is another one")
	}
	if made < 3 || closed != made {
		t.Errorf("%d files were made, %d closed", made, closed)
	}
	boom := errors.New("no space")
	w := NewWriter(io.Discard, WriterOptions{MaxMemory: 1, Temp: func() (TempFile, error) { return nil, boom }})
	err := errors.Join(w.Write(&stream.Header{}), w.Write(&stream.Open{ID: 1, Name: "disk", Size: -1}))
	for i := int64(0); i < index.PageSegments && err == nil; i++ {
		err = w.Write(&stream.Segment{Stream: 1, Offset: 5 * i, Entries: []stream.Entry{{Kind: stream.Zero, Len: 5}}, Codec: "none"})
	}
	if !errors.Is(err, boom) {
		t.Errorf("no file: %v", err)
	}
	w.Close()
}

// The end of a small archive is read once, because each read from a far store is slow.
func TestOpenReadsOnce(t *testing.T) {
	_, key := signKey(t)
	for name, o := range map[string]WriterOptions{"plain": {}, "signed": {Sign: []seal.SecretKey{key}}} {
		p := smallWith(t, o).Buf.Bytes()
		src := &rangeRecorder{Reader: bytes.NewReader(p)}
		if _, err := NewReader(src, int64(len(p)), Options{}); err != nil || len(src.reads) != 1 {
			t.Errorf("%s: %d reads, %v", name, len(src.reads), err)
		}
	}
}
