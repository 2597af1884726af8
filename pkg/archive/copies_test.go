package archive

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/stream"
)

// failing is a file of which one part cannot be read.
type failing struct {
	io.ReaderAt
	from, to int64
	err      error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off < f.to && off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

// yielding finds the same copies for every parent, and then fails.
func yielding(last error, copies ...Copy) FindFunc {
	return func(*stream.Parent) iter.Seq2[Copy, error] {
		return func(yield func(Copy, error) bool) {
			for _, c := range copies {
				if !yield(c, nil) {
					return
				}
			}
			if last != nil {
				yield(Copy{}, last)
			}
		}
	}
}

// If there are several copies of a parent, a Reader uses those that are sound where it needs them.
func TestCopiesOfParents(t *testing.T) {
	base := large(t, 20).Buf.Bytes()
	b := thin(t, open(t, base), WriterOptions{})
	page, err := open(t, base).Page(0)
	if err != nil {
		t.Fatal(err)
	}
	mem := func(p []byte) Copy { return Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))} }
	hit := func(segment int) Copy {
		p := bytes.Clone(base)
		p[page[segment].End()-1] ^= 1
		return mem(p)
	}
	boom := errors.New("boom")
	unreadable := func(from, to int64) Copy {
		return Copy{ReaderAt: &failing{bytes.NewReader(base), from, to, boom}, Size: int64(len(base))}
	}
	whole := int64(len(base))
	for name, c := range map[string]struct {
		find FindFunc
		want error
		lost bool
	}{
		"the second is sound":             {yielding(nil, hit(10), mem(base)), nil, false},
		"damaged at different places":     {yielding(nil, hit(10), hit(11), hit(10)), nil, false},
		"the first has another root":      {yielding(nil, mem(Small(t).Buf.Bytes()), mem(base)), nil, false},
		"the first cannot be opened":      {yielding(nil, unreadable(0, whole), mem(base)), nil, false},
		"the first cannot be read":        {yielding(nil, unreadable(page[10].Pos, page[10].End()), mem(base)), nil, false},
		"damaged at the same place":       {yielding(nil, hit(10), hit(10)), stream.ErrCorrupt, true},
		"damaged, and cannot be read":     {yielding(nil, hit(10), unreadable(page[10].Pos, page[10].End())), boom, false},
		"damaged, and another not opened": {yielding(boom, hit(10)), boom, false},
		"none, as a place is unreadable":  {yielding(boom), boom, false},
		"none":                            {yielding(nil), ErrParent, true},
	} {
		r := openThin(t, b.Buf.Bytes(), c.find)
		var out collect
		err := r.Restore(t.Context(), 0, &out, RestoreOptions{Threads: 2})
		if !errors.Is(err, c.want) || c.want == nil && !bytes.Equal(out.Bytes(), b.content["next"]) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && IsLost(err) != c.lost {
			t.Errorf("%s: %v: lost: %v", name, err, !c.lost)
		}
	}
}

// A passing fault is not remembered.
func TestParentFaultPasses(t *testing.T) {
	base := large(t, 20).Buf.Bytes()
	b := thin(t, open(t, base), WriterOptions{})
	file := &failing{bytes.NewReader(base), 0, int64(len(base)), errors.New("boom")}
	r := openThin(t, b.Buf.Bytes(), yielding(nil, Copy{ReaderAt: file, Size: int64(len(base))}))
	var out collect
	if err := r.Restore(t.Context(), 0, &out, RestoreOptions{}); err == nil {
		t.Fatal("restored from what cannot be read")
	}
	file.to = 0
	out.Reset()
	if err := r.Restore(t.Context(), 0, &out, RestoreOptions{}); err != nil || !bytes.Equal(out.Bytes(), b.content["next"]) {
		t.Error(err)
	}
}

// One error names all needed parents that are missing. It does not name unused parents.
func TestCheckParents(t *testing.T) {
	p := large(t, 20).Buf.Bytes()
	base := open(t, p)
	chunks, err := chunkList(base.Index)
	if err != nil {
		t.Fatal(err)
	}
	chunk := chunks[0]
	b := NewBuilder(t)
	for i := range 4 {
		b.write(&stream.Parent{Index: int64(i), ID: index.Hash{byte(i + 1)}, Hint: string(rune('a'+i)) + ".hxz"})
	}
	b.Stream(5, "next", func() {
		for _, parent := range []int32{0, 2, 0, 3} {
			s := &stream.Segment{Stream: 5, Offset: b.offset, Codec: "none"}
			s.Entries = []stream.Entry{{Kind: stream.ParentRef, Len: chunk.Len, Hash: chunk.Hash, Parent: parent, Ordinal: 0}}
			b.tree.Add(&s.Entries[0])
			b.offset += chunk.Len
			b.write(s)
		}
	})
	b.Seal()
	find := func(want *stream.Parent) iter.Seq2[Copy, error] {
		return func(yield func(Copy, error) bool) {
			if want.ID == (index.Hash{4}) {
				yield(Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))}, nil)
				return
			}
			yield(Copy{}, &MissingError{Parents: []stream.Parent{*want}, Looked: []string{"here"}})
		}
	}
	r := openThin(t, b.Buf.Bytes(), find)
	err = r.CheckParents()
	if !errors.Is(err, ErrParent) || !strings.HasPrefix(err.Error(), "2 parent archives are missing: ") ||
		!strings.Contains(err.Error(), `("a.hxz")`) || !strings.Contains(err.Error(), `("c.hxz"); looked in here`) {
		t.Error(err)
	}
	for _, c := range []struct {
		from, to int64
		hint     string
	}{{0, 1, "a.hxz"}, {chunk.Len, 2 * chunk.Len, "c.hxz"}, {3 * chunk.Len, 4 * chunk.Len, ""}, {0, 0, ""}} {
		err := r.CheckParentsOf(0, c.from, c.to)
		if c.hint == "" && err != nil || c.hint != "" && (err == nil || !strings.Contains(err.Error(), c.hint)) {
			t.Errorf("from %d to %d: %v", c.from, c.to, err)
		}
	}
}

func TestExportOpenIndex(t *testing.T) {
	id := identity(t)
	p := largeWith(t, 1500, WriterOptions{Recipients: keys.Wrapper(id.Recipient())}).Buf.Bytes()
	r := open(t, p, id)
	var locked *index.LockedError
	if err := open(t, p).Export(io.Discard, index.ExportOptions{Open: true}); !errors.As(err, &locked) {
		t.Errorf("without a key: %v", err)
	}
	var buf bytes.Buffer
	if err := r.Export(&buf, index.ExportOptions{Open: true}); err != nil {
		t.Fatal(err)
	}
	raw := buf.Bytes()
	x, err := index.OpenAny(bytes.NewReader(raw), int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	list := func(x *index.Index) []index.Chunk {
		all, err := chunkList(x)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if a, b := list(r.Index), list(x); len(a) < 1000 || len(a) != len(b) || a[999] != b[999] {
		t.Errorf("%d chunks for %d", len(b), len(a))
	}
	if x.ID() != r.ID() || x.Info().Root() != r.Info().Root() || x.Info().Meta[index.OpenedKey] != nil || r.Info().Meta[index.OpenedKey] != nil {
		t.Errorf("id %v, meta %v and %v", x.ID(), x.Info().Meta, r.Info().Meta)
	}
	for i := 0; i < len(raw); i += 1 + len(raw)/500 {
		q := bytes.Clone(raw)
		q[i] ^= 0x10
		x, err := index.OpenAny(bytes.NewReader(q), int64(len(q)), nil)
		if err == nil {
			_, err = chunkList(x)
		}
		if err == nil {
			x.CheckPages(func(fault error) bool { err = fault; return false })
		}
		if err == nil && i > 16 { // the header says nothing
			t.Errorf("byte %d: the damage is not seen", i)
		}
	}
}
