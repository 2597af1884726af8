package archive

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/keys"
	"hexz/pkg/stream"
)

// builder makes archives for tests, and keeps their content for comparison.
type builder struct {
	t      testing.TB
	W      *Writer
	Buf    bytes.Buffer
	open   stream.Open
	closed []closed
	offset int64
	tree   stream.Tree
	seen   map[stream.Hash][]byte
	enc    map[string]*codec.Encoder

	content map[string][]byte
}

func NewBuilder(t testing.TB) *builder { return newBuilderWith(t, WriterOptions{}) }

func newBuilderWith(t testing.TB, o WriterOptions) *builder {
	b := &builder{t: t, seen: map[stream.Hash][]byte{}, enc: map[string]*codec.Encoder{}, content: map[string][]byte{}}
	b.W = NewWriter(&b.Buf, o)
	b.write(&stream.Header{Meta: stream.Meta{"stages": []any{stream.Meta{"stage": "test"}}}})
	return b
}

func (b *builder) write(f stream.Frame) {
	b.t.Helper()
	if err := b.W.Write(f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) Stream(id int64, name string, segments func()) {
	b.t.Helper()
	b.open = stream.Open{ID: id, Name: name, Size: -1, Chunker: stream.Meta{"name": "test"}}
	b.content[name] = []byte{}
	b.write(&b.open)
	b.offset = 0
	b.tree.Reset()
	segments()
	c := &stream.Close{ID: id, Size: b.offset, Root: b.tree.Sum()}
	b.write(c)
	b.closed = append(b.closed, closed{name, c})
}

// Segment adds a segment with the parts. A []byte is a chunk, or a reference if the same bytes came
// before. A positive int is a zero run, a negative int is a hole.
func (b *builder) Segment(codecName string, parts ...any) {
	b.t.Helper()
	s := &stream.Segment{Stream: b.open.ID, Offset: b.offset}
	var raw []byte
	for _, part := range parts {
		e := stream.Entry{Ordinal: stream.NoOrdinal}
		content := b.content[b.open.Name]
		switch p := part.(type) {
		case []byte:
			e.Len, e.Hash = int64(len(p)), blake.Sum(p)
			if _, ok := b.seen[e.Hash]; ok {
				e.Kind = stream.Ref
			} else {
				b.seen[e.Hash] = p
				raw = append(raw, p...)
			}
			content = append(content, p...)
		case int:
			e.Kind, e.Len = stream.Zero, int64(max(p, -p))
			if p < 0 {
				e.Kind = stream.Hole
			}
			content = append(content, make([]byte, e.Len)...)
		}
		b.content[b.open.Name] = content
		b.tree.Add(&e)
		b.offset += e.Len
		s.Entries = append(s.Entries, e)
	}
	if b.enc[codecName] == nil {
		enc, err := codec.NewEncoder(codec.Options{Name: codecName})
		if err != nil {
			b.t.Fatal(err)
		}
		b.enc[codecName] = enc
	}
	s.RawLen = len(raw)
	s.Codec, s.Payload = b.enc[codecName].Encode(nil, raw)
	b.write(s)
}

// end returns the End frame, by the rule of the specification.
func (b *builder) end() *stream.End {
	var h blake.Hasher
	number := func(n int64) { h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	for _, c := range b.closed {
		number(int64(len(c.name)))
		h.Write([]byte(c.name))
		number(c.Size)
		h.Write(c.Root[:])
	}
	return &stream.End{Root: h.Sum()}
}

type closed struct {
	name string
	*stream.Close
}

// Seal ends the archive and returns it.
func (b *builder) Seal() []byte {
	b.t.Helper()
	if err := b.W.Write(b.end()); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.W.Finish(); err != nil {
		b.t.Fatal(err)
	}
	return b.Buf.Bytes()
}

// Text returns n bytes that compress, different for each seed.
func Text(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	words := []string{"chunk ", "segment ", "frame ", "archive ", "root ", "\n", "0123456789"}
	var p []byte
	for len(p) < n {
		p = append(p, words[rng.IntN(len(words))]...)
	}
	return p[:n]
}

// Small returns an archive of a few hundred bytes with everything in it.
func Small(t testing.TB) *builder { return smallWith(t, WriterOptions{}) }

func smallWith(t testing.TB, o WriterOptions) *builder {
	b := newBuilderWith(t, o)
	b.Stream(3, "disk", func() {
		b.Segment("none", []byte("alpha"), 10, []byte("beta"))
		b.Segment("zstd", Text(1, 300), []byte("alpha"), -1000, []byte("gamma"))
	})
	b.Stream(1, "empty", func() {})
	b.Stream(2, "memory", func() { b.Segment("lz4", []byte("beta"), Text(2, 200)) })
	b.Seal()
	return b
}

// large returns an archive of many segments, pages and codecs, with references far back.
func large(t testing.TB, segments int) *builder { return largeWith(t, segments, WriterOptions{}) }

func largeWith(t testing.TB, segments int, o WriterOptions) *builder {
	b := newBuilderWith(t, o)
	rng := rand.New(rand.NewPCG(9, 9))
	codecs := []string{"zstd", "lz4", "s2", "none"}
	var all [][]byte
	fill := func() {
		for i := range segments {
			var parts []any
			for range 1 + rng.IntN(6) {
				switch k := rng.IntN(10); {
				case k == 0:
					parts = append(parts, 1+rng.IntN(5000))
				case k == 1:
					parts = append(parts, -1-rng.IntN(5000))
				case k < 5 && len(all) > 0:
					parts = append(parts, all[rng.IntN(len(all))])
				default:
					p := Text(rng.Uint64(), 1+rng.IntN(400))
					all = append(all, p)
					parts = append(parts, p)
				}
			}
			b.Segment(codecs[i%4], parts...)
		}
	}
	b.Stream(1, "first", fill)
	b.Stream(2, "second", fill)
	b.Seal()
	return b
}

func open(t testing.TB, p []byte, ids ...age.Identity) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{CacheBytes: 64 << 10, Threads: 2, Identities: keys.Opener(ids...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// collect is an Output into memory.
type collect struct {
	bytes.Buffer
	zeros, holes int64
}

func (c *collect) Zeros(n int64) error {
	c.zeros += n
	return WriteZeros(&c.Buffer, n)
}

func (c *collect) Hole(n int64) error {
	c.holes += n
	return WriteZeros(&c.Buffer, n)
}
