package archive

import (
	"bytes"
	"io"
	"testing"
)

// A segment on its way to the output holds few of the blocks that it refers to, and all of its
// bytes come out.
func TestRestoreHoldsFew(t *testing.T) {
	for name, c := range map[string]struct{ segments, size int }{"long blocks": {12, 1 << 20}, "many blocks": {200, 100}} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			var refs []any
			b.stream(1, "disk", func() {
				for i := range c.segments {
					p := text(uint64(i), c.size)
					b.segment("zstd", p)
					refs = append(refs, p, 5)
				}
				b.segment("none", refs...)
			})
			b.seal()
			p := b.buf.Bytes()
			r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			size := r.Info().Streams[0].Size
			d, err := r.restoreSegment(0, int64(c.segments), 0, size)
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
			for _, it := range r.caches.segments.items {
				if it.users != 0 {
					t.Errorf("segment %d is still held %d times", it.key.number, it.users)
				}
			}
		})
	}
}

// counter counts what is read.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// What is noted of index pages is bounded by the segments that came before.
func TestIndexPagesWithoutEnd(t *testing.T) {
	p := small(t).buf.Bytes()
	root := open(t, p).rootAt.pos
	in := &counter{Reader: io.MultiReader(bytes.NewReader(p[:root]), bytes.NewReader(bytes.Repeat([]byte{0x90}, 1<<20)))}
	if _, _, err := scan(in); !isDamage(err) || in.n > 200<<10 {
		t.Errorf("%d bytes were read, %v", in.n, err)
	}
}
