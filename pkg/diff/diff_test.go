package diff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// named is a stream to be packed.
type named struct {
	name string
	data []byte
}

// packed makes an archive of streams.
func packed(t testing.TB, o chunker.Options, filters []stagetest.Filter, list ...named) *archive.Reader {
	t.Helper()
	var sources []stage.Source
	for _, s := range list {
		sources = append(sources, stage.ReaderSource(s.name, bytes.NewReader(s.data)))
	}
	var buf bytes.Buffer
	if _, err := stage.Chunk(t.Context(), &buf, sources, stage.ChunkOptions{Chunker: o}); err != nil {
		t.Fatal(err)
	}
	return stagetest.OpenArchive(t, stagetest.Pipe(t, buf.Bytes(), append(filters, stagetest.Sealing())...))
}

// diffed returns the report of Diff, and all ranges by stream.
func diffed(t testing.TB, a, b *archive.Reader, o Options) (*Report, map[string][]Range) {
	t.Helper()
	o.Totals = !o.Brief
	ranges := map[string][]Range{}
	var now *Stream
	ended := 0
	o.Begin = func(s *Stream) error { now = s; return nil }
	o.Range = func(r Range) error { ranges[now.Name] = append(ranges[now.Name], r); return nil }
	o.End = func(*Stream) error { ended++; return nil }
	rep, err := Archives(t.Context(), a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	if !o.Brief && ended != len(rep.Streams) {
		t.Errorf("%d streams of %d ended", ended, len(rep.Streams))
	}
	return rep, ranges
}

// differences returns the ranges that Diff has to find between two contents, to the byte.
func differences(a, b []byte) (list []Range) {
	for i := range int64(max(len(a), len(b))) {
		if i < int64(min(len(a), len(b))) && a[i] == b[i] {
			continue
		}
		if last := len(list) - 1; last >= 0 && i-(list[last].Offset+list[last].Length) < minEqual {
			list[last].Length = i + 1 - list[last].Offset
		} else {
			list = append(list, Range{i, 1})
		}
	}
	return list
}

// bounds returns the offsets where a chunk of either archive begins or ends.
func bounds(t testing.TB, rs ...*archive.Reader) map[int64]bool {
	t.Helper()
	at := map[int64]bool{}
	for _, r := range rs {
		if _, err := inspect.Archive(r, inspect.Options{Chunk: func(c inspect.ChunkLine) error {
			at[c.Offset], at[c.Offset+c.Bytes] = true, true
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// hashes returns the sizes of the distinct chunks of an archive.
func hashes(t testing.TB, r *archive.Reader) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	if _, err := inspect.Archive(r, inspect.Options{Chunk: func(c inspect.ChunkLine) error {
		if c.Hash != "" {
			all[c.Hash] = c.Bytes
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	return all
}

func sharing(a, b map[string]int64) (t Totals) {
	add := func(c *index.Count, n int64) { c.N, c.Bytes = c.N+1, c.Bytes+n }
	for h, n := range a {
		if _, ok := b[h]; ok {
			add(&t.Shared, n)
		} else {
			add(&t.OnlyA, n)
		}
	}
	for h, n := range b {
		if _, ok := a[h]; !ok {
			add(&t.OnlyB, n)
		}
	}
	return t
}

// checkDiff compares two archives of one stream with those contents in every way.
func checkDiff(t *testing.T, name string, a, b *archive.Reader, x, y []byte) {
	t.Helper()
	want := differences(x, y)
	same := bytes.Equal(x, y)
	for _, exact := range []bool{false, true} {
		rep, ranges := diffed(t, a, b, Options{Exact: exact})
		s, got := rep.Streams[0], ranges["disk"]
		if rep.Identical != same || s.Identical != same {
			t.Errorf("%s: identical is %v, should be %v", name, rep.Identical, same)
		}
		if exact != s.Exact && !s.Exact {
			t.Errorf("%s: not exact", name)
		}
		if s.Exact && !slices.Equal(got, want) {
			t.Errorf("%s: differs at %v, should at %v", name, got, want)
		}
		sum, end, at := int64(0), int64(-minEqual), bounds(t, a, b)
		for _, r := range got {
			if r.Length <= 0 || r.Offset-end < minEqual {
				t.Errorf("%s: range %v behind %d", name, r, end)
			}
			if !s.Exact && (!at[r.Offset] || !at[r.Offset+r.Length]) {
				t.Errorf("%s: range %v does not end at chunks", name, r)
			}
			end = r.Offset + r.Length
			sum += r.Length
		}
		for _, w := range want { // is in a range
			if !slices.ContainsFunc(got, func(r Range) bool {
				return r.Offset <= w.Offset && w.Offset+w.Length <= r.Offset+r.Length
			}) {
				t.Errorf("%s: range %v was not found", name, w)
			}
		}
		if long := int64(max(len(x), len(y))); s.Differ != sum || s.Equal != long-sum || s.Ranges != int64(len(got)) {
			t.Errorf("%s: totals %+v", name, s)
		}
		if want := sharing(hashes(t, a), hashes(t, b)); *rep.Totals != want {
			t.Errorf("%s: chunks %+v, should be %+v", name, rep.Totals, want)
		}
		if brief, _ := diffed(t, a, b, Options{Exact: exact, Brief: true}); brief.Identical != same {
			t.Errorf("%s: brief, identical is %v", name, brief.Identical)
		}
	}
}

func TestDiff(t *testing.T) {
	base := stagetest.Content(300 << 10)
	zeros := make([]byte, 40<<10)
	at := func(n int, p []byte, rest int) []byte { return slices.Concat(base[:n], p, base[rest:]) }
	key := bytes.Repeat([]byte{7}, chunker.KeySize)
	standard := chunker.Options{Avg: 4 << 10}
	for name, c := range map[string]struct {
		b       []byte
		o       chunker.Options
		filters []stagetest.Filter
		exact   bool // without being asked for
	}{
		"same":              {b: base},
		"same, other form":  {b: base, filters: []stagetest.Filter{stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{})}},
		"one byte":          {b: at(100000, []byte{^base[100000]}, 100001)},
		"two bytes":         {b: at(100000, []byte{^base[100000], base[100001], ^base[100002]}, 100003)},
		"insertion":         {b: at(100000, []byte("some bytes"), 100000)},
		"zeros inserted":    {b: at(50000, zeros, 50000)},
		"zeros over data":   {b: at(50000, zeros, 50000+len(zeros))},
		"few zeros":         {b: at(50000, zeros[:100], 50100)},
		"longer":            {b: slices.Concat(base, base[:1000])},
		"longer by zeros":   {b: slices.Concat(base, zeros)},
		"shorter":           {b: base[:200001]},
		"empty":             {b: nil},
		"other size":        {b: base, o: chunker.Options{Avg: 2 << 10}, exact: true},
		"other size, edits": {b: at(70000, []byte("other"), 70005), o: chunker.Options{Avg: 2 << 10}, exact: true},
		"other chunker":     {b: at(70000, zeros[:5], 70005), o: chunker.Options{Name: chunker.FixedV1, Size: 512}, exact: true},
		"keyed":             {b: base, o: chunker.Options{Avg: 4 << 10, Key: key}, exact: true},
	} {
		if c.o.Avg+c.o.Size == 0 {
			c.o = standard
		}
		a := packed(t, standard, []stagetest.Filter{stagetest.Dropping()}, named{"disk", base})
		b := packed(t, c.o, c.filters, named{"disk", c.b})
		checkDiff(t, name, a, b, base, c.b)
		checkDiff(t, name+", backwards", b, a, c.b, base)
		if rep, _ := diffed(t, a, b, Options{}); rep.Streams[0].Exact != c.exact {
			t.Errorf("%s: exact is %v", name, !c.exact)
		}
	}
}

// A run of zeros has bounds everywhere: a difference in a part of it is no larger than that part.
func TestDiffZeros(t *testing.T) {
	x := make([]byte, 1<<20)
	y := bytes.Clone(x)
	copy(y[300000:], stagetest.Content(5000))
	a, b := packed(t, chunker.Options{}, nil, named{"disk", x}), packed(t, chunker.Options{}, nil, named{"disk", y})
	for _, pair := range [][2]*archive.Reader{{a, b}, {b, a}} {
		_, got := diffed(t, pair[0], pair[1], Options{})
		if r := got["disk"]; len(r) != 1 || r[0].Offset < 290000 || r[0].Length > 15000 {
			t.Errorf("differs at %v", r)
		}
	}
}

// Whatever was changed, Diff reports what the contents show.
func TestDiffRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	options := []chunker.Options{{Avg: 256}, {Avg: 256}, {Avg: 1 << 10}, {Name: chunker.FixedV1, Size: 1000}}
	for n := range 60 {
		x := stagetest.Content(1 + rng.IntN(60<<10))
		y := bytes.Clone(x)
		for range rng.IntN(5) {
			from := rng.IntN(len(y) + 1)
			to := min(from+rng.IntN(9000), len(y))
			p := make([]byte, rng.IntN(9000))
			if rng.IntN(2) == 0 {
				rand.NewChaCha8([32]byte{byte(n)}).Read(p)
			}
			if rng.IntN(2) == 0 {
				p = p[:min(len(p), to-from)]
				to = from + len(p)
			}
			y = slices.Concat(y[:from], p, y[to:])
		}
		a := packed(t, options[rng.IntN(4)], nil, named{"disk", x})
		b := packed(t, options[rng.IntN(4)], []stagetest.Filter{stagetest.Dropping()}, named{"disk", y})
		checkDiff(t, fmt.Sprint("run ", n), a, b, x, y)
	}
}

func TestDiffStreams(t *testing.T) {
	one, two := stagetest.Content(100<<10), bytes.Repeat([]byte("stream two "), 9000)
	three := slices.Concat(one[50<<10:], one[:50<<10])
	o := chunker.Options{Avg: 1 << 10}
	a := packed(t, o, []stagetest.Filter{stagetest.Dropping()}, named{"one", one}, named{"none", nil}, named{"two", two}, named{"a", three}, named{"three", three})
	b := packed(t, o, []stagetest.Filter{stagetest.Dropping()}, named{"three", three}, named{"b", nil}, named{"two", two[:5000]}, named{"none", nil}, named{"one", one})
	rep, ranges := diffed(t, a, b, Options{})
	var names []string
	for _, s := range rep.Streams {
		names = append(names, s.Name)
		same := s.Name == "one" || s.Name == "none" || s.Name == "three"
		if s.Identical != same || (s.A == nil) != (s.Name == "b") || (s.B == nil) != (s.Name == "a") {
			t.Errorf("%+v", s)
		}
	}
	if !slices.Equal(names, []string{"one", "none", "two", "a", "three", "b"}) {
		t.Errorf("streams %q", names)
	}
	if r := ranges["two"]; len(ranges) != 1 || len(r) != 1 || r[0].Offset > 5000 || r[0].Offset+r[0].Length != int64(len(two)) || rep.Identical {
		t.Errorf("ranges %v", ranges)
	}
	if want := sharing(hashes(t, a), hashes(t, b)); *rep.Totals != want {
		t.Errorf("chunks %+v, should be %+v", rep.Totals, want)
	}
	// With one stream given, only its own chunks count, also those that stand in another stream.
	rep, _ = diffed(t, a, b, Options{Stream: "three"})
	if !rep.Identical || len(rep.Streams) != 1 || rep.Totals.Shared.Bytes == 0 || rep.Totals.OnlyA.N+rep.Totals.OnlyB.N != 0 {
		t.Errorf("%+v", rep)
	}
	if rep, _ = diffed(t, a, b, Options{Stream: "b"}); rep.Identical || len(rep.Streams) != 1 {
		t.Errorf("%+v", rep)
	}
	if rep, _ = diffed(t, a, b, Options{Brief: true}); rep.Identical {
		t.Error("brief: identical")
	}
	if _, err := Archives(t.Context(), a, b, Options{Stream: "four"}); !errors.Is(err, restore.ErrChoose) {
		t.Errorf("no such stream: %v", err)
	}
}

// A walker can go to any stream, also back, and past nodes.
func TestDiffSeek(t *testing.T) {
	r := packed(t, chunker.Options{Avg: 1 << 10}, []stagetest.Filter{stagetest.Dropping()}, named{"a", stagetest.Content(150 << 10)}, named{"b", stagetest.Content(160 << 10)})
	w := newWalker(r, "r", (&differ{archives: map[stream.Hash]int32{}}).number)
	defer w.close()
	skipped := int64(0)
	for i, no := range []int{1, 0, 1, 1, 0} {
		w.seek(no)
		for w.at < w.size {
			nodes, err := w.nodes()
			if err != nil {
				t.Fatal(err)
			}
			if n := len(nodes) - 1; n >= 0 && nodes[n].Len < w.size && i > 0 {
				skipped += nodes[n].Len
				w.skip(nodes[n].Len)
				continue
			}
			if err := w.fillStretch(); err != nil {
				t.Fatalf("stream %d, offset %d: %v", no, w.at, err)
			}
			w.advance(w.stretch.len)
		}
		if w.at != r.Info().Streams[no].Size {
			t.Errorf("stream %d: at %d", no, w.at)
		}
	}
	if skipped == 0 {
		t.Error("no nodes")
	}
}

// For streams that were cut in the same way the index is enough: payloads and parents need not be
// there.
func TestDiffReadsTheIndex(t *testing.T) {
	list := stagetest.Versions(3)
	paths := stagetest.ThinChain(t, t.TempDir(), list)
	a, b := stagetest.OpenFile(t, paths[1], nil), stagetest.OpenFile(t, paths[2], nil)
	checkThin := func(a, b *archive.Reader, o Options) ([]Range, error) {
		var got []Range
		o.Range = func(r Range) error { got = append(got, r); return nil }
		_, err := Archives(t.Context(), a, b, o)
		return got, err
	}
	got, err := checkThin(a, b, Options{})
	if err != nil || len(got) == 0 {
		t.Errorf("without parents: %v, %v", got, err)
	}
	rep, err := Archives(t.Context(), a, b, Options{Totals: true})
	if want := sharing(hashes(t, a), hashes(t, b)); err != nil || *rep.Totals != want || want.Shared.N < 10 {
		t.Errorf("chunks of thin archives: %+v, should be %+v, %v", rep.Totals, want, err)
	}
	other := packed(t, chunker.Options{Avg: 4 << 10}, nil, named{"disk", list[2]})
	if _, err := checkThin(a, other, Options{Names: [2]string{"left", "right"}}); !errors.Is(err, archive.ErrParent) || err.Error()[:5] != "left:" {
		t.Errorf("parent is missing: %v", err)
	}
	f := &parents.Finder{Files: paths}
	defer f.Close()
	a = stagetest.OpenFile(t, paths[1], f.Find)
	got, err = checkThin(a, other, Options{})
	if err != nil || !slices.Equal(got, differences(list[1], list[2])) {
		t.Errorf("with parents: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	boom := errors.New("boom")
	cancel(boom)
	if _, err := Archives(ctx, a, other, Options{}); !errors.Is(err, boom) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Archives(t.Context(), a, other, Options{Range: func(Range) error { return io.ErrShortWrite }}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("callback failed: %v", err)
	}
}

// A damaged payload is an error where it is read.
func TestDiffDamage(t *testing.T) {
	p := stagetest.Pipe(t, stagetest.Content(200<<10), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing())
	p[100000] ^= 1
	a := stagetest.OpenArchive(t, p)
	if rep, err := Archives(t.Context(), a, a, Options{}); err != nil || !rep.Identical {
		t.Errorf("by the index: %v", err)
	}
	b := packed(t, chunker.Options{Avg: 1 << 10}, nil, named{"disk", stagetest.Content(200 << 10)})
	if _, err := Archives(t.Context(), b, a, Options{}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("by content: %v", err)
	}
}

// countingReader counts the bytes that are read.
type countingReader struct {
	io.ReaderAt
	n int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.n += len(p)
	return c.ReaderAt.ReadAt(p, off)
}

// What both have as the same node is passed over: its entries are not read.
func TestDiffReadsWhatDiffers(t *testing.T) {
	x := stagetest.Content(4 << 20)
	y := bytes.Clone(x)
	y[2<<20] ^= 1
	var sources [2]*countingReader
	var r [2]*archive.Reader
	for i, p := range [][]byte{x, y} {
		sealed := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Min: 64, Avg: 128, Max: 512}}),
			stagetest.Encoding(stage.CompressOptions{Codec: "none", Block: 32 << 10}), stagetest.Sealing())
		sources[i] = &countingReader{ReaderAt: bytes.NewReader(sealed)}
		var err error
		if r[i], err = archive.NewReader(sources[i], int64(len(sealed)), archive.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := Archives(t.Context(), r[0], r[1], Options{})
	if err != nil || rep.Identical || rep.Streams[0].Differ > 2000 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for i, s := range sources {
		if whole := r[i].Root.Areas[0]; int64(s.n) > whole/2 || whole < 600<<10 {
			t.Errorf("%d bytes were read, the index has %d", s.n, whole)
		}
	}
}
