package salvage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"testing"

	"filippo.io/age"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// subject is an archive that is to be damaged.
type subject struct {
	t        *testing.T
	sound    []byte
	frames   []byte // stream that Unseal makes of the archive
	content  map[string][]byte
	ids      seal.Opener
	parent   map[stream.Hash][]byte // chunks of the parent
	old      []byte                 // content of the parent
	find     archive.FindFunc       // finds the parent
	decoder  flow.Decoder
	odd      bool // read has met a chunk that the parent does not have
	segments []segmentAt
	indexed  bool // it has its index
	dict     bool // it has a dictionary
}

// segmentAt is a segment of a subject.
type segmentAt struct {
	index.Place
	name           string
	size           int64
	needs          map[int]bool // numbers of the segments whose chunks it refers to
	loose, parents bool         // it has entries without bytes; chunks of parents
}

// smallContent has noise, text, repetitions and zeros in a few KiB.
func smallContent(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	noise := make([]byte, 700)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(noise)
	p := bytes.Clone(noise)
	for range 40 {
		p = fmt.Appendf(p, "record %d of a file with text in it\n", rng.IntN(50))
	}
	p = append(p, make([]byte, 5000)...)
	p = append(p, noise[100:400]...)
	p = append(p, noise...)
	return fmt.Appendf(p, "the end of %d", seed)
}

func newSubject(t *testing.T, codecName string, dict bool, o stage.SealOptions, ids seal.Opener, d stage.DedupOptions, names ...string) *subject {
	s := &subject{t: t, content: map[string][]byte{}, ids: ids, indexed: true, dict: dict, parent: map[stream.Hash][]byte{}}
	var err error
	if s.decoder, err = flow.NewDecoder(1, nil); err != nil {
		t.Fatal(err)
	}
	var sources []stage.Source
	for i, name := range names {
		s.content[name] = smallContent(uint64(i + 1))
		sources = append(sources, stage.ReaderSource(name, bytes.NewReader(s.content[name])))
	}
	var buf bytes.Buffer
	if _, err := stage.Chunk(t.Context(), &buf, sources, stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 100}, Digests: []string{"sha256"}}); err != nil {
		t.Fatal(err)
	}
	c := stage.CompressOptions{Codec: codecName, Block: 600}
	if dict {
		c.Dict = testDict(t)
	}
	p := stagetest.Pipe(t, buf.Bytes(), stagetest.DroppingKnown(d), stagetest.Encoding(c))
	var sealed bytes.Buffer
	if _, err := stage.Seal(t.Context(), &sealed, bytes.NewReader(p), o); err != nil {
		t.Fatal(err)
	}
	s.sound = sealed.Bytes()
	var frames bytes.Buffer
	if _, err := stage.Unseal(t.Context(), &frames, bytes.NewReader(s.sound), stage.UnsealOptions{Identities: ids}); err != nil {
		t.Fatal(err)
	}
	s.frames = frames.Bytes()
	s.list()
	return s
}

// testDict trains a dictionary from texts like those of smallContent.
func testDict(t *testing.T) []byte {
	var samples [][]byte
	for i := range 200 {
		samples = append(samples, smallContent(uint64(i + 100))[700:2000])
	}
	d, _, err := codec.TrainDict(samples, 4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// list records the segments.
func (s *subject) list() {
	r, err := archive.NewReader(bytes.NewReader(s.sound), int64(len(s.sound)), archive.Options{Identities: s.ids})
	if err != nil {
		s.t.Fatal(err)
	}
	var homes []int // of data chunks
	for seg, err := range r.Segments() {
		if err != nil {
			s.t.Fatal(err)
		}
		g := segmentAt{Place: seg.Place, name: r.Info().Streams[seg.Stream].Name, needs: map[int]bool{}}
		for _, e := range seg.Entries {
			g.size += e.Len
			g.loose = g.loose || e.Kind != stream.Data
			g.parents = g.parents || e.Kind == stream.ParentRef || e.Kind == stream.NodeRef
			switch e.Kind {
			case stream.Data:
				homes = append(homes, len(s.segments))
			case stream.Ref:
				g.needs[homes[e.Ordinal]] = true
			}
		}
		s.segments = append(s.segments, g)
	}
}

// salvage salvages a damaged copy. It checks that the result is sound, and right where it is not
// reported as lost. It returns nil if there is nothing to salvage.
func (s *subject) salvage(what string, bad []byte) (*Report, []byte) {
	s.t.Helper()
	var buf bytes.Buffer
	stats, r, err := Stream(s.t.Context(), &buf, bytes.NewReader(bad), Options{Identities: s.ids, Find: s.find})
	if err != nil {
		if !errors.Is(err, stream.ErrCorrupt) && s.ids == nil {
			s.t.Fatalf("%s: %v", what, err)
		}
		return nil, nil
	}
	s.odd = false
	got := s.read(what, buf.Bytes(), maps.Clone(s.parent))
	if int(stats.Streams) != len(got) || len(r.Streams) != len(got) {
		s.t.Fatalf("%s: %d streams, stats tell of %d, the report of %d", what, len(got), stats.Streams, len(r.Streams))
	}
	if s.odd && !s.indexed && r.Unknown {
		return r, buf.Bytes()
	}
	for name, content := range got {
		s.compare(what, r, name, content)
	}
	return r, buf.Bytes()
}

// read returns the content of a stream of frames, which has to be valid. The stream may refer to
// chunks, to which read adds the chunks of the stream.
func (s *subject) read(what string, frames []byte, chunks map[stream.Hash][]byte) map[string][]byte {
	s.t.Helper()
	in := archive.NewScanner(bytes.NewReader(frames), nil)
	content := map[string][]byte{}
	name := ""
	for {
		f, err := in.Next()
		if err == io.EOF {
			return content
		}
		if err != nil {
			s.t.Fatalf("%s: what came out: %v", what, err)
		}
		switch f := f.(type) {
		case *stream.Open:
			name = f.Name
			content[name] = []byte{}
		case *stream.Dict:
			s.decoder.Add(f) // perhaps again
		case *stream.Segment:
			raw, err := s.decoder.DecodeSegment(f)
			if err != nil {
				s.t.Fatalf("%s: what came out: %v", what, err)
			}
			for _, e := range f.Entries {
				chunk, ok := chunks[e.Hash]
				switch {
				case e.Kind.IsRun():
					chunk = make([]byte, e.Len)
				case e.Kind == stream.Data:
					chunk, raw = raw[:e.Len], raw[e.Len:]
					chunks[blake.Sum(chunk)] = bytes.Clone(chunk)
				case e.Kind == stream.NodeRef && e.Len <= int64(len(s.old))-e.Offset:
					chunk = s.old[e.Offset:][:e.Len]
				case !ok && e.Kind == stream.Ref:
					s.t.Fatalf("%s: what came out refers to the chunk %v, which is not there", what, e.Hash)
				case !ok: // a reader of the result will notice
					s.odd = true
				}
				content[name] = append(content[name], chunk...)
			}
		}
	}
}

// compare looks for wrong bytes that are not reported.
func (s *subject) compare(what string, r *Report, name string, got []byte) {
	s.t.Helper()
	want, ok := s.content[name]
	if !ok {
		if r.Whole() {
			s.t.Fatalf("%s: the stream is now %q, and nothing is lost", what, name)
		}
		return
	}
	want = bytes.Clone(want)
	for _, l := range r.Lost {
		switch {
		case l.Stream == nil || *l.Stream != name || l.Offset == nil:
		case l.Length == nil:
			want = want[:*l.Offset]
		default: // without an index, a Close frame may lie about the size
			if n := *l.Offset + *l.Length - int64(len(want)); n > 0 && !s.indexed {
				want = append(want, make([]byte, n)...)
			}
			clear(want[*l.Offset:][:*l.Length])
		}
	}
	if !bytes.Equal(got, want) {
		s.t.Fatalf("%s: %s: %d bytes are not what was packed (%d), and not reported: %+v", what, name, len(got), len(want), r)
	}
}

// spared checks that no bytes are lost except those that depend on the fault in bytes from to to.
func (s *subject) spared(what string, r *Report, from, to int64) {
	s.t.Helper()
	hit := map[int]bool{}
	for i, g := range s.segments {
		hit[i] = g.Pos < to && g.Pos+g.Len > from || s.dict && from < s.segments[0].Pos || !s.indexed && g.parents && from < s.segments[0].Pos
		// Without an index, the next frame determines the length of an entry without bytes.
		if next := i + 1; !s.indexed && g.loose {
			end := g.Pos + g.Len
			hit[i] = hit[i] || end <= from && (next == len(s.segments) || s.segments[next].Pos+s.segments[next].Len > from)
		}
	}
	for i, g := range s.segments {
		for n := range g.needs {
			hit[i] = hit[i] || hit[n]
		}
	}
	for _, l := range r.Lost {
		if l.Stream == nil || l.Length == nil {
			continue
		}
		for i, g := range s.segments {
			if g.name == *l.Stream && g.Offset < *l.Offset+*l.Length && g.Offset+g.size > *l.Offset && !hit[i] {
				s.t.Fatalf("%s: the segment at byte %d, offset %d of %s, is lost: %s", what, g.Pos, g.Offset, g.name, l.Reason)
			}
		}
	}
}

// withoutIndex returns a copy of s without its trailer.
func (s *subject) withoutIndex() *subject {
	c := *s
	c.sound, c.indexed = s.sound[:len(s.sound)-64], false
	return &c
}

func subjects(t *testing.T) map[string]*subject {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	encrypted := stage.SealOptions{Recipients: keys.Wrapper(id.Recipient())}
	none := stage.DedupOptions{}
	list := map[string]*subject{
		"plain":     newSubject(t, codec.None, false, stage.SealOptions{}, nil, none, "disk"),
		"lz4":       newSubject(t, codec.LZ4, false, stage.SealOptions{}, nil, none, "disk"),
		"dict":      newSubject(t, codec.Zstd, true, stage.SealOptions{}, nil, none, "disk"),
		"signed":    newSubject(t, codec.Zstd, false, stage.SealOptions{Sign: []seal.SecretKey{key}}, nil, none, "disk", "memory"),
		"encrypted": newSubject(t, codec.Zstd, false, encrypted, keys.Opener(id), none, "disk", "memory"),
		"streams":   newSubject(t, codec.S2, false, stage.SealOptions{}, nil, none, "a", "b", "c"),
	}
	dir := t.TempDir()
	parent := newSubject(t, codec.Zstd, false, stage.SealOptions{}, nil, none, "old")
	path := dir + "/parent.hxz"
	if err := os.WriteFile(path, parent.sound, 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := parents.Open(nil, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	thin := newSubject(t, codec.Zstd, false, stage.SealOptions{}, nil, stage.DedupOptions{Parents: []parents.Parent{p}}, "old", "new")
	parent.read("the parent", parent.frames, thin.parent)
	thin.old, thin.find = parent.content["old"], stagetest.Library{p.Index.ID(): parent.sound}.Find
	list["thin"] = thin
	return list
}

// In every kind of archive, with its index and without, one bit of a byte is flipped.
func TestSalvageFlips(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	for name, s := range subjects(t) {
		for _, s := range []*subject{s, s.withoutIndex()} {
			t.Run(fmt.Sprintf("%s/index=%v", name, s.indexed), func(t *testing.T) {
				s.t = t
				failed := 0
				for pos := 0; pos < len(s.sound); pos += s.stride(pos) {
					bad := bytes.Clone(s.sound)
					bad[pos] ^= 1 << (pos % 8)
					what := fmt.Sprintf("bit %d of byte %d", pos%8, pos)
					r, frames := s.salvage(what, bad)
					if r == nil {
						failed++
						continue
					}
					s.spared(what, r, int64(pos), int64(pos)+1)
					if s.indexed && s.outside(int64(pos)) && !r.Whole() {
						t.Fatalf("%s is in no segment, and lost is %+v", what, r.Lost)
					}
					if r.Whole() && pos > len(s.sound)-200 && !bytes.Equal(frames, s.frames) {
						t.Fatalf("%s: nothing is lost, and the stream is another", what)
					}
				}
				if most := s.clear(); failed > most {
					t.Errorf("nothing was salvaged after %d of %d faults", failed, len(s.sound))
				}
			})
		}
	}
}

// outside reports whether a byte is neither in a segment nor in the frames that segments need: the
// clear header, a dictionary.
func (s *subject) outside(pos int64) bool {
	if pos < s.segments[0].Pos {
		return s.ids == nil && s.segments[0].Pos < 1000
	}
	for _, g := range s.segments {
		if g.Pos <= pos && pos < g.Pos+g.Len {
			return false
		}
	}
	return true
}

// stride returns the distance to the next byte that is worth a fault: all heads are.
func (s *subject) stride(pos int) int {
	for _, g := range s.segments {
		if at := int64(pos) - g.Pos; at >= 0 && at < g.Len {
			if at < 10 {
				return 1
			}
			if g.loose {
				return int(min(7, g.Len-at)) // lengths that no hash covers
			}
			return int(min(41, g.Len-at))
		}
	}
	if last := s.segments[len(s.segments)-1]; int64(pos) > last.Pos+last.Len+300 {
		return 211
	}
	return 3
}

// clear returns the length of a clear header, without which nothing can be salvaged.
func (s *subject) clear() int {
	if s.ids == nil {
		return 0
	}
	return bytes.Index(s.sound, []byte{0x93, byte(stream.KindSealed), 0})
}

func TestSalvageCuts(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	for name, s := range subjects(t) {
		t.Run(name, func(t *testing.T) {
			s.t = t
			rng := rand.New(rand.NewPCG(5, 5))
			junk := make([]byte, 300)
			rand.NewChaCha8([32]byte{}).Read(junk)
			for n := 0; n < len(s.sound); n += 61 {
				cut := *s
				cut.indexed = false
				what := fmt.Sprintf("cut at %d", n)
				if r, _ := cut.salvage(what, s.sound[:n]); r != nil {
					cut.spared(what, r, int64(n), int64(len(s.sound)))
				} else if int64(n) > s.segments[0].Pos {
					t.Errorf("%s: nothing was salvaged", what)
				}
			}
			start := s.clear()
			for range 30 {
				from := start + rng.IntN(len(s.sound)-start)
				to := min(from+1+rng.IntN(len(junk)), len(s.sound))
				overwritten := bytes.Clone(s.sound)
				copy(overwritten[from:to], junk)
				for what, bad := range map[string][]byte{
					"overwritten": overwritten,
					"taken out":   append(bytes.Clone(s.sound[:from]), s.sound[to:]...),
					"put in":      append(append(bytes.Clone(s.sound[:to]), junk[:to-from]...), s.sound[to:]...),
				} {
					what = fmt.Sprintf("%s: bytes %d to %d", what, from, to)
					r, _ := s.salvage(what, bad)
					if r == nil {
						t.Fatalf("%s: nothing was salvaged", what)
					}
					if to < len(s.sound)-64 { // the trailer is undamaged
						s.spared(what, r, int64(from), int64(to))
					}
				}
			}
		})
	}
}

func TestSalvageOfWhatIsSound(t *testing.T) {
	list := subjects(t)
	for name, s := range list {
		for what, in := range map[string][]byte{"archive": s.sound, "stream": s.frames} {
			var got bytes.Buffer
			_, r, err := Stream(t.Context(), &got, bytes.NewReader(in), Options{Identities: s.ids, Threads: 2})
			if err != nil || !r.Whole() || !bytes.Equal(got.Bytes(), s.frames) {
				t.Errorf("%s, %s: %v, %+v, or another stream than that of Unseal", name, what, err, r)
			}
		}
	}
	empty := stagetest.Pipe(t, nil, stagetest.Cutting(stage.ChunkOptions{}))
	for _, in := range [][]byte{empty, stagetest.Pipe(t, empty, stagetest.Sealing())} {
		var got bytes.Buffer
		_, r, err := Stream(t.Context(), &got, bytes.NewReader(in), Options{})
		if err != nil || !r.Whole() || !bytes.Equal(got.Bytes(), empty) {
			t.Errorf("of an empty stream: %v, %+v", err, r)
		}
	}
}

// Lengths in the last segment, which no hash covers, are contradicted only by Close.
func TestSalvageLastLengths(t *testing.T) {
	s := newSubject(t, codec.LZ4, false, stage.SealOptions{}, nil, stage.DedupOptions{}, "disk").withoutIndex()
	last := s.segments[len(s.segments)-1]
	for pos := last.Pos; pos < last.Pos+last.Len; pos++ {
		bad := bytes.Clone(s.sound)
		bad[pos] ^= 1 << 4
		s.salvage(fmt.Sprintf("bit 4 of byte %d", pos), bad)
	}
}
