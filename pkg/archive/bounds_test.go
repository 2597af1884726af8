package archive

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// A segment on its way to the output holds few of the blocks that it refers to. All of its bytes
// are written.
func TestRestoreHoldsFew(t *testing.T) {
	for name, c := range map[string]struct{ segments, size int }{"long blocks": {12, 1 << 20}, "many blocks": {600, 100}} {
		t.Run(name, func(t *testing.T) {
			b := NewBuilder(t)
			var refs []any
			b.Stream(1, "disk", func() {
				for i := range c.segments {
					p := Text(uint64(i), c.size)
					b.Segment("zstd", p)
					refs = append(refs, p, 5)
				}
				b.Segment("none", refs...)
			})
			b.Seal()
			p := b.Buf.Bytes()
			r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			size := r.Info().Streams[0].Size
			ref, _, err := r.SegmentAt(int64(c.segments))
			if err != nil {
				t.Fatal(err)
			}
			d, err := restorePiece(piece{r: r, segment: int64(c.segments), from: ref.Offset, to: size})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.held) > maxHeldBlocks || d.bytes > maxHeldBytes+2<<20 || d.next == len(refs) {
				t.Errorf("%d of %d entries, %d blocks of %d bytes are held", d.next, len(refs), len(d.held), d.bytes)
			}
			d.release()
			var out collect
			if err := r.Restore(t.Context(), 0, &out, RestoreOptions{Threads: 2}); err != nil || !bytes.Equal(out.Bytes(), b.content["disk"]) {
				t.Errorf("other bytes come out: %v", err)
			}
			for _, it := range r.caches.segments.Items {
				if it.Users != 0 {
					t.Errorf("segment %d is still held %d times", it.Key.number, it.Users)
				}
			}
		})
	}
}

// A segment that stands for much more than it stores is restored in pieces. Any range of it can be
// restored.
func TestRestoreInPieces(t *testing.T) {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() {
		p := Text(1, 300<<10)
		b.Segment("zstd", p)
		b.Segment("none", p, -700<<10, p, 7, p, p, -1, p, p, -3<<20, p)
		b.Segment("zstd", Text(2, 1000))
	})
	b.Seal()
	want := b.content["disk"]
	p := b.Buf.Bytes()
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(want))
	pieces := map[int64]int{}
	for p, err := range r.pieces(0, 0, size) {
		if err != nil {
			t.Fatal(err)
		}
		pieces[p.segment]++
	}
	if pieces[0] != 1 || pieces[1] < 4 || pieces[2] != 1 {
		t.Fatalf("pieces of the segments: %v", pieces)
	}
	restore := func(from, n int64) {
		t.Helper()
		var out collect
		if err := r.Restore(t.Context(), 0, &out, RestoreOptions{Offset: from, Length: &n, Threads: 3}); err != nil {
			t.Fatalf("%d bytes at %d: %v", n, from, err)
		}
		if !bytes.Equal(out.Bytes(), want[from:min(from+n, size)]) {
			t.Fatalf("%d bytes at %d: other bytes come out", n, from)
		}
	}
	restore(0, size)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		from := random.Int64N(size)
		restore(from, random.Int64N(size-from)+1)
	}
	for at := int64(0); at < size; at += 300 << 10 { // where entries and pieces begin
		restore(at, 1)
		restore(at, pieceBytes)
	}
}

// counter counts the bytes that are read.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// A reader from front to back knows how long the pages of the index must be.
func TestIndexPagesWithoutEnd(t *testing.T) {
	p := Small(t).Buf.Bytes()
	page := takeApart(t, p).maps[0]
	body := p[:open(t, p).AreaStart(0)]
	in := &counter{Reader: io.MultiReader(bytes.NewReader(body), bytes.NewReader(bytes.Repeat(page, 10000)))}
	if _, _, err := scan(in); !isDamage(err) || in.n > 200<<10 {
		t.Errorf("%d bytes were read, %v", in.n, err)
	}
}
