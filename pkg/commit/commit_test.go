package commit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// fakeImage is an image in memory. Its unchanged ranges have other bytes than the base.
type fakeImage struct {
	data    []byte
	changes []overlay.Change
	at      int
	read    int // bytes that were read
	broken  int // reads until one fails, if not 0
}

var errBroken = errors.New("bad sector")

func (f *fakeImage) Size() int64 { return int64(len(f.data)) }

func (f *fakeImage) Next() (overlay.Change, error) {
	if f.fails() {
		return overlay.Change{}, errBroken
	}
	if f.at == len(f.changes) {
		return overlay.Change{}, io.EOF
	}
	f.at++
	return f.changes[f.at-1], nil
}

func (f *fakeImage) fails() bool {
	f.broken--
	return f.broken == 0
}

func (f *fakeImage) ReadAt(p []byte, off int64) (int, error) {
	if f.fails() {
		return 0, errBroken
	}
	f.read += len(p)
	for i := range p {
		p[i] = 0xee
	}
	for _, c := range f.changes {
		from, to := max(off, c.Offset), min(off+int64(len(p)), c.End())
		if from < to && !c.Zero {
			copy(p[from-off:to-off], f.data[from:to])
		}
	}
	return len(p), nil
}

func commit(t testing.TB, base *archive.Reader, overlays []Overlay, o Options) ([]byte, *flow.Stats) {
	t.Helper()
	var buf bytes.Buffer
	stats, err := Apply(t.Context(), &buf, base, "base.hxz", overlays, o)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), stats
}

func TestCommitStreams(t *testing.T) {
	disk, memory, more := stagetest.Content(500000), stagetest.Content(300000)[1000:], stagetest.Content(200000)[777:]
	var buf bytes.Buffer
	sources := []stage.Source{stage.ReaderSource("disk", bytes.NewReader(disk)), stage.ReaderSource("memory", bytes.NewReader(memory))}
	if _, err := stage.Chunk(t.Context(), &buf, sources, stage.ChunkOptions{Digests: []string{"sha256"}, Chunker: chunker.Options{Avg: 8192}}); err != nil {
		t.Fatal(err)
	}
	lib := stagetest.Library{}
	base := lib.Open(t, stagetest.Pipe(t, buf.Bytes(), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	f := &fakeImage{data: bytes.Clone(memory), changes: []overlay.Change{{Offset: 100000, Length: 5}}}
	copy(f.data[100000:], "hello")
	for name, c := range map[string]struct {
		overlays []Overlay
		replace  map[string][]byte
		want     map[string][]byte
	}{
		"none":            {nil, nil, map[string][]byte{"disk": disk, "memory": memory}},
		"second":          {[]Overlay{{Stream: "memory", Image: f}}, nil, map[string][]byte{"disk": disk, "memory": f.data}},
		"first replaced":  {nil, map[string][]byte{"disk": more}, map[string][]byte{"disk": more, "memory": memory}},
		"second replaced": {nil, map[string][]byte{"memory": more}, map[string][]byte{"disk": disk, "memory": more}},
		"added":           {nil, map[string][]byte{"more": more}, map[string][]byte{"disk": disk, "memory": memory, "more": more}},
		"shorter":         {[]Overlay{{Stream: "disk", Size: new(int64(1234))}}, nil, map[string][]byte{"disk": disk[:1234], "memory": memory}},
	} {
		f.at = 0
		o := Options{Threads: 2}
		for name, p := range c.replace {
			o.Replace = append(o.Replace, stage.ReaderSource(name, bytes.NewReader(p)))
		}
		out, _ := commit(t, base, c.overlays, o)
		next := lib.Open(t, stagetest.Pipe(t, out, stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
		if len(next.Info().Streams) != len(c.want) {
			t.Errorf("%s: %d streams", name, len(next.Info().Streams))
		}
		for _, s := range next.Info().Streams {
			if got := lib.Content(t, next, s.Name); !bytes.Equal(got, c.want[s.Name]) {
				t.Errorf("%s: %s is something else", name, s.Name)
			}
			if fmt.Sprint(s.Chunker["avg"]) != "8192" {
				t.Errorf("%s: %s was cut as %v", name, s.Name, s.Chunker)
			}
		}
	}
	for name, c := range map[string]struct {
		overlays []Overlay
		replace  []string
		text     string
	}{
		"unknown":           {[]Overlay{{Stream: "tape", Image: f}}, nil, `no stream "tape"`},
		"twice":             {[]Overlay{{Stream: "disk", Image: f}, {Stream: "disk"}}, nil, "two overlays"},
		"both":              {[]Overlay{{Stream: "disk", Image: f}}, []string{"disk"}, "also changed"},
		"replaced twice":    {nil, []string{"disk", "disk"}, "replaced again"},
		"negative":          {[]Overlay{{Stream: "disk", Size: new(int64(-1))}}, nil, "negative"},
		"changes in a mess": {[]Overlay{{Stream: "disk", Image: &fakeImage{data: disk, changes: []overlay.Change{{Offset: 10, Length: 9}, {Offset: 9, Length: 1}}}}}, nil, "out of order"},
	} {
		o := Options{}
		for _, name := range c.replace {
			o.Replace = append(o.Replace, stage.ReaderSource(name, bytes.NewReader(nil)))
		}
		var out bytes.Buffer
		_, err := Apply(t.Context(), &out, base, "", c.overlays, o)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if err := stagetest.Sealing()(io.Discard, &out); !errors.Is(err, stream.ErrAborted) {
			t.Errorf("%s: the next stage says %v", name, err)
		}
	}
}

func TestCommitChunkers(t *testing.T) {
	p := stagetest.Content(200000)
	key := bytes.Repeat([]byte{1}, chunker.KeySize)
	f := func() []Overlay {
		return []Overlay{{Stream: "disk", Image: &fakeImage{data: p, changes: []overlay.Change{{Offset: 7, Length: 7}}}}}
	}
	keyed := stagetest.OpenArchive(t, stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Key: key}}), stagetest.Sealing()))
	plain := stagetest.OpenArchive(t, stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing()))
	for name, c := range map[string]struct {
		base *archive.Reader
		key  []byte
		ok   bool
	}{
		"key":         {keyed, key, true},
		"no key":      {keyed, nil, false},
		"another key": {keyed, bytes.Repeat([]byte{2}, chunker.KeySize), false},
		"a needless":  {plain, key, false},
		"plain":       {plain, nil, true},
	} {
		_, err := Apply(t.Context(), io.Discard, c.base, "", f(), Options{ChunkKey: c.key})
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, chunker.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A base with another rule for cuts can be taken over, but not changed.
	var buf bytes.Buffer
	w := stream.NewWriter(&buf)
	chunk := stream.Entry{Kind: stream.Data, Len: 3, Hash: index.Hash{1}}
	for _, f := range []stream.Frame{
		&stream.Header{}, &stream.Open{Name: "disk", Size: -1, Chunker: stream.Meta{"name": "example-fixed", "size": 3}},
		&stream.Segment{Codec: stream.RawCodec, RawLen: 3, Payload: []byte("abc"), Entries: []stream.Entry{chunk}},
	} {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	w.CloseStream(nil)
	w.End(nil)
	other := stagetest.OpenArchive(t, stagetest.Pipe(t, buf.Bytes(), stagetest.Sealing()))
	if _, err := Apply(t.Context(), io.Discard, other, "", nil, Options{}); err != nil {
		t.Error(err)
	}
	if _, err := Apply(t.Context(), io.Discard, other, "", []Overlay{{Stream: "disk"}}, Options{}); err == nil || !strings.Contains(err.Error(), "example-fixed") {
		t.Errorf("another chunker: %v", err)
	}
}
