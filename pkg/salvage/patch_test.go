package salvage

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/restore"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// segmentRange returns where the first segment stands in an archive that holds an entry of a kind.
func segmentRange(t *testing.T, p []byte, kind stream.EntryKind) (from, to int64) {
	t.Helper()
	in := archive.NewScanner(bytes.NewReader(p), nil)
	for {
		f, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		seg, ok := f.(*stream.Segment)
		if ok && slices.ContainsFunc(seg.Entries, func(e stream.Entry) bool { return e.Kind == kind }) {
			at, n := in.Range()
			return at, at + n
		}
	}
}

// Salvaging archives of patches: patches whose bases are lost are lost, and the others are right.
func TestSalvagePatches(t *testing.T) {
	v := stagetest.Unlike(3, 300<<10)
	w := stagetest.Edited(5, v)
	lib := stagetest.Library{}
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	blocks := stagetest.Encoding(stage.CompressOptions{Block: 16 << 10})
	parent := stagetest.Pipe(t, v, stagetest.Cutting(small), stagetest.Dropping(), blocks, stagetest.Sealing())
	known := stage.DedupOptions{Parents: stagetest.AsParent(lib.Open(t, parent))}
	next := stagetest.Pipe(t, w, stagetest.Cutting(small), stagetest.DroppingKnown(known), stagetest.PatchingBy(similar.Options{Find: lib.Find}), blocks, stagetest.Sealing())

	// Own bases are earlier in the stream.
	two := func(dst io.Writer, _ io.Reader) error {
		_, err := stage.Chunk(t.Context(), dst, []stage.Source{stage.ReaderSource("old", bytes.NewReader(v)), stage.ReaderSource("new", bytes.NewReader(w))}, small)
		return err
	}
	own := stagetest.Pipe(t, nil, two, stagetest.Dropping(), stagetest.PatchingBy(similar.Options{Self: true}), blocks, stagetest.Sealing())

	hole := func(p []byte, kind stream.EntryKind) []byte {
		from, to := segmentRange(t, p, kind)
		bad := bytes.Clone(p)
		clear(bad[(from+to)/2 : to])
		return bad
	}
	missing := stagetest.Yielding(archive.Copy{}, archive.ErrParent)
	holding := func(p []byte) archive.FindFunc { return stagetest.Yielding(stagetest.CopyOf(p), nil) }
	for _, c := range []struct {
		name   string
		p      []byte
		find   archive.FindFunc
		stream string
		want   []byte
		lost   [2]int64 // bytes, at least and at most
	}{
		{"sound", next, lib.Find, "disk", w, [2]int64{0, 0}},
		{"patches are hit", hole(next, stream.Patched), lib.Find, "disk", w, [2]int64{1, int64(len(w))}},
		{"the parent is missing", next, missing, "disk", w, [2]int64{200 << 10, int64(len(w))}},
		{"the parent is damaged", next, holding(hole(parent, stream.Data)), "disk", w, [2]int64{4 << 10, 64 << 10}},
		{"own, sound", own, nil, "new", w, [2]int64{0, 0}},
		{"own bases are hit", hole(own, stream.Data), nil, "new", w, [2]int64{4 << 10, 64 << 10}},
		{"own bases are hit, what has them", hole(own, stream.Data), nil, "old", v, [2]int64{4 << 10, 32 << 10}},
		{"own patches are hit", hole(own, stream.Patched), nil, "old", v, [2]int64{0, 0}},
	} {
		frames := new(bytes.Buffer)
		if _, _, err := Stream(t.Context(), frames, bytes.NewReader(c.p), Options{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for in := archive.NewScanner(frames, nil); ; {
			if _, err := in.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: what was salvaged: %v", c.name, err)
			}
		}
		var got bytes.Buffer
		out := restore.NewPlainOutput(&got)
		r, err := Cat(t.Context(), out, bytes.NewReader(c.p), restore.Options{Stream: c.stream, Find: c.find})
		if flushed := out.Flush(); err != nil || flushed != nil {
			t.Errorf("%s: %v, %v", c.name, err, flushed)
			continue
		}
		want := bytes.Clone(c.want)
		for _, l := range r.Lost {
			clear(want[*l.Offset:][:*l.Length])
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: what came out is not what was packed, without what is said to be lost", c.name)
		}
		if n := r.LostBytes; n < c.lost[0] || n > c.lost[1] {
			t.Errorf("%s: %d bytes are lost, not %v", c.name, n, c.lost)
		}
	}
}

// The index saves parts of a lost segment: runs of zeros and chunks of parents.
func TestSalvageFromTheIndex(t *testing.T) {
	v := slices.Concat(stagetest.Unlike(3, 200<<10), make([]byte, 50<<10), stagetest.Unlike(4, 200<<10))
	w := bytes.Clone(v)
	for _, at := range []int{30 << 10, 120 << 10, 300 << 10} {
		copy(w[at:], stagetest.Unlike(9, 12<<10))
	}
	lib := stagetest.Library{}
	small := stage.ChunkOptions{Chunker: chunker.Options{Avg: 4096}}
	parent := lib.Open(t, stagetest.Pipe(t, v, stagetest.Cutting(small), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing()))
	p := stagetest.Pipe(t, w, stagetest.Cutting(small), stagetest.DroppingKnown(stage.DedupOptions{Parents: stagetest.AsParent(parent)}), stagetest.Encoding(stage.CompressOptions{Block: 16 << 10}), stagetest.Sealing())
	totals := stagetest.OpenArchive(t, p).Info().Totals
	own := totals.Data.Bytes
	if totals.Parent.N == 0 || totals.Zero.N == 0 {
		t.Fatalf("%+v", totals)
	}
	from, to := segmentRange(t, p, stream.Data)
	for _, c := range []struct {
		name     string
		from, to int64
	}{{"all of a frame", from, to}, {"the payload", to - 10, to}, {"several frames", from, to + (to-from)/2}} {
		bad := bytes.Clone(p)
		for i := c.from; i < c.to; i++ {
			bad[i] ^= 0x5a
		}
		frames := new(bytes.Buffer)
		_, r, err := Stream(t.Context(), frames, bytes.NewReader(bad), Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.LostBytes == 0 || r.LostBytes > own {
			t.Errorf("%s: %d bytes are lost, the archive has %d of its own", c.name, r.LostBytes, own)
		}
		want := bytes.Clone(w)
		for _, l := range r.Lost {
			clear(want[*l.Offset:][:*l.Length])
		}
		left := lib.Open(t, stagetest.Pipe(t, frames.Bytes(), stagetest.Sealing()))
		if !bytes.Equal(lib.Content(t, left, "disk"), want) {
			t.Errorf("%s: what was salvaged is something else", c.name)
		}
	}
	// Without the index, everything that the frame said is lost.
	bad := bytes.Clone(p[:len(p)-200])
	clear(bad[from:to])
	if _, r, err := Stream(t.Context(), io.Discard, bytes.NewReader(bad), Options{}); err != nil || r.LostBytes <= own {
		t.Errorf("without the index: %v, %d bytes are lost", err, r.LostBytes)
	}
}
