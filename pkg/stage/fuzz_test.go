package stage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"hexz/internal/hostiletest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/commit"
	"hexz/pkg/diff"
	"hexz/pkg/overlay"
	"hexz/pkg/restore"
	"hexz/pkg/stream"
)

// fromOps makes an archive of one stream from bytes. Each byte is a chunk, a run, or the end of a
// segment. A chunk that comes again is a reference. If what names a part of the index, that part is
// patched.
func fromOps(ops []byte, what string, at int, patch []byte) []byte {
	b := hostiletest.New()
	b.Open(1, "disk")
	var entries []stream.Entry
	var raw []byte
	ordinals := map[byte]int64{}
	flush := func() {
		if len(entries) > 0 {
			b.Add("none", raw, entries...)
		}
		entries, raw = nil, nil
	}
	for _, op := range ops[:min(len(ops), 200)] {
		n := int64(op>>3) + 1
		switch op & 7 {
		case 0:
			flush()
		case 1:
			entries = append(entries, hostiletest.Zeros(stream.Zero, 10*n))
		case 2:
			entries = append(entries, hostiletest.Zeros(stream.Hole, 10*n))
		default:
			chunk := bytes.Repeat([]byte{op}, int(n))
			if ordinal, ok := ordinals[op]; ok {
				entries = append(entries, hostiletest.Ref(chunk, ordinal))
				continue
			}
			ordinals[op] = int64(len(ordinals))
			entries = append(entries, hostiletest.Data(chunk))
			raw = append(raw, chunk...)
		}
	}
	flush()
	b.Close()
	b.End()
	b.PageLen = 3
	b.Change = func(w string, p []byte) []byte {
		if w == what && at < len(p) {
			copy(p[at:], patch)
		}
		return p
	}
	return b.Seal()
}

// verified opens an archive and reports whether it is sound. The Reader is nil if p is no archive.
func verified(t *testing.T, p []byte, find archive.FindFunc) (*archive.Reader, bool) {
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 1, Find: find})
	if err != nil {
		return nil, false
	}
	return r, r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content}) == nil
}

// sized reports whether the streams are short enough to be compared byte by byte.
func sized(r *archive.Reader) bool {
	for _, s := range r.Info().Streams {
		if s.Size > 1<<20 {
			return false
		}
	}
	return true
}

var diffSeeds = [][2]string{
	{"", ""}, {"abcdefgh", "abcdefgh"}, {"abc\x00def\x09ghi", "abc\x09def\x00gxi"}, {"\x11\x12aa\x00aab", "\x12\x11ab\x00a"},
}

// FuzzDiff compares two archives, one of which may lie. For sound ones it reports exactly where the
// bytes differ.
func FuzzDiff(f *testing.F) {
	for i, s := range diffSeeds {
		f.Add([]byte(s[0]), []byte(s[1]), []string{"none", "map", "entry", "info"}[i], uint16(7*i), []byte{1})
	}
	f.Fuzz(func(t *testing.T, x, y []byte, what string, at uint16, patch []byte) {
		a, soundA := verified(t, fromOps(x, what, int(at), patch), nil)
		b, soundB := verified(t, fromOps(y, "", 0, nil), nil)
		if a == nil || b == nil || !sized(a) {
			return
		}
		var ranges []diff.Range
		rep, err := diff.Archives(t.Context(), a, b, diff.Options{Stream: "disk", Exact: true, Range: func(r diff.Range) error {
			ranges = append(ranges, r)
			return nil
		}})
		if !soundA || !soundB {
			unknown := errors.As(err, new(*codec.UnknownError))
			if err != nil && !unknown && !errors.Is(err, stream.ErrCorrupt) && !errors.Is(err, restore.ErrChoose) {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		p, q := make([]byte, a.Info().Streams[0].Size), make([]byte, b.Info().Streams[0].Size)
		a.ReadAt(0, p, 0)
		b.ReadAt(0, q, 0)
		if rep.Identical != bytes.Equal(p, q) {
			t.Fatalf("identical: %v", rep.Identical)
		}
		for i := range min(len(p), len(q)) {
			for len(ranges) > 0 && ranges[0].Offset+ranges[0].Length <= int64(i) {
				ranges = ranges[1:]
			}
			if inside := len(ranges) > 0 && ranges[0].Offset <= int64(i); p[i] != q[i] && !inside {
				t.Fatalf("byte %d differs, and no range has it", i)
			}
		}
	})
}

var commitSeeds = [][2]string{
	{"abcdefgh", "0 5\n"}, {"abc\x00\x11\x12ab", "3 9\n20 30\n"}, {"\x12\x11\x00aaa", "[]"}, {"abcabc", `[{"start":2,"length":9,"depth":0,"data":true}]`},
}

// changed returns the overlay that a map describes.
func changed(text string, size int64) ([]commit.Overlay, error) {
	list, err := overlay.ParseMap(strings.NewReader(text), size, 0)
	if err != nil {
		return nil, err
	}
	image := overlay.NewMapped(bytes.NewReader(bytes.Repeat([]byte("x"), int(size))), size, list)
	return []commit.Overlay{{Stream: "disk", Image: image}}, nil
}

// FuzzCommit commits changes to an archive that may lie. If the archive is sound, the result can be
// sealed and read.
func FuzzCommit(f *testing.F) {
	for i, s := range commitSeeds {
		f.Add([]byte(s[0]), s[1], uint16(60), []string{"none", "map", "entry", "info"}[i], uint16(7*i), []byte{1})
	}
	f.Fuzz(func(t *testing.T, ops []byte, text string, size uint16, what string, at uint16, patch []byte) {
		p := fromOps(ops, what, int(at), patch)
		base, sound := verified(t, p, nil)
		overlays, err := changed(text, int64(size))
		if base == nil || err != nil || !sized(base) {
			return
		}
		var out, sealed bytes.Buffer
		if _, err := commit.Apply(t.Context(), &out, base, "base.hxz", overlays, commit.Options{}); err != nil {
			if sound {
				t.Fatal(err)
			}
			return
		}
		if err := stagetest.Sealing()(&sealed, bytes.NewReader(out.Bytes())); err != nil {
			t.Fatalf("what Commit made cannot be sealed: %v", err)
		}
		find := stagetest.Yielding(stagetest.CopyOf(p), nil)
		if _, ok := verified(t, sealed.Bytes(), find); sound && !ok {
			t.Fatal("what Commit made is not sound")
		}
	})
}

// The seeds reach the code after the checks.
func TestFuzzSeeds(t *testing.T) {
	for i, s := range diffSeeds {
		for _, ops := range s {
			if _, ok := verified(t, fromOps([]byte(ops), "", 0, nil), nil); !ok {
				t.Errorf("seed %d of FuzzDiff is no archive", i)
			}
		}
	}
	for i, s := range commitSeeds {
		base, ok := verified(t, fromOps([]byte(s[0]), "", 0, nil), nil)
		overlays, err := changed(s[1], 60)
		if !ok || err != nil {
			t.Fatal(fmt.Errorf("seed %d of FuzzCommit: %w", i, err))
		}
		if _, err := commit.Apply(t.Context(), io.Discard, base, "", overlays, commit.Options{}); err != nil {
			t.Errorf("seed %d of FuzzCommit: %v", i, err)
		}
	}
}
