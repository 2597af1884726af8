package salvage

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"hexz/internal/hostiletest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// frames returns the frames of a stream.
func frames(t *testing.T, p []byte) (list []stream.Frame) {
	t.Helper()
	for in := stream.NewReader(bytes.NewReader(p)); ; {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
}

// End says what was lost. Header says nothing of it: it comes before anybody knows.
func TestSalvageEnd(t *testing.T) {
	s := newSubject(t, codec.Zstd, false, stage.SealOptions{}, nil, stage.DedupOptions{}, "disk")
	bad := bytes.Clone(s.sound)
	g := s.segments[2]
	clear(bad[g.Pos : g.Pos+g.Len])
	for what, c := range map[string]struct {
		in, want []byte
		lost     stream.Meta // nil: the totals are those of the input
	}{
		"nothing":        {s.sound, s.frames, nil},
		"a segment":      {bad, s.frames, stream.Meta{"ranges": int64(1), "bytes": g.size, "unknown": false}},
		"up to the end":  {s.frames[:len(s.frames)/2], s.frames, nil},
		"all but a head": {s.frames[:g.Pos], s.frames, nil},
	} {
		var got bytes.Buffer
		_, r, err := Stream(t.Context(), &got, bytes.NewReader(c.in), Options{})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if c.lost == nil && !r.Whole() {
			c.lost = stream.Meta{"ranges": r.LostRanges, "bytes": r.LostBytes, "unknown": true}
		}
		was, is := frames(t, c.want), frames(t, got.Bytes())
		if !reflect.DeepEqual(is[0], was[0]) {
			t.Errorf("%s: the header is %+v, it was %+v", what, is[0], was[0])
		}
		end := is[len(is)-1].(*stream.End)
		want := was[len(was)-1].(*stream.End).Totals
		if c.lost != nil {
			want = stream.Meta{"lost": c.lost}
		}
		if !reflect.DeepEqual(end.Totals, want) {
			t.Errorf("%s is lost: the totals are %v, not %v", what, end.Totals, want)
		}
	}
}

// sized returns a stream of two segments whose Open and Close state sizes, and whose first segment
// is between from and to.
func sized(t *testing.T, opened int64) (p []byte, from, to int64) {
	t.Helper()
	var b bytes.Buffer
	w := stream.NewWriter(&b)
	write := func(f stream.Frame) {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	segment := func(at int, p []byte) *stream.Segment {
		return &stream.Segment{Offset: int64(at), Codec: stream.RawCodec, RawLen: len(p), Payload: p, Entries: []stream.Entry{hostiletest.Data(p)}}
	}
	text := []byte("a chunk of a stream")
	write(&stream.Header{})
	write(&stream.Open{Name: "disk", Size: opened})
	from = w.Written()
	write(segment(0, text))
	to = w.Written()
	write(segment(len(text), append(text, '!')))
	if err := errors.Join(w.CloseStream(nil), w.End(nil)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), from, to
}

// The size in Open is passed on before anybody knows what is lost. So it has to be right whatever
// is lost: Close has to state the same.
func TestSalvageSizes(t *testing.T) {
	const size = 39
	p, from, to := sized(t, size)
	gap := bytes.Clone(p)
	clear(gap[from:to])
	wrong := bytes.Replace(p, []byte("disk\x27"), []byte("disk\x28"), 1)
	wrongGap := bytes.Replace(gap, []byte("disk\x27"), []byte("disk\x28"), 1)
	for what, c := range map[string]struct {
		in           []byte
		opened, size int64
		whole        bool
	}{
		"sound":                            {p, size, size, true},
		"a segment is lost":                {gap, size, size, false},
		"Open is wrong":                    {wrong, -1, size, false},
		"Open is wrong, a segment is lost": {wrongGap, -1, size, false},
		"Close is lost":                    {p[:to], -1, size, false},
	} {
		var got bytes.Buffer
		_, r, err := Stream(t.Context(), &got, bytes.NewReader(c.in), Options{})
		if err != nil || r.Whole() != c.whole {
			t.Fatalf("%s: %v, %+v", what, err, r)
		}
		list := frames(t, got.Bytes())
		if open := list[1].(*stream.Open); open.Size != c.opened {
			t.Errorf("%s: Open states %d bytes, not %d", what, open.Size, c.opened)
		}
		if closed := list[len(list)-2].(*stream.Close); closed.Size != c.size {
			t.Errorf("%s: there are %d bytes, not %d", what, closed.Size, c.size)
		}
	}
}

// failing is a file of which a range cannot be read.
type failing struct {
	io.ReaderAt
	at index.Extent
}

var errDisk = errors.New("the disk fails")

func (f *failing) ReadAt(p []byte, pos int64) (int, error) {
	if pos < f.at.Pos+f.at.Len && f.at.Pos < pos+int64(len(p)) {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, pos)
}

// A page of the index that cannot be read looks like one that is damaged, to whoever only asks what
// it says. The stream must not get an End then.
func TestSalvageReadError(t *testing.T) {
	s := newSubject(t, codec.Zstd, false, stage.SealOptions{}, nil, stage.DedupOptions{}, "disk")
	x := stagetest.OpenArchive(t, s.sound)
	bad := bytes.Clone(s.sound)
	clear(bad[s.segments[2].Pos:][:s.segments[2].Len])
	file := &failing{ReaderAt: bytes.NewReader(bad)}
	watched := &watchedFile{ReaderAt: file}
	in, err := carve.Open(watched, int64(len(bad)), archive.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	page, err := x.PageAt(0)
	if err != nil {
		t.Fatal(err)
	}
	file.at = page.Entries
	var got bytes.Buffer
	err = newSalvager(flow.NewWriter(&got, "", nil), in, watched).run(t.Context(), 1)
	if !errors.Is(err, errDisk) {
		t.Errorf("the error is %v", err)
	}
	if _, err := archive.NewScanner(bytes.NewReader(got.Bytes()), nil).Next(); err != nil {
		t.Errorf("nothing was written before: %v", err)
	}
	for in := stream.NewReader(bytes.NewReader(got.Bytes())); ; {
		f, err := in.Next()
		if err != nil {
			break
		}
		if _, ok := f.(*stream.End); ok {
			t.Error("the stream has an End")
		}
	}
}
