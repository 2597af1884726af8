package archive

import (
	"bytes"
	"context"
	"io"
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream/wire"
)

// A hostile archive has right digests and content that lies. resealed takes a sound archive apart,
// lets change alter the encoded segments and index frames, and puts the archive together again with
// digests that match.
func resealed(t testing.TB, p []byte, change func(what string, frame []byte) []byte) []byte {
	t.Helper()
	r := open(t, p)
	root := *r.Root
	root.Maps, root.Entries, root.Runs = nil, nil, nil
	var out []byte
	var frames blake.Hasher
	count := 0
	at := int64(0)
	put := func(frame []byte) index.Extent {
		s := index.Extent{Pos: int64(len(out)), Len: int64(len(frame)), Digest: blake.Sum(frame)}
		out = append(out, frame...)
		return s
	}
	body := func(frame []byte) index.Extent {
		s := put(frame)
		frames.Write(s.Digest[:])
		count++
		return s
	}
	var pages [][]index.SegmentRef
	for n := range r.Root.Maps {
		page, err := r.Page(n)
		if err != nil {
			t.Fatal(err)
		}
		var moved []index.SegmentRef
		for _, ref := range page {
			for at < ref.Pos { // the frames between segments
				in := wire.NewBytesReader(p[at:ref.Pos])
				in.Skip(1 << 30)
				body(p[at : at+in.Pos()])
				at += in.Pos()
			}
			moved = append(moved, index.SegmentRef{Position: ref.Position, Extent: body(change("segment", bytes.Clone(p[ref.Pos:ref.End()])))})
			at = ref.End()
		}
		pages = append(pages, moved)
	}
	for end := r.Root.Maps[0].Pos; at < end; {
		in := wire.NewBytesReader(p[at:end])
		in.Skip(1 << 30)
		body(p[at : at+in.Pos()])
		at += in.Pos()
	}
	root.Runs = []index.Run{{Extent: index.Extent{Pos: 0, Len: int64(len(out)), Digest: frames.Sum()}, Frames: count}}
	for n, page := range pages {
		w := wire.NewWriter()
		index.AppendMapPage(w, n, page, nil)
		root.Maps = append(root.Maps, put(change("map", bytes.Clone(w.Written()))))
	}
	for _, s := range r.Root.Entries {
		root.Entries = append(root.Entries, put(change("entry", bytes.Clone(p[s.Pos:s.End()]))))
	}
	w := wire.NewWriter()
	index.AppendRoot(w, &root)
	return index.Trailer{Root: put(change("root", bytes.Clone(w.Written()))), Magic: index.ArchiveMagic}.Append(out)
}

func TestResealedUnchangedIsSound(t *testing.T) {
	b := Small(t)
	p := resealed(t, b.Buf.Bytes(), func(_ string, f []byte) []byte { return f })
	if !bytes.Equal(p, b.Buf.Bytes()) {
		t.Fatal("taking apart and putting together gave another archive")
	}
}

// readEverything uses all readers on p. They must agree, and end.
func readEverything(t testing.TB, p []byte) {
	t.Helper()
	ctx := context.Background() // with a time limit the readers would not agree on a busy machine
	scan(bytes.NewReader(p))
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1})
	if err != nil {
		return
	}
	sound := r.Verify(ctx, VerifyOptions{Level: Content}) == nil
	for no, s := range r.Info().Streams {
		if s.Size > 1<<24 {
			return
		}
		var out collect
		err := r.Restore(ctx, no, &out, RestoreOptions{})
		if sound && (err != nil || int64(out.Len()) != s.Size) {
			t.Fatalf("Verify takes the archive for sound, but Restore says %v after %d of %d bytes", err, out.Len(), s.Size)
		}
		got := make([]byte, s.Size)
		n, readErr := r.ReadAt(no, got, 0)
		if sound && (readErr != nil && readErr != io.EOF || !bytes.Equal(got, out.Bytes())) {
			t.Fatalf("ReadAt differs from Restore after %d bytes: %v", n, readErr)
		}
	}
	for range r.Segments() {
	}
	if ctx.Err() != nil {
		t.Fatal("it took too long")
	}
}

// TestHostile alters every byte of every part of an archive whose digests match.
func TestHostile(t *testing.T) {
	b := Small(t)
	parts := map[string]int{}
	resealed(t, b.Buf.Bytes(), func(what string, f []byte) []byte {
		parts[what] += len(f)
		return f
	})
	for what, n := range parts {
		for i := range n {
			for _, mask := range []byte{1, 0x7f} {
				at := i
				readEverything(t, resealed(t, b.Buf.Bytes(), func(w string, f []byte) []byte {
					if w == what {
						if at >= 0 && at < len(f) {
							f[at] ^= mask
						}
						at -= len(f)
					}
					return f
				}))
			}
		}
	}
}

func FuzzHostile(f *testing.F) {
	b := Small(f)
	for i, what := range []string{"segment", "map", "entry", "root"} {
		f.Add(what, uint16(i*7), []byte{0xff, 1})
	}
	f.Fuzz(func(t *testing.T, what string, at uint16, patch []byte) {
		readEverything(t, resealed(t, b.Buf.Bytes(), patched(what, int(at), patch)))
	})
}

func FuzzReader(f *testing.F) {
	b := Small(f)
	f.Add(b.Buf.Bytes())
	f.Add(b.Buf.Bytes()[:b.Buf.Len()-index.TrailerSize])
	f.Fuzz(func(t *testing.T, p []byte) { readEverything(t, p) })
}

// FuzzIndex feeds the parsers of the index, and checks that accepted frames are written as they
// were read.
func FuzzIndex(f *testing.F) {
	b := Small(f)
	p := b.Buf.Bytes()
	r := open(f, p)
	for _, s := range [][]index.Extent{r.Root.Maps, r.Root.Entries, {r.RootAt}} {
		f.Add(p[s[0].Pos:s[0].End()])
	}
	f.Add(p[len(p)-index.TrailerSize:])
	f.Fuzz(func(t *testing.T, p []byte) {
		if first, err := index.ParseRoot(p); err == nil && first.Open(nil) == nil {
			write := func(r *index.Root) []byte {
				r.Seal(nil)
				w := wire.NewWriter()
				index.AppendRoot(w, r)
				return w.Written()
			}
			w := write(first)
			again, err := index.ParseRoot(w)
			if err == nil {
				err = again.Open(nil)
			}
			if err != nil {
				t.Fatalf("cannot read what was written: %v", err)
			}
			w2 := write(again)
			if !bytes.Equal(w, w2) {
				t.Fatal("a root changes when written again")
			}
		}
		if page, err := index.ParseMapPage(p, 0, nil, false); err == nil {
			w := wire.NewWriter()
			index.AppendMapPage(w, 0, page, nil)
			if _, err := index.ParseMapPage(w.Written(), 0, nil, false); err != nil {
				t.Fatal(err)
			}
		}
		for range index.ParseEntryPage(p, 0, nil) {
		}
		if tr, err := index.ParseTrailer(p, 1<<40); err == nil && !bytes.Equal(tr.Append(nil), p) {
			t.Fatal("a trailer changes when written again")
		}
	})
}
