package archive

import (
	"bytes"
	"context"
	"io"
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// A hostile archive has digests that are right and content that lies. resealed takes a sound
// one apart, lets change alter the encoded segments and index frames, and puts it together
// again with digests to match.
func resealed(t testing.TB, p []byte, change func(what string, frame []byte) []byte) []byte {
	t.Helper()
	r := open(t, p)
	root := *r.root
	root.maps, root.entries, root.runs = nil, nil, nil
	var out []byte
	var frames blake.Hasher
	count := 0
	at := int64(0)
	put := func(frame []byte) span {
		s := span{int64(len(out)), int64(len(frame)), blake.Sum(frame)}
		out = append(out, frame...)
		return s
	}
	body := func(frame []byte) span {
		s := put(frame)
		frames.Write(s.digest[:])
		count++
		return s
	}
	var pages [][]segmentRef
	for n := range r.root.maps {
		page, err := r.page(n)
		if err != nil {
			t.Fatal(err)
		}
		var moved []segmentRef
		for _, ref := range page {
			for at < ref.pos { // what lies between segments
				in := wire.NewBytesReader(p[at:ref.pos])
				in.Skip(1 << 30)
				body(p[at : at+in.Pos()])
				at += in.Pos()
			}
			moved = append(moved, segmentRef{ref.key, body(change("segment", bytes.Clone(p[ref.pos:ref.end()])))})
			at = ref.end()
		}
		pages = append(pages, moved)
	}
	for end := r.root.maps[0].pos; at < end; {
		in := wire.NewBytesReader(p[at:end])
		in.Skip(1 << 30)
		body(p[at : at+in.Pos()])
		at += in.Pos()
	}
	root.runs = []run{{span{0, int64(len(out)), frames.Sum()}, count}}
	for n, page := range pages {
		w := wire.NewWriter()
		appendMapPage(w, n, page, nil)
		root.maps = append(root.maps, put(change("map", bytes.Clone(w.Written()))))
	}
	for _, s := range r.root.entries {
		root.entries = append(root.entries, put(change("entry", bytes.Clone(p[s.pos:s.end()]))))
	}
	w := wire.NewWriter()
	appendRoot(w, &root)
	return trailer{put(change("root", bytes.Clone(w.Written()))), archiveMagic}.append(out)
}

func TestResealedUnchangedIsSound(t *testing.T) {
	b := small(t)
	p := resealed(t, b.buf.Bytes(), func(_ string, f []byte) []byte { return f })
	if !bytes.Equal(p, b.buf.Bytes()) {
		t.Fatal("taking apart and putting together gave another archive")
	}
}

// readEverything uses all readers on p. They must agree, and end.
func readEverything(t testing.TB, p []byte) {
	t.Helper()
	ctx := context.Background() // with a time limit they would not agree on a busy machine
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
	r.EntryPages(func(Place, []stream.Entry) error { return nil })
	if ctx.Err() != nil {
		t.Fatal("it took too long")
	}
}

// TestHostile alters every byte of every part of an archive whose digests match.
func TestHostile(t *testing.T) {
	b := small(t)
	parts := map[string]int{}
	resealed(t, b.buf.Bytes(), func(what string, f []byte) []byte {
		parts[what] += len(f)
		return f
	})
	for what, n := range parts {
		for i := range n {
			for _, mask := range []byte{1, 0x7f} {
				at := i
				readEverything(t, resealed(t, b.buf.Bytes(), func(w string, f []byte) []byte {
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
	b := small(f)
	for i, what := range []string{"segment", "map", "entry", "root"} {
		f.Add(what, uint16(i*7), []byte{0xff, 1})
	}
	f.Fuzz(func(t *testing.T, what string, at uint16, patch []byte) {
		readEverything(t, resealed(t, b.buf.Bytes(), patched(what, int(at), patch)))
	})
}

func FuzzReader(f *testing.F) {
	b := small(f)
	f.Add(b.buf.Bytes())
	f.Add(b.buf.Bytes()[:b.buf.Len()-trailerSize])
	f.Fuzz(func(t *testing.T, p []byte) { readEverything(t, p) })
}

// FuzzIndex feeds the parsers of the index, and checks that what they take is written as it
// was read.
func FuzzIndex(f *testing.F) {
	b := small(f)
	p := b.buf.Bytes()
	r := open(f, p)
	for _, s := range [][]span{r.root.maps, r.root.entries, {r.rootAt}} {
		f.Add(p[s[0].pos:s[0].end()])
	}
	f.Add(p[len(p)-trailerSize:])
	f.Fuzz(func(t *testing.T, p []byte) {
		if first, err := parseRoot(p); err == nil && first.open(nil) == nil {
			write := func(r *root) []byte {
				r.seal(nil)
				w := wire.NewWriter()
				appendRoot(w, r)
				return w.Written()
			}
			w := write(first)
			again, err := parseRoot(w)
			if err == nil {
				err = again.open(nil)
			}
			if err != nil {
				t.Fatalf("cannot read what was written: %v", err)
			}
			w2 := write(again)
			if !bytes.Equal(w, w2) {
				t.Fatal("a root changes when written again")
			}
		}
		if page, err := parseMapPage(p, 0, nil, false); err == nil {
			w := wire.NewWriter()
			appendMapPage(w, 0, page, nil)
			if _, err := parseMapPage(w.Written(), 0, nil, false); err != nil {
				t.Fatal(err)
			}
		}
		parseEntryPage(p, 0, nil, func(int, []stream.Entry) error { return nil })
		if tr, err := parseTrailer(p, 1<<40); err == nil && !bytes.Equal(tr.append(nil), p) {
			t.Fatal("a trailer changes when written again")
		}
	})
}
