package commit

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

// edit is a change of the content of TestCommitCost.
type edit struct {
	at, length int64
	zero       bool
}

func TestCommitCost(t *testing.T) {
	p := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{3}).Read(p)
	clear(p[2<<20 : 3<<20])
	const size = 8 << 20
	for name, c := range map[string]struct {
		edits     []edit
		size      int64
		chunks    int64 // new ones at most
		base, own int   // bytes read of the archive and of the image at most
	}{
		"nothing":               {nil, size, 0, 0, 0},
		"a byte":                {[]edit{{5 << 20, 1, false}}, size, 6, 1200 << 10, 1},
		"the first byte":        {[]edit{{0, 1, false}}, size, 6, 1200 << 10, 1},
		"the last byte":         {[]edit{{size - 1, 1, false}}, size, 1, 1200 << 10, 1},
		"data in a run":         {[]edit{{2<<20 + 500000, 8192, false}}, size, 3, 0, 8192},
		"zeros in a run":        {[]edit{{2<<20 + 500000, 8192, true}}, size, 0, 0, 0},
		"zeros to zeros, read":  {[]edit{{2<<20 + 500000, 8192, false}}, size, 3, 0, 8192},
		"a run at a run":        {[]edit{{3 << 20, 1 << 20, true}}, size, 6, 1200 << 10, 0},
		"the whole, to zeros":   {[]edit{{0, size, true}}, size, 0, 0, 0},
		"the whole":             {[]edit{{0, size, false}}, size, 1000, 0, size},
		"one byte more":         {nil, size + 1, 1, 1200 << 10, 0},
		"a terabyte more":       {nil, 1 << 40, 1, 1200 << 10, 0},
		"one byte less":         {nil, size - 1, 1, 1200 << 10, 0},
		"less, up to a run":     {nil, 3 << 20, 0, 0, 0},
		"less, in a run":        {nil, 3<<20 - 70000, 0, 0, 0},
		"nothing left":          {nil, 0, 0, 0, 0},
		"far behind":            {[]edit{{1 << 39, 4096, true}}, 1 << 40, 1, 1200 << 10, 0},
		"two in the same chunk": {[]edit{{5 << 20, 1, false}, {5<<20 + 10, 1, false}}, size, 7, 1200 << 10, 2},
	} {
		t.Run(name, func(t *testing.T) {
			lib := stagetest.Library{}
			sealed := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Digests: []string{"sha256"}}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Codec: "none"}), stagetest.Sealing())
			first := lib.Open(t, sealed)
			src := &countingReader{r: bytes.NewReader(sealed)}
			whole := int(first.Root.Areas[0] + first.Root.Areas[1]) // of the index
			base, err := archive.NewReader(src, int64(len(sealed)), archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Apply(t.Context(), io.Discard, base, "", nil, Options{}); err != nil {
				t.Fatal(err)
			}
			if src.n > index.TailSize+4<<10 {
				t.Errorf("%d bytes of the base were read, though nothing changes", src.n)
			}
			before := src.n
			f := &fakeImage{data: bytes.Clone(p)}
			for _, e := range c.edits {
				if e.at+e.length <= size {
					part := f.data[e.at : e.at+e.length]
					for i := range part {
						part[i] = byte(i%251) + 1
					}
					if e.zero {
						clear(part)
					}
				}
				f.changes = append(f.changes, overlay.Change{Offset: e.at, Length: e.length, Zero: e.zero})
			}
			image := sizedImage{f, max(c.size, size)}
			out, stats := commit(t, base, []Overlay{{Stream: "disk", Image: image, Size: &c.size}}, Options{})
			if stats.Data.N > c.chunks || stats.Bytes != c.size {
				t.Errorf("%d new chunks, %d bytes", stats.Data.N, stats.Bytes)
			}
			if src.n-before > whole+c.base {
				t.Errorf("%d bytes of the base were read beside the index", src.n-before-whole)
			}
			if f.read > c.own {
				t.Errorf("%d bytes of the image were read", f.read)
			}
			next := lib.Open(t, stagetest.Pipe(t, out, stagetest.Sealing()))
			if digests := next.Info().Streams[0].Digests; (len(digests) == 1) != (len(c.edits) == 0 && c.size == size) {
				t.Errorf("%d digests", len(digests))
			}
			if c.size > 1<<30 {
				return
			}
			want := make([]byte, c.size)
			copy(want, f.data)
			if got := lib.Content(t, next, ""); !bytes.Equal(got, want) {
				t.Error("restored to something else")
			}
		})
	}
}

// sizedImage is an image of another size.
type sizedImage struct {
	*fakeImage
	size int64
}

func (s sizedImage) Size() int64 { return s.size }

type countingReader struct {
	r io.ReaderAt
	n int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.n += len(p)
	return c.r.ReadAt(p, off)
}

// What a commit reads of the base follows the changes, and not the size of the index.
func TestCommitReadsWhatIsTouched(t *testing.T) {
	p := make([]byte, 6<<20)
	rand.NewChaCha8([32]byte{5}).Read(p)
	sealed := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Min: 64, Avg: 128, Max: 512}}),
		stagetest.Encoding(stage.CompressOptions{Codec: "none", Block: 32 << 10}), stagetest.Sealing())
	src := &countingReader{r: bytes.NewReader(sealed)}
	base, err := archive.NewReader(src, int64(len(sealed)), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if whole := base.Root.Areas[0]; whole < 1<<20 {
		t.Fatalf("an index of %d bytes is too small to tell", whole)
	}
	f := &fakeImage{data: bytes.Clone(p), changes: []overlay.Change{{Offset: 3 << 20, Length: 1}}}
	f.data[3<<20] ^= 1
	out, stats := commit(t, base, []Overlay{{Stream: "disk", Image: f}}, Options{})
	if src.n > 500<<10 || stats.Node.N < 30 || stats.Parent.N > 600 {
		t.Errorf("%d bytes were read of a base of %d; %d nodes and %d references", src.n, len(sealed), stats.Node.N, stats.Parent.N)
	}
	lib := stagetest.Library{}
	lib.Open(t, sealed)
	if got := lib.Content(t, lib.Open(t, stagetest.Pipe(t, out, stagetest.Sealing())), ""); !bytes.Equal(got, f.data) {
		t.Error("restored to something else")
	}
}
