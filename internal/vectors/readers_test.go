package vectors

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// file is a file with all that its readers need.
type file struct {
	row
	bytes    []byte
	ids      seal.Opener // nil if no key is needed
	find     archive.FindFunc
	contents map[string][]byte // by their digests
}

// each runs a test for each file. Contents come from the archives that are sound.
func each(t *testing.T, test func(t *testing.T, f *file)) {
	rows := load(t)
	find := &parents.Finder{Beside: dir}
	t.Cleanup(find.Close)
	var files []*file
	contents := map[string][]byte{}
	for _, r := range rows {
		f := &file{r, read(t, r.File), identities(t, &r), find.Find, contents}
		files = append(files, f)
		if r.Verdict == "ok" {
			for no, s := range r.Streams {
				if p := must(f.restore(t, no)); sum(p) == s.Hash {
					contents[s.Hash] = p
				} else {
					t.Errorf("%s, %q: the content has the digest %s", r.File, s.Name, sum(p))
				}
			}
		}
	}
	for _, f := range files {
		t.Run(f.File, func(t *testing.T) { test(t, f) })
	}
}

// must returns the value of a call that must not fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// identities returns what opens an encrypted archive, or nil.
func identities(t *testing.T, r *row) seal.Opener {
	var ids []age.Identity
	var err error
	switch {
	case r.Identity != "":
		ids, err = keys.ParseIdentities(bytes.NewReader(read(t, r.Identity)), nil)
	case r.Passphrase != "":
		var id age.Identity
		id, err = keys.PassphraseIdentity(bytes.TrimSpace(read(t, r.Passphrase)))
		ids = []age.Identity{id}
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys.Opener(ids...)
}

func (f *file) open(ids seal.Opener) (*archive.Reader, error) {
	return archive.NewReader(bytes.NewReader(f.bytes), int64(len(f.bytes)), archive.Options{Identities: ids, Find: f.find})
}

// restore restores a stream at random access, and returns what came out even if it fails.
func (f *file) restore(t *testing.T, no int) ([]byte, error) {
	r, err := f.open(f.ids)
	if err != nil {
		return nil, err
	}
	var got bytes.Buffer
	out := restore.NewPlainOutput(&got)
	err = r.Restore(t.Context(), no, out, archive.RestoreOptions{Threads: 2})
	err = errors.Join(err, out.Flush())
	return got.Bytes(), err
}

// code returns the exit code for an error of a reader; cut is that of an input that is cut short.
func code(err error, cut int) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, stream.ErrTruncated):
		return cut
	case errors.Is(err, stream.ErrCorrupt):
		return 3
	case errors.Is(err, index.ErrUnsigned):
		return 5
	case errors.As(err, new(*codec.UnknownError)):
		return 6
	}
	return 1
}

func (f *file) verify(t *testing.T, ids seal.Opener, level archive.Level) error {
	r, err := f.open(ids)
	if err != nil {
		return err
	}
	return r.Verify(t.Context(), archive.VerifyOptions{Level: level, Threads: 2})
}

// TestVerify compares the verdict of the check of all content with the table. What is sound, or lacks
// only something that is elsewhere, passes the lower levels, without a key.
func TestVerify(t *testing.T) {
	each(t, func(t *testing.T, f *file) {
		if err := f.verify(t, f.ids, archive.Content); code(err, 3) != f.Verify {
			t.Errorf("content: %v", err)
		}
		for _, level := range []archive.Level{archive.Structure, archive.Stored} {
			err := f.verify(t, nil, level)
			if f.Verify != 3 && err != nil {
				t.Errorf("level %d without a key: %v", level, err)
			} else if c := code(err, 3); c != 0 && c != 3 {
				t.Errorf("level %d of what is damaged: %v", level, err)
			}
		}
		if f.ids != nil && f.Of == "" {
			if err := f.verify(t, nil, archive.Content); !errors.As(err, new(*index.LockedError)) {
				t.Errorf("content without a key: %v", err)
			}
		}
	})
}

// TestInfo compares what the index says with the table: id, streams, signatures, and the rest of an
// interrupted append.
func TestInfo(t *testing.T) {
	var public []string
	for _, r := range load(t) {
		public = append(public, r.SignedBy...)
	}
	each(t, func(t *testing.T, f *file) {
		r, err := f.open(f.ids)
		if err != nil || f.Verify == 3 {
			return
		}
		if r.ID().String() != f.ID || r.Torn() != (f.Verdict == "torn") || r.Encrypted() != (f.ids != nil) {
			t.Errorf("id %v, torn %v, encrypted %v", r.ID(), r.Torn(), r.Encrypted())
		}
		if len(r.Info().Parents) != len(f.Parents) && f.Verdict != "parent" {
			t.Errorf("%d parents", len(r.Info().Parents))
		}
		f.compareStreams(t, r.Info())
		for _, name := range public {
			key := must(seal.ParsePublicKey(read(t, name)))
			want := 5
			if strings.Contains(strings.Join(f.SignedBy, " "), name) {
				want = 0
			}
			if err := r.Demand([]seal.PublicKey{key}); code(err, 3) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func (f *file) compareStreams(t *testing.T, info *index.Info) {
	t.Helper()
	if len(info.Streams) != len(f.Streams) {
		t.Fatalf("%d streams", len(info.Streams))
	}
	for i, s := range info.Streams {
		if s.Name != f.Streams[i].Name || s.Size != f.Streams[i].Size {
			t.Errorf("stream %q of %d bytes", s.Name, s.Size)
		}
	}
}

// right reports an error unless got is what a reader may hand out that ended with err.
func (f *file) right(t *testing.T, s *content, got []byte, err error, readable bool) {
	t.Helper()
	want, ok := f.contents[s.Hash]
	switch {
	case !ok:
		t.Fatalf("%q: no sound archive has this content", s.Name)
	case readable && err != nil:
		t.Errorf("%q: %v", s.Name, err)
	case !bytes.HasPrefix(want, got) || err == nil && len(got) < len(want):
		t.Errorf("%q: wrong bytes, %d of %d (%v)", s.Name, len(got), len(want), err)
	}
}

// TestRestore restores each stream from a file, and reads parts of it at random.
func TestRestore(t *testing.T) {
	each(t, func(t *testing.T, f *file) {
		readable := verdicts[f.Verdict].whole
		for no := range f.Streams {
			got, err := f.restore(t, no)
			f.right(t, &f.Streams[no], got, err, readable)
			if r, err := f.open(f.ids); err == nil {
				f.readAt(t, r, no, readable)
			}
		}
	})
}

// readAt reads parts of a stream at random. A part may be had from a damaged archive.
func (f *file) readAt(t *testing.T, r *archive.Reader, no int, readable bool) {
	t.Helper()
	want := f.contents[f.Streams[no].Hash]
	rng := rand.New(rand.NewPCG(1, uint64(no)))
	for range 30 {
		off := rng.IntN(len(want) + 1)
		p := make([]byte, rng.IntN(1<<rng.IntN(14)))
		n, err := r.ReadAt(no, p, int64(off))
		if readable && err != nil && !(errors.Is(err, io.EOF) && off+n == len(want)) {
			t.Errorf("%d bytes at %d: %v", len(p), off, err)
		}
		if !bytes.HasPrefix(want[off:], p[:n]) || err == nil && n < len(p) {
			t.Errorf("%d bytes at %d: %d wrong ones (%v)", len(p), off, n, err)
		}
	}
}

// TestPipe restores each stream as from a pipe.
func TestPipe(t *testing.T) {
	each(t, func(t *testing.T, f *file) {
		for i := range f.Streams {
			s := &f.Streams[i]
			var got bytes.Buffer
			out := restore.NewPlainOutput(&got)
			err := restore.Stream(t.Context(), out, io.MultiReader(bytes.NewReader(f.bytes)), restore.Options{
				Stream: s.Name, Identities: f.ids, Find: f.find,
			})
			if err == nil {
				err = out.Flush()
			}
			if code(err, 4) != f.Pipe {
				t.Errorf("%q: %v", s.Name, err)
			}
			f.right(t, s, got.Bytes(), err, f.Pipe == 0)
		}
	})
}
