package archive

import (
	"bytes"
	"context"
	"io"
	"testing"

	"hexz/pkg/index"
)

// A hostile archive has right digests and content that lies. resealed takes a sound archive apart,
// lets change alter the encoded segments and index frames, and puts the archive together again with
// digests that match.
func resealed(t testing.TB, p []byte, change func(what string, frame []byte) []byte) []byte {
	t.Helper()
	s := takeApart(t, p)
	s.change = change
	return s.forge(t, s.segments)
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
	for i, what := range []string{"segment", "map", "entry", "nodes", "root"} {
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
