package stream

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"hexz/pkg/blake"
	"hexz/pkg/stream/wire"
)

func dataEntry(p string) Entry {
	return Entry{Kind: Data, Len: int64(len(p)), Hash: blake.Sum([]byte(p)), Ordinal: NoOrdinal}
}

func refEntry(p string) Entry {
	e := dataEntry(p)
	e.Kind = Ref
	return e
}

func run(kind EntryKind, n int64) Entry { return Entry{Kind: kind, Len: n, Ordinal: NoOrdinal} }

// sample returns the frames of a sound stream of frames, without Close and End.
func sample() []Frame {
	return []Frame{
		&Header{Meta: Meta{"stages": []any{Meta{"stage": "test"}}}},
		&Open{ID: 7, Name: "disk", Size: -1, Chunker: Meta{"name": "fixed-v1", "size": int64(3)}},
		&Segment{Stream: 7, Offset: 0, Entries: []Entry{dataEntry("abc"), run(Zero, 5), run(Hole, math.MaxInt32)},
			Codec: RawCodec, RawLen: 3, Payload: []byte("abc")},
		&Dict{ID: 99, Bytes: []byte("dictionary")},
		&Segment{Stream: 7, Offset: 8 + math.MaxInt32, Entries: []Entry{run(Hole, 1), refEntry("abc"), dataEntry("defg")},
			Codec: "zstd", RawLen: 4, Payload: []byte("encoded")},
	}
}

// write writes frames, and Close and End after them.
func write(t testing.TB, frames []Frame) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.CloseStream(map[string][]byte{"sha256": make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	if err := w.End(Meta{"streams": int64(1)}); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(buf.Len()) {
		t.Fatalf("Written says %d of %d", w.Written(), buf.Len())
	}
	return buf.Bytes()
}

// readAll returns all frames except ancillary ones.
func readAll(r *Reader) ([]Frame, error) {
	var frames []Frame
	for {
		f, err := r.Next()
		if err != nil {
			return frames, err
		}
		if _, skip := f.(*Ancillary); !skip {
			frames = append(frames, f)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	in := write(t, sample())
	if !bytes.HasPrefix(in, []byte("\x95\x00\xa4hexz")) {
		t.Errorf("stream begins with %x", in[:7])
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(in), "one byte": iotest.OneByteReader(bytes.NewReader(in)),
		"with EOF": iotest.DataErrReader(bytes.NewReader(in)),
	} {
		got, err := readAll(NewReader(r))
		if err != io.EOF {
			t.Fatalf("%s: %v", name, err)
		}
		if want := sample(); len(got) != len(want)+2 || !reflect.DeepEqual(got[:len(want)], want) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// The root does not depend on dedup, codecs or where segments end.
func TestRootDependsOnContentOnly(t *testing.T) {
	rootOf := func(entries ...Entry) Hash {
		var r Tree
		for i := range entries {
			r.Add(&entries[i])
		}
		return r.Sum()
	}
	want := rootOf(dataEntry("abc"), run(Zero, 10), dataEntry("abc"))
	for name, got := range map[string]Hash{
		"ref":         rootOf(dataEntry("abc"), run(Zero, 10), refEntry("abc")),
		"hole":        rootOf(dataEntry("abc"), run(Hole, 10), dataEntry("abc")),
		"split run":   rootOf(dataEntry("abc"), run(Zero, 3), run(Hole, 6), run(Zero, 1), dataEntry("abc")),
		"after reuse": func() Hash { return want }(),
	} {
		if got != want {
			t.Errorf("%s: another root", name)
		}
	}
	for name, got := range map[string]Hash{
		"order": rootOf(run(Zero, 10), dataEntry("abc"), dataEntry("abc")),
		"cut":   rootOf(dataEntry("abc"), run(Zero, 10)),
		"chunk": rootOf(dataEntry("abd"), run(Zero, 10), dataEntry("abc")),
		"run":   rootOf(dataEntry("abc"), run(Zero, 11), dataEntry("abc")),
	} {
		if got == want {
			t.Errorf("%s: the same root", name)
		}
	}
}

// No truncated stream passes for a whole one.
func TestEveryTruncation(t *testing.T) {
	in := write(t, sample())
	for n := range len(in) {
		_, err := readAll(NewReader(bytes.NewReader(in[:n])))
		if !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(in), err)
		}
	}
}

// A changed byte is an error, or leaves everything that a root covers as it was. Only parts that no
// check covers at this level may differ.
func TestEveryFlip(t *testing.T) {
	in := write(t, sample())
	want, _ := readAll(NewReader(bytes.NewReader(in)))
	for i := range in {
		for _, bit := range []byte{1, 0x80} {
			p := bytes.Clone(in)
			p[i] ^= bit
			got, err := readAll(NewReader(bytes.NewReader(p)))
			if err != io.EOF {
				continue
			}
			if len(got) != len(want) {
				t.Fatalf("flip at %d: %d frames", i, len(got))
			}
			for k := range got {
				a, ok := got[k].(*Segment)
				if !ok {
					continue
				}
				b := want[k].(*Segment)
				for e := range a.Entries {
					x, y := a.Entries[e], b.Entries[e]
					if x.Len != y.Len || x.Hash != y.Hash {
						t.Fatalf("flip at %d changed entry %d to %v unnoticed", i, e, x)
					}
				}
			}
		}
	}
}

func TestPositionOfErrors(t *testing.T) {
	in := write(t, sample())
	var at []int64
	r := NewReader(bytes.NewReader(in))
	for {
		if _, err := r.Next(); err != nil {
			break
		}
		pos, n := r.Range()
		if len(at) > 0 && pos != at[len(at)-1] {
			t.Errorf("frame begins at %d, the one before ended at %d", pos, at[len(at)-1])
		}
		at = append(at, pos+n)
	}
	in[at[1]+1] = 99 // kind of the first segment
	_, err := readAll(NewReader(bytes.NewReader(in)))
	var fe *FrameError
	if !errors.As(err, &fe) || fe.Index != 2 || fe.Offset != at[1] || !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v, want frame 2 at byte %d", err, at[1])
	}
}

func TestDigests(t *testing.T) {
	in := write(t, sample())
	r := NewReader(bytes.NewReader(in))
	r.KeepDigests(true)
	for {
		if _, err := r.Next(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		pos, n := r.Range()
		if want := blake.Sum(in[pos : pos+n]); r.Digest() != want {
			t.Errorf("frame at byte %d: digest %v, want %v", pos, r.Digest(), want)
		}
	}
}

func TestAncillaryFramesAreSkipped(t *testing.T) {
	in := write(t, sample())
	r := NewReader(bytes.NewReader(in))
	r.Next()
	_, n := r.Range()
	w := wire.NewWriter()
	w.Array(3)
	w.Int(200)
	w.Meta(Meta{"any": []any{"thing"}})
	w.Bytes(make([]byte, 100000))
	p := append(append(append([]byte(nil), in[:n]...), w.Written()...), in[n:]...)
	if _, err := readAll(NewReader(bytes.NewReader(p))); err != io.EOF {
		t.Error(err)
	}
}

func TestAbort(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, f := range sample()[:3] {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	w.Abort("hexz-first", errors.New("disk on fire"))
	check := func(in []byte) error {
		t.Helper()
		_, err := readAll(NewReader(bytes.NewReader(in)))
		var a *AbortError
		if !errors.As(err, &a) || a.Stage != "hexz-first" || a.Message != "disk on fire" || !errors.Is(err, ErrAborted) {
			t.Fatalf("got %v", err)
		}
		return err
	}
	err := check(buf.Bytes())

	// A stage in between passes the abort on, even if it has not written anything yet.
	var next bytes.Buffer
	NewWriter(&next).Abort("hexz-second", err)
	check(next.Bytes())
}

// A wrong root is found at the Close frame that has it, not only at the end.
func TestRootIsCheckedAtClose(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, f := range sample() {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	sum := w.rules.tree.Sum()
	sum[0] ^= 1
	if err := w.Write(&Close{ID: 7, Size: w.rules.at, Root: sum}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestWriterRefusesLongChunks(t *testing.T) {
	w := NewWriter(io.Discard)
	w.Write(sample()[0])
	w.Write(sample()[1])
	e := refEntry("abc")
	e.Len = MaxChunk + 1
	if err := w.Write(&Segment{Stream: 7, Entries: []Entry{e}, Codec: RawCodec}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

// No text of an error may make a frame that a msgpack library refuses.
func TestAbortText(t *testing.T) {
	for _, text := range []string{"bad \xff byte", strings.Repeat("x", maxMessage-1) + "é", strings.Repeat("é", maxMessage)} {
		var buf bytes.Buffer
		NewWriter(&buf).Abort("hexz-\xfe", errors.New(text))
		_, err := readAll(NewReader(bytes.NewReader(buf.Bytes())))
		var a *AbortError
		if !errors.As(err, &a) || !utf8.ValidString(a.Message) || !utf8.ValidString(a.Stage) || len(a.Message) < 10 {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// A Writer does not write frames that a Reader would refuse.
func TestWriterHoldsLimits(t *testing.T) {
	for name, f := range map[string]Frame{
		"long meta":     &Header{Meta: Meta{"x": strings.Repeat("x", MaxMeta)}},
		"deep meta":     &Header{Meta: Meta{"x": []any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{}}}}}}}}}}}}}}}}}}},
		"many features": &Header{Features: make([]string, 1000)},
	} {
		var buf bytes.Buffer
		if err := NewWriter(&buf).Write(f); err == nil || buf.Len() > 0 {
			t.Errorf("%s: %d bytes written, %v", name, buf.Len(), err)
		}
	}
}

func TestNoAbortBehindEnd(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	w.Write(&Header{})
	if err := w.End(nil); err != nil {
		t.Fatal(err)
	}
	n := buf.Len()
	w.Abort("hexz-test", errors.New("late"))
	if buf.Len() != n {
		t.Error("an Abort frame stands behind End")
	}
}

// failAfter fails every Write once n bytes were written.
type failAfter struct {
	n     int
	calls int
}

var errFull = errors.New("device is full")

func (f *failAfter) Write(p []byte) (int, error) {
	f.calls++
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, errFull
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWriteErrorsStick(t *testing.T) {
	dst := &failAfter{n: 60}
	w := NewWriter(dst)
	var first error
	for _, f := range sample() {
		if first = w.Write(f); first != nil {
			break
		}
	}
	calls := dst.calls
	if !errors.Is(first, errFull) || w.Write(sample()[1]) != first || w.End(nil) != first {
		t.Errorf("got %v first", first)
	}
	w.Abort("hexz-test", first)
	if dst.calls != calls {
		t.Error("wrote again after a failure")
	}
}

// A stream of frames that declares 4 GB allocates memory only for the bytes that arrived.
func TestLyingPayloadLength(t *testing.T) {
	in := write(t, sample()[:3])
	i := bytes.Index(in, []byte("\xa4none\x03\xc4\x03abc"))
	p := append(append([]byte(nil), in[:i+5]...), 0xce, 0x04, 0, 0, 0, 0xc6, 0x04, 0, 0, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readAll(NewReader(bytes.NewReader(p)))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTruncated) {
		t.Errorf("got %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("allocated %d bytes", n)
	}
}

func TestParseSegment(t *testing.T) {
	s := sample()[4].(*Segment)
	w := wire.NewWriter()
	Append(w, s)
	frame := append(bytes.Clone(w.Written()), s.Payload...)
	got, err := ParseSegment(frame)
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Fatalf("got %v, %v", got, err)
	}
	for n := range frame {
		if _, err := ParseSegment(frame[:n]); err == nil {
			t.Fatalf("a frame cut to %d bytes was taken", n)
		}
	}
	if _, err := ParseSegment(append(frame, 0)); err == nil {
		t.Error("a frame with a byte more was taken")
	}
}
