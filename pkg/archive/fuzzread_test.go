package archive

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"filippo.io/age"

	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// patched returns a change for resealed that puts patch at an offset of all parts of a kind.
func patched(what string, at int, patch []byte) func(string, []byte) []byte {
	return func(w string, f []byte) []byte {
		if w == what {
			if at >= 0 && at < len(f) {
				copy(f[at:], patch)
			}
			at -= len(f)
		}
		return f
	}
}

// expected tells whether an archive that lies may give err: it is damaged, or names a codec that is
// not there.
func expected(err error) bool {
	return err == nil || errors.Is(err, stream.ErrCorrupt) || errors.As(err, new(*codec.UnknownError))
}

// FuzzReadAt reads at random from an archive that lies. ReadAt gives the same bytes as Restore, and
// the same bytes again from the cache.
func FuzzReadAt(f *testing.F) {
	b := Small(f)
	for i, what := range []string{"none", "segment", "map", "entry", "root"} {
		f.Add(what, uint16(40*i), []byte{1}, uint16(300*i), uint16(500))
	}
	f.Fuzz(func(t *testing.T, what string, at uint16, patch []byte, off, n uint16) {
		p := resealed(t, b.Buf.Bytes(), patched(what, int(at), patch))
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1})
		if err != nil {
			return
		}
		readBoth(t, r, int64(off), int64(n), func(err error) {
			if !expected(err) {
				t.Fatal(err)
			}
		})
	})
}

// readBoth reads a range of each stream by ReadAt, twice, and by Restore, which must agree. It calls
// check with the error of ReadAt.
func readBoth(t *testing.T, r *Reader, off, n int64, check func(error)) {
	t.Helper()
	for no, s := range r.Info().Streams {
		length := min(n, s.Size-off)
		if length <= 0 {
			continue
		}
		first, again := make([]byte, length), make([]byte, length)
		_, err := r.ReadAt(no, first, off)
		_, errAgain := r.ReadAt(no, again, off)
		var out collect
		errRestore := r.Restore(t.Context(), no, &out, RestoreOptions{Offset: off, Length: &length})
		if (err == nil) != (errRestore == nil) || (err == nil) != (errAgain == nil) {
			t.Fatalf("ReadAt: %v, then %v; Restore: %v", err, errAgain, errRestore)
		}
		if err == nil && (!bytes.Equal(first, again) || !bytes.Equal(first, out.Bytes())) {
			t.Fatal("ReadAt, ReadAt again and Restore give different bytes")
		}
		check(err)
	}
}

// tails returns the body of an archive, and byte strings that may stand after its root.
func tails(t testing.TB) (body []byte, list [][]byte) {
	_, key := signKey(t)
	b := smallWith(t, WriterOptions{Sign: []seal.SecretKey{key}})
	p := b.Buf.Bytes()
	body = p[:open(t, p).RootAt.End()]
	tail := p[len(body):]
	trailer := tail[len(tail)-index.TrailerSize:]
	return body, [][]byte{
		trailer, tail, append(bytes.Clone(tail), tail...), append(bytes.Clone(tail), tail[:50]...),
		append(bytes.Clone(tail), make([]byte, 30)...), append(bytes.Clone(tail), trailer[:20]...),
	}
}

// FuzzTail puts anything after a root. A reader from the front and a reader from the end see the
// same archive.
func FuzzTail(f *testing.F) {
	body, list := tails(f)
	for _, tail := range list {
		f.Add(tail)
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		p := append(bytes.Clone(body), tail...)
		_, s, scanErr := scan(bytes.NewReader(p))
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1})
		if (err == nil) != (scanErr == nil) {
			t.Fatalf("from the end: %v; from the front: %v", err, scanErr)
		}
		if err == nil && (len(r.Signatures()) != len(s.Signatures()) || r.Size() != s.tail.End || r.Torn() != s.tail.Torn) {
			t.Fatal("two readers see two tails")
		}
	})
}

// chunkList returns the chunks that an index lists.
func chunkList(x *index.Index) (list []index.Chunk, err error) {
	for c, err := range x.Chunks() {
		if err != nil {
			return list, err
		}
		list = append(list, c)
	}
	return list, nil
}

// FuzzExportedIndex exports the index of an archive that lies, and patches the export. The export
// lists the same chunks as the archive, or is damaged.
func FuzzExportedIndex(f *testing.F) {
	b := Small(f)
	for i, what := range []string{"none", "entry", "root", "map"} {
		f.Add(what, uint16(9*i), []byte{1}, uint16(1000), []byte{})
	}
	f.Add("none", uint16(0), []byte{}, uint16(30), []byte{0xff})
	f.Fuzz(func(t *testing.T, what string, at uint16, patch []byte, damage uint16, with []byte) {
		p := resealed(t, b.Buf.Bytes(), patched(what, int(at), patch))
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1})
		if err != nil {
			return
		}
		want, wantErr := chunkList(r.Index)
		var out bytes.Buffer
		if err := r.Export(&out, index.ExportOptions{}); err != nil {
			return
		}
		exported := out.Bytes()
		if int(damage) < len(exported) {
			copy(exported[damage:], with)
		}
		x, err := index.OpenAny(bytes.NewReader(exported), int64(len(exported)), nil)
		var got []index.Chunk
		if err == nil {
			got, err = chunkList(x)
		}
		if err == nil && (wantErr != nil || len(got) != len(want)) {
			t.Fatalf("%d chunks, the archive has %d (%v)", len(got), len(want), wantErr)
		}
		if !expected(err) {
			t.Fatal(err)
		}
	})
}

// encryptedBody returns the decrypted frames of the body of an encrypted archive, without the clear
// header, and a function that seals them again.
func encryptedBody(t testing.TB) (plain []byte, seal func(plain []byte) []byte, id age.Identity) {
	key := identity(t)
	b := smallWith(t, WriterOptions{Recipients: keys.Wrapper(key.Recipient())})
	a := takeApart(t, b.Buf.Bytes())
	c := open(t, b.Buf.Bytes(), key).Ciphers
	for _, sealed := range a.body[1:] {
		p, err := index.OpenSealed(bytes.Clone(sealed), c)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, p...)
	}
	return plain, func(plain []byte) []byte {
		out := bytes.Clone(a.body[0])
		s := &frameSealer{out: &frameSink{dst: io.Discard}, ciphers: c, head: wire.NewWriter()}
		var buf bytes.Buffer
		s.out.dst = &buf
		for len(plain) > 0 {
			in := wire.NewBytesReader(plain)
			in.SkipFrame(index.MaxFrame)
			n := int(in.Pos())
			if in.Err() != nil || n == 0 {
				n = len(plain)
			}
			s.Write(plain[:n])
			s.flush()
			plain = plain[n:]
		}
		return append(out, buf.Bytes()...)
	}, key
}

// FuzzSealed seals any frames with the right key: a writer that has a public key can do so. A
// Scanner handles them like a plain stream.
func FuzzSealed(f *testing.F) {
	plain, seal, id := encryptedBody(f)
	f.Add(plain)
	f.Add(plain[:len(plain)/2])
	f.Fuzz(func(t *testing.T, plain []byte) {
		read := func(s *Scanner) (frames int, err error) {
			for {
				if _, err = s.Next(); err != nil {
					return frames, err
				}
				frames++
			}
		}
		frames, err := read(NewScanner(bytes.NewReader(seal(plain)), keys.Opener(id)))
		if err == io.EOF {
			t.Fatal("an archive without an index was taken")
		}
		of, want := read(NewScanner(bytes.NewReader(plain), nil))
		if frames > of {
			t.Fatalf("%d frames (%v) of a stream of %d (%v)", frames, err, of, want)
		}
	})
}

// Seeds that are refused at once would let the fuzzer begin with errors only.
func TestFuzzSeeds(t *testing.T) {
	body, list := tails(t)
	for i, tail := range list {
		p := append(bytes.Clone(body), tail...)
		if err := open(t, p).Verify(t.Context(), VerifyOptions{Level: Content}); err != nil {
			t.Errorf("tail %d: %v", i, err)
		}
	}
	p := Small(t).Buf.Bytes()
	for _, what := range []string{"segment", "map", "entry", "root"} {
		seen := 0
		resealed(t, p, func(w string, f []byte) []byte {
			if w == what {
				seen += len(f)
			}
			return f
		})
		if seen == 0 {
			t.Errorf("there is no %s to patch", what)
		}
	}
	plain, seal, id := encryptedBody(t)
	s, n := NewScanner(bytes.NewReader(seal(plain)), keys.Opener(id)), 0
	for ; ; n++ {
		if _, err := s.Next(); err != nil {
			break
		}
	}
	if n < 8 {
		t.Errorf("only %d frames come out of a sealed body", n)
	}
	if _, _, err := scan(bytes.NewReader(p)); err != nil {
		t.Error(err)
	}
}
