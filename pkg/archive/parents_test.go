package archive

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// thin returns an archive of one stream that refers to every chunk of base, in reverse order, with
// chunks of its own between them.
func thin(t testing.TB, base *Reader, o WriterOptions) *builder {
	t.Helper()
	chunks, err := chunkList(base.Index)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(chunks)
	b := newBuilderWith(t, o)
	b.write(&stream.Parent{ID: base.ID(), Hint: "base.hxz", Content: base.Info().Root()})
	b.Stream(5, "next", func() {
		for i, c := range chunks {
			s := &stream.Segment{Stream: 5, Offset: b.offset, Codec: "none"}
			s.Entries = []stream.Entry{{Kind: stream.ParentRef, Len: c.Len, Hash: c.Hash, Ordinal: c.Ordinal}}
			b.tree.Add(&s.Entries[0])
			b.offset += c.Len
			b.write(s)
			p := contentOf(t, base, c)
			b.content["next"] = append(b.content["next"], p...)
			if i%2 == 0 {
				b.Segment("zstd", Text(uint64(i), 50), 20)
			}
		}
	})
	b.Seal()
	return b
}

// contentOf returns the bytes of a data chunk.
func contentOf(t testing.TB, r *Reader, c index.Chunk) []byte {
	t.Helper()
	it, err := r.segmentOf(c.Ordinal)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release(it)
	i, err := it.Value.target(&stream.Entry{Len: c.Len, Hash: c.Hash, Ordinal: c.Ordinal})
	if err != nil {
		t.Fatal(err)
	}
	p, held, err := r.bytes(it.Value, i)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release(held)
	return bytes.Clone(p)
}

// finder finds one archive.
func finder(p []byte) FindFunc {
	return finderOf(p)
}

// finderOf finds several copies.
func finderOf(copies ...[]byte) FindFunc {
	return func(*stream.Parent) iter.Seq2[Copy, error] {
		return func(yield func(Copy, error) bool) {
			for _, p := range copies {
				if !yield(Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))}, nil) {
					return
				}
			}
		}
	}
}

// failingToFind finds nothing, and yields err.
func failingToFind(err error) FindFunc {
	return func(*stream.Parent) iter.Seq2[Copy, error] {
		return func(yield func(Copy, error) bool) { yield(Copy{}, err) }
	}
}

func openThin(t testing.TB, p []byte, find FindFunc, ids ...age.Identity) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{CacheBytes: 4 << 10, Find: find, Identities: keys.Opener(ids...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestThin(t *testing.T) {
	alice, bob := identity(t), identity(t)
	for name, o := range map[string][2]WriterOptions{
		"plain":          {},
		"encrypted":      {{Recipients: keys.Wrapper(alice.Recipient())}, {Recipients: keys.Wrapper(bob.Recipient())}},
		"encrypted base": {{Recipients: keys.Wrapper(alice.Recipient())}, {}},
	} {
		base := largeWith(t, 60, o[0]).Buf.Bytes()
		b := thin(t, open(t, base, alice), o[1])
		r := openThin(t, b.Buf.Bytes(), finder(base), bob, alice)
		var out collect
		if err := r.Restore(t.Context(), 0, &out, RestoreOptions{Threads: 3}); err != nil || !bytes.Equal(out.Bytes(), b.content["next"]) {
			t.Errorf("%s: restored another content: %v", name, err)
		}
		if err := r.Verify(t.Context(), VerifyOptions{Level: Content, Threads: 2}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if tot := r.Info().Totals; tot.Parent.N < 100 || tot.Bytes() != r.Info().Streams[0].Size {
			t.Errorf("%s: totals %+v", name, tot)
		}
		if _, _, err := scan(bytes.NewReader(b.Buf.Bytes()), bob); err != nil {
			t.Errorf("%s: Scanner: %v", name, err)
		}
	}
}

// The levels Structure and Stored check a thin archive without its parents.
func TestParentErrors(t *testing.T) {
	base := large(t, 20).Buf.Bytes()
	other := Small(t).Buf.Bytes()
	p := thin(t, open(t, base), WriterOptions{}).Buf.Bytes()
	damaged := bytes.Clone(base)
	page, err := open(t, base).Page(0)
	if err != nil {
		t.Fatal(err)
	}
	damaged[page[10].End()-1] ^= 1
	locked := largeWith(t, 20, WriterOptions{Recipients: keys.Wrapper(identity(t).Recipient())}).Buf.Bytes()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		find FindFunc
		want error
		text string
	}{
		"none":    {nil, ErrParent, "base.hxz"},
		"missing": {failingToFind(boom), boom, "boom"},
		"another": {finder(other), stream.ErrCorrupt, "it has the id"},
		"damaged": {finder(damaged), stream.ErrCorrupt, "is damaged"},
		"locked":  {finder(locked), nil, "encrypted"},
	} {
		r := openThin(t, p, c.find)
		if err := r.Verify(t.Context(), VerifyOptions{Level: Stored}); err != nil {
			t.Errorf("%s: Verify of stored bytes: %v", name, err)
		}
		var out collect
		err := r.Restore(t.Context(), 0, &out, RestoreOptions{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: Restore: %v", name, err)
		}
		if verify := r.Verify(t.Context(), VerifyOptions{Level: Content}); verify == nil {
			t.Errorf("%s: Verify took it for sound", name)
		}
	}
}

func TestExportedIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	id := identity(t)
	pub, key := signKey(t)
	for name, o := range map[string]WriterOptions{
		"plain":     {},
		"signed":    {Sign: []seal.SecretKey{key}},
		"encrypted": {Recipients: keys.Wrapper(id.Recipient())},
	} {
		p := largeWith(t, 1500, o).Buf.Bytes()
		r := open(t, p, id)
		var buf bytes.Buffer
		if err := open(t, p).Export(&buf, index.ExportOptions{}); err != nil { // also without the key
			t.Fatal(err)
		}
		raw := buf.Bytes()
		if len(raw) > len(p)/2 || index.HasTrailer(bytes.NewReader(raw), int64(len(raw))) || !index.IsIndex(bytes.NewReader(raw), int64(len(raw))) {
			t.Errorf("%s: index of %d bytes for %d", name, len(raw), len(p))
		}
		x, err := index.OpenAny(bytes.NewReader(raw), int64(len(raw)), keys.Opener(id))
		if err != nil {
			t.Fatal(name, err)
		}
		list := func(x *index.Index) []index.Chunk {
			all, err := chunkList(x)
			if err != nil {
				t.Fatal(name, err)
			}
			return all
		}
		if a, b := list(r.Index), list(x); len(a) < 1000 || len(a) != len(b) || a[999] != b[999] || x.ID() != r.ID() {
			t.Errorf("%s: %d chunks for %d", name, len(b), len(a))
		}
		if name == "signed" && (len(x.Signatures()) != 1 || pub.Verify(x.ID(), x.Signatures()[0]) != nil) {
			t.Error("the signature is lost")
		}
		for i := 0; i < len(raw); i += 1 + len(raw)/500 {
			q := bytes.Clone(raw)
			q[i] ^= 0x10
			x, err := index.OpenAny(bytes.NewReader(q), int64(len(q)), keys.Opener(id))
			if err == nil {
				_, err = chunkList(x)
			}
			if err == nil {
				x.CheckPages(func(fault error) bool { err = fault; return false })
			}
			if name == "encrypted" && err == nil || err == nil && i > 63 { // nothing checks the header of a plain one
				t.Errorf("%s: byte %d: the damage is not seen", name, i)
			}
		}
	}
}

// A parent whose entry pages name other chunks than its segments hold misleads the packer. But no
// reader hands out wrong bytes.
func TestParentThatLies(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() { b.Segment("none", []byte("alpha"), []byte("gamma"), []byte("delta")) })
	b.Seal()
	lying := resealed(t, b.Buf.Bytes(), func(what string, f []byte) []byte {
		if what == "entry" {
			one, two := blake.Sum([]byte("alpha")), blake.Sum([]byte("gamma"))
			i, j := bytes.Index(f, one[:]), bytes.Index(f, two[:])
			copy(f[i:], two[:])
			copy(f[j:], one[:])
		}
		return f
	})
	base := open(t, lying)
	child := NewBuilder(t)
	child.write(&stream.Parent{ID: base.ID(), Hint: "base.hxz", Content: base.Info().Root()})
	child.Stream(1, "disk", func() {
		s := &stream.Segment{Stream: 1, Codec: "none"}
		for c, err := range base.Chunks() {
			if err != nil {
				t.Fatal(err)
			}
			e := stream.Entry{Kind: stream.ParentRef, Len: c.Len, Hash: c.Hash, Ordinal: c.Ordinal}
			s.Entries = append(s.Entries, e)
			child.tree.Add(&e)
			child.offset += c.Len
		}
		child.write(s)
	})
	child.Seal()
	r := openThin(t, child.Buf.Bytes(), finder(lying))
	var out collect
	if err := r.Restore(t.Context(), 0, &out, RestoreOptions{}); !errors.Is(err, stream.ErrCorrupt) || out.Len() > 0 {
		t.Errorf("Restore: %q, %v", out.String(), err)
	}
	if n, err := r.ReadAt(0, make([]byte, 5), 0); !errors.Is(err, stream.ErrCorrupt) || n > 0 {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
	if n, err := r.ReadAt(0, make([]byte, 5), 10); err != nil || n != 5 {
		t.Errorf("what is true in it: %d bytes, %v", n, err)
	}
	if err := base.Verify(t.Context(), VerifyOptions{Level: Content}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("Verify of the parent: %v", err)
	}
}
