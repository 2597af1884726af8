package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func signKey(t testing.TB) (seal.PublicKey, seal.SecretKey) {
	t.Helper()
	pub, secret, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return pub, secret
}

func TestEncryptedRoundTrip(t *testing.T) {
	alice, bob := identity(t), identity(t)
	o := WriterOptions{Recipients: keys.Wrapper(alice.Recipient(), bob.Recipient())}
	for name, b := range map[string]*builder{"small": smallWith(t, o), "large": largeWith(t, 1500, o)} {
		p := b.Buf.Bytes()
		for _, id := range []*age.X25519Identity{alice, bob} {
			r := open(t, p, id)
			for no, s := range r.Info().Streams {
				var out collect
				if err := r.Restore(t.Context(), no, &out, RestoreOptions{Threads: 3}); err != nil || !bytes.Equal(out.Bytes(), b.content[s.Name]) {
					t.Fatalf("%s: stream %s: %v", name, s.Name, err)
				}
			}
			if err := r.Verify(t.Context(), VerifyOptions{Level: Content, Threads: 2}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// A Scanner's frames, written again as a plain archive, are the plain archive.
		got, s, err := scan(bytes.NewReader(p), bob)
		if err != nil {
			t.Fatal(err)
		}
		plain := Small(t)
		if name == "large" {
			plain = large(t, 1500)
		}
		if !bytes.Equal(got, plain.Buf.Bytes()) {
			t.Errorf("%s: decrypted, it is another archive", name)
		}
		if id, ok := s.ID(); !ok || id != open(t, p).ID() {
			t.Errorf("%s: id %v", name, id)
		}
	}
}

func TestLocked(t *testing.T) {
	b := largeWith(t, 30, WriterOptions{Recipients: keys.Wrapper(identity(t).Recipient())})
	r := open(t, b.Buf.Bytes())
	for _, level := range []Level{Structure, Stored} {
		if err := r.Verify(t.Context(), VerifyOptions{Level: level}); err != nil {
			t.Errorf("level %d: %v", level, err)
		}
	}
	_, _, scanErr := scan(bytes.NewReader(b.Buf.Bytes()))
	_, readErr := r.ReadAt(0, make([]byte, 1), 0)
	var entriesErr error
	for _, entriesErr = range r.Segments() {
	}
	for what, err := range map[string]error{
		"content": r.Verify(t.Context(), VerifyOptions{Level: Content}),
		"restore": r.Restore(t.Context(), 0, &collect{}, RestoreOptions{}),
		"entries": entriesErr,
		"read":    readErr,
		"scan":    scanErr,
	} {
		var locked *index.LockedError
		if !errors.As(err, &locked) || fmt.Sprint(locked.Kinds) != "[X25519]" {
			t.Errorf("%s: %v", what, err)
		}
	}
	var other *seal.NoMatchError
	if _, err := NewReader(bytes.NewReader(b.Buf.Bytes()), int64(b.Buf.Len()), Options{Identities: keys.Opener(identity(t))}); !errors.As(err, &other) {
		t.Errorf("with the key of somebody else: %v", err)
	}
	// A damaged segment is named even without the key.
	p := bytes.Clone(b.Buf.Bytes())
	page, err := r.Page(0)
	if err != nil {
		t.Fatal(err)
	}
	p[page[7].End()-1] ^= 1
	want := fmt.Sprintf("segment at byte %d is damaged", page[7].Pos)
	err = open(t, p).Verify(t.Context(), VerifyOptions{Level: Stored})
	if err == nil || err.Error() != "invalid input: "+want {
		t.Errorf("%v, want %s", err, want)
	}
}

// variants are small archives, plain and encrypted, with the identities that can read them.
func variants(t *testing.T) map[string]struct {
	*builder
	ids []age.Identity
} {
	id := identity(t)
	_, key := signKey(t)
	to := keys.Wrapper(id.Recipient())
	sign := []seal.SecretKey{key}
	type variant = struct {
		*builder
		ids []age.Identity
	}
	return map[string]variant{
		"plain":                {Small(t), nil},
		"signed":               {smallWith(t, WriterOptions{Sign: sign}), nil},
		"encrypted":            {smallWith(t, WriterOptions{Recipients: to}), []age.Identity{id}},
		"signed and encrypted": {smallWith(t, WriterOptions{Recipients: to, Sign: sign}), []age.Identity{id}},
	}
}

func TestEveryFlip(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	for name, v := range variants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range v.Buf.Len() {
				p := bytes.Clone(v.Buf.Bytes())
				p[i] ^= 1 << (i % 8)
				checkDamaged(t, fmt.Sprintf("byte %d", i), p, v.builder, v.ids...)
			}
		})
	}
}

func TestEveryTruncation(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	for name, v := range variants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range v.Buf.Len() {
				checkDamaged(t, fmt.Sprintf("cut to %d", n), v.Buf.Bytes()[:n], v.builder, v.ids...)
			}
			checkDamaged(t, "a byte more", append(bytes.Clone(v.Buf.Bytes()), 1), v.builder, v.ids...)
		})
	}
}

// segmentFrames returns the numbers in the body of small's segments: header, header, open, two
// segments, close, open, close, open, segment, close, end.
var segmentFrames = []int{3, 4, 9}

func swap(list [][]byte, i, j int) [][]byte {
	list = append([][]byte(nil), list...)
	list[i], list[j] = list[j], list[i]
	return list
}

// An attacker without a key can give an encrypted archive digests that fit. The AEAD finds the
// forgery.
func TestForgedWithoutTheKey(t *testing.T) {
	id := identity(t)
	o := WriterOptions{Recipients: keys.Wrapper(id.Recipient())}
	b, other := smallWith(t, o), smallWith(t, o)
	a, z := takeApart(t, b.Buf.Bytes()), takeApart(t, other.Buf.Bytes())
	if p := a.forge(t, segmentFrames); !bytes.Equal(p, b.Buf.Bytes()) {
		t.Fatal("taken apart and put together it is another archive")
	}
	with := func(change func(s *parts)) []byte {
		s := a
		change(&s)
		return s.forge(t, segmentFrames)
	}
	for name, p := range map[string][]byte{
		"two frames swapped":            with(func(s *parts) { s.body = swap(s.body, 3, 4) }),
		"swapped in the map alone":      a.forge(t, []int{4, 3, 9}),
		"one segment for another":       a.forge(t, []int{3, 3, 9}),
		"a frame doubled":               with(func(s *parts) { s.body = append(append(s.body[:4:4], s.body[3]), s.body[4:]...) }),
		"a frame dropped":               with(func(s *parts) { s.body = append(s.body[:10:10], s.body[11:]...) }),
		"a frame of the other archive":  with(func(s *parts) { s.body = append(append(s.body[:4:4], z.body[4]), s.body[5:]...) }),
		"the header of the other":       with(func(s *parts) { s.body = append([][]byte{z.body[0]}, s.body[1:]...) }),
		"the map page of the other":     with(func(s *parts) { s.maps = z.maps }),
		"the entry page of the other":   with(func(s *parts) { s.entries = z.entries }),
		"the info of the other":         with(func(s *parts) { s.root = z.root }),
		"entry page in the map's place": with(func(s *parts) { s.root.Content = s.entries[0][10:] }),
		"said to be in the clear":       with(func(s *parts) { r := *s.root; r.Features = nil; s.root = &r }),
	} {
		if name == "entry page in the map's place" {
			a = takeApart(t, b.Buf.Bytes()) // its root was changed in place
		}
		refused := 0
		if _, _, err := scan(bytes.NewReader(p), id); isDamage(err) {
			refused++
		}
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Identities: keys.Opener(id)})
		if err == nil {
			err = r.Verify(t.Context(), VerifyOptions{Level: Content})
			for no, s := range r.Info().Streams {
				var out collect
				if err := r.Restore(t.Context(), no, &out, RestoreOptions{}); err == nil && !bytes.Equal(out.Bytes(), b.content[s.Name]) ||
					!bytes.HasPrefix(b.content[s.Name], out.Bytes()) {
					t.Errorf("%s: wrong bytes of %s, %v", name, s.Name, err)
				}
			}
		}
		if isDamage(err) {
			refused++
		}
		// A reader from front to back does not see a map page that lies.
		if want := 2; refused < want && !(refused == 1 && isDamage(err)) {
			t.Errorf("%s: taken for sound: %v", name, err)
		}
	}
}

// An old trailer, or the trailer of another archive, is not accepted.
func TestReplayedTrailer(t *testing.T) {
	id := identity(t)
	o := WriterOptions{Recipients: keys.Wrapper(id.Recipient())}
	b, other := smallWith(t, o), smallWith(t, o)
	p, z := b.Buf.Bytes(), other.Buf.Bytes()
	checkDamaged(t, "in the place of its own", append(bytes.Clone(p[:len(p)-index.TrailerSize]), z[len(z)-index.TrailerSize:]...), b, id)
	checkDamaged(t, "behind its own", append(bytes.Clone(p), z[len(z)-index.TrailerSize:]...), b, id)
	checkDamaged(t, "index and trailer", append(bytes.Clone(p[:open(t, p).AreaStart(0)]), z[open(t, z).AreaStart(0):]...), b, id)
}

// The bytes of an encrypted archive reveal nothing of its content.
func TestEncryptedShowsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	id := identity(t)
	o := WriterOptions{Recipients: keys.Wrapper(id.Recipient())}
	build := func() *builder {
		b := newBuilderWith(t, o)
		b.Stream(7, "secret-name.img", func() {
			b.Segment("none", Text(1, 5000), 4096, Text(2, 300))
			b.Segment("zstd", Text(3, 5000), Text(2, 300))
		})
		b.Seal()
		return b
	}
	b := build()
	p := b.Buf.Bytes()
	absent := func(what string, secret []byte) {
		if bytes.Contains(p, secret) {
			t.Errorf("%s stands in the archive", what)
		}
	}
	absent("the name", []byte("secret-name"))
	absent("a parameter", []byte("test"))
	absent("a codec", []byte("zstd"))
	for h := range b.seen {
		absent("a hash", h[:])
	}
	for _, content := range b.content {
		for i := 0; i+16 <= len(content); i++ {
			if w := content[i : i+16]; !bytes.Equal(w, make([]byte, 16)) {
				absent(fmt.Sprintf("window %d of the content", i), w)
			}
		}
	}

	// Two archives of the same content have only fixed bytes in common: the head of the first frame
	// and of the wrapped key, the head of the root, magic and version of the trailer.
	q := build().Buf.Bytes()
	seen := map[string]int{}
	for i := 0; i+16 <= len(q); i++ {
		seen[string(q[i:i+16])] = i
	}
	wrapped := bytes.Index(p, []byte("age-encryption.org/v1\n-> X25519 "))
	if wrapped < 0 {
		t.Fatal("no wrapped key")
	}
	fixed := wrapped + len("age-encryption.org/v1\n-> X25519 ")
	for i := fixed - 15; i+16 <= len(p); i++ {
		at, ok := seen[string(p[i:i+16])]
		inRoot := i - int(open(t, p).RootAt.Pos) // up to the digest of the first page
		if ok && i >= fixed && i < len(p)-index.TrailerSize && (inRoot < -2 || inRoot > 24-16) {
			t.Errorf("16 bytes at %d stand in the other archive at %d: %x", i, at, p[i:i+16])
		}
	}
}

// rangeRecorder records the ranges that are read.
type rangeRecorder struct {
	*bytes.Reader
	reads []index.Extent
}

func (r *rangeRecorder) ReadAt(p []byte, off int64) (int, error) {
	r.reads = append(r.reads, index.Extent{Pos: off, Len: int64(len(p))})
	return r.Reader.ReadAt(p, off)
}

// A random read fetches and decrypts only the segment that it needs.
func TestRandomReadOfEncrypted(t *testing.T) {
	id := identity(t)
	b := largeWith(t, 200, WriterOptions{Recipients: keys.Wrapper(id.Recipient())})
	src := &rangeRecorder{Reader: bytes.NewReader(b.Buf.Bytes())}
	r, err := NewReader(src, int64(b.Buf.Len()), Options{Identities: keys.Opener(id)})
	if err != nil {
		t.Fatal(err)
	}
	// A segment without references to other segments.
	number := int64(-1)
	for n := int64(20); number < 0; n++ {
		it, err := r.segment(n)
		if err != nil {
			t.Fatal(err)
		}
		number = n
		for i := range it.Value.entries {
			if it.Value.entries[i].Kind == stream.Ref {
				number = -1
			}
		}
		r.release(it)
	}
	ref, _, err := r.SegmentAt(number)
	if err != nil {
		t.Fatal(err)
	}
	r, _ = NewReader(src, int64(b.Buf.Len()), Options{Identities: keys.Opener(id)})
	if _, err := r.Page(0); err != nil {
		t.Fatal(err)
	}
	src.reads = nil
	got := make([]byte, 1)
	if _, err := r.ReadAt(0, got, ref.Offset); err != nil || got[0] != b.content["first"][ref.Offset] {
		t.Fatal(err)
	}
	if len(src.reads) != 1 || src.reads[0].Pos != ref.Pos || src.reads[0].Len != ref.Len {
		t.Errorf("read %v for the segment %v", src.reads, ref.Extent)
	}
}

func BenchmarkWriter(b *testing.B) {
	id := identity(b)
	raw := Text(1, 256<<10)
	sum := blake.Sum(raw)
	for name, o := range map[string]WriterOptions{"plain": {}, "encrypted": {Recipients: keys.Wrapper(id.Recipient())}} {
		b.Run(name, func(b *testing.B) {
			w := NewWriter(io.Discard, o)
			w.Write(&stream.Header{})
			w.Write(&stream.Open{ID: 1, Name: "disk", Size: -1})
			b.SetBytes(int64(len(raw)))
			s := &stream.Segment{Stream: 1, Codec: "none", RawLen: len(raw), Payload: raw,
				Entries: []stream.Entry{{Kind: stream.Data, Len: int64(len(raw)), Hash: sum}}}
			for b.Loop() {
				if err := w.Write(s); err != nil {
					b.Fatal(err)
				}
				s.Offset += s.Size()
			}
		})
	}
}

// A writer with the key could seal frames in other ways than one by one. All readers refuse that.
func TestSealedFramesAreOneToOne(t *testing.T) {
	id := identity(t)
	b := smallWith(t, WriterOptions{Recipients: keys.Wrapper(id.Recipient())})
	a := takeApart(t, b.Buf.Bytes())
	c := open(t, b.Buf.Bytes(), id).Ciphers
	sealed := func(number int, p []byte) []byte {
		w := wire.NewWriter()
		index.AppendSealedHead(w, int64(number), len(p)+seal.Overhead)
		return append(bytes.Clone(w.Written()), c.Seal(index.FrameDomain, uint64(number), p)...)
	}
	plain := func(i int) []byte {
		p, err := index.OpenSealed(bytes.Clone(a.body[i]), c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	// renumber seals the frames from i on again, under the numbers that follow.
	renumber := func(body [][]byte, i, from int) [][]byte {
		for ; from < len(a.body); from++ {
			body = append(body, sealed(i, plain(from)))
			i++
		}
		return body
	}
	open3 := plain(3)
	for name, body := range map[string][][]byte{
		"an empty one":      renumber(append(a.body[:3:3], sealed(2, nil)), 3, 3),
		"one in two":        renumber(append(a.body[:3:3], sealed(2, open3[:5]), sealed(3, open3[5:])), 4, 4),
		"a number left out": renumber(a.body[:3:3], 3, 3),
		"two in one":        renumber(append(a.body[:3:3], sealed(2, append(bytes.Clone(open3), plain(4)...))), 3, 5),
	} {
		s := a
		s.body = body
		p := s.forge(t, segmentFrames)
		if _, _, err := scan(bytes.NewReader(p), id); !isDamage(err) {
			t.Errorf("%s: Scanner: %v", name, err)
		}
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Identities: keys.Opener(id)})
		if err == nil {
			err = r.Verify(t.Context(), VerifyOptions{Level: Content})
		}
		if !isDamage(err) {
			t.Errorf("%s: Verify: %v", name, err)
		}
	}
}

// A file may end in many trailers that all name a large root: it is read once.
func TestManyTrailers(t *testing.T) {
	p := make([]byte, 1<<20)
	for at := len(p) - index.TrailerSize; at > len(p)-index.TailSize; at -= 32 {
		copy(p[at:], index.Trailer{Root: index.Extent{Len: 1 << 19}, Magic: index.ArchiveMagic}.Append(nil))
	}
	src := &rangeRecorder{Reader: bytes.NewReader(p)}
	if _, err := NewReader(src, int64(len(p)), Options{}); !isDamage(err) || len(src.reads) > 2 {
		t.Errorf("%d reads, %v", len(src.reads), err)
	}
}
