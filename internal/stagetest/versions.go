package stagetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Versions returns n versions of a content. Each has some bytes that differ from the version
// before.
func Versions(n int) [][]byte {
	rng := rand.New(rand.NewPCG(4, 4))
	p := Content(600 << 10)
	list := [][]byte{p}
	for len(list) < n {
		p = bytes.Clone(p)
		for range 3 {
			at := rng.IntN(len(p) - 5000)
			rand.NewChaCha8([32]byte{byte(len(list)), byte(at)}).Read(p[at : at+5000])
		}
		list = append(list, p)
	}
	return list
}

// ThinChain packs each version with the one before as its parent, into files of dir.
func ThinChain(t *testing.T, dir string, list [][]byte) (paths []string) {
	t.Helper()
	for i, p := range list {
		var o stage.DedupOptions
		if i > 0 {
			parent, err := parents.Open(nil, paths[i-1], nil)
			if err != nil {
				t.Fatal(err)
			}
			defer parent.Close()
			f := &parents.Finder{Beside: dir}
			defer f.Close()
			o.Parents, o.Find = []parents.Parent{parent}, f.Index
		}
		sealed := Pipe(t, p, Cutting(stage.ChunkOptions{}), DroppingKnown(o), Encoding(stage.CompressOptions{}), Sealing())
		path := filepath.Join(dir, fmt.Sprintf("v%d.hxz", i))
		if err := os.WriteFile(path, sealed, 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// AsParent returns r as a parent for Dedup.
func AsParent(r *archive.Reader) []parents.Parent {
	return []parents.Parent{{Index: r.Index, Hint: "parent.hxz"}}
}

// ThinOn packs p into a stream that refers to parent.
func ThinOn(t testing.TB, parent *archive.Reader, p []byte, o stage.ChunkOptions) []byte {
	t.Helper()
	return Pipe(t, p, Cutting(o), DroppingKnown(stage.DedupOptions{Parents: AsParent(parent)}))
}

// Changing passes on a stream and changes its tenth entry of a kind.
func Changing(kind stream.EntryKind, change func(*stream.Entry)) Filter {
	return func(dst io.Writer, src io.Reader) error {
		out := flow.NewWriter(dst, "", nil)
		n := 0
		for f, err := range flow.Frames(context.Background(), archive.NewScanner(src, nil), nil) {
			if err != nil {
				return err
			}
			switch f := f.(type) {
			case *stream.Segment:
				for i := range f.Entries {
					if e := &f.Entries[i]; e.Kind == kind {
						if n++; n == 10 {
							change(e)
						}
					}
				}
				err = out.Write(f)
			case *stream.Close:
				err = out.CloseStream(f.Digests)
			case *stream.End:
				err = out.End(nil)
			default:
				err = out.Write(f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// Library is a set of archives that can find each other.
type Library map[index.Hash][]byte

func (l Library) Find(want *stream.Parent) iter.Seq2[archive.Copy, error] {
	return func(yield func(archive.Copy, error) bool) {
		if p, ok := l[want.ID]; ok {
			yield(CopyOf(p), nil)
			return
		}
		yield(archive.Copy{}, &archive.MissingError{Parents: []stream.Parent{*want}})
	}
}

// CopyOf returns an archive in memory.
func CopyOf(p []byte) archive.Copy {
	return archive.Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))}
}

// Yielding returns the same copy for every parent.
func Yielding(c archive.Copy, err error) archive.FindFunc {
	return func(*stream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) { yield(c, err) }
	}
}

// Open opens an archive and adds it to l.
func (l Library) Open(t testing.TB, p []byte) *archive.Reader {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2, Find: l.Find})
	if err != nil {
		t.Fatal(err)
	}
	l[r.ID()] = p
	return r
}

// Index finds the index of a parent, for Dedup.
func (l Library) Index(want *stream.Parent) (*index.Index, error) {
	p, ok := l[want.ID]
	if !ok {
		return nil, archive.ErrParent
	}
	return index.OpenAny(bytes.NewReader(p), int64(len(p)), nil)
}

func (l Library) Content(t testing.TB, r *archive.Reader, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	out := restore.NewPlainOutput(&buf)
	if err := restore.Archive(t.Context(), out, r, restore.Options{Stream: name, Threads: 2}); err != nil {
		t.Fatal(err)
	}
	out.Flush()
	return buf.Bytes()
}

// Edited returns p with some bytes changed, inserted or removed all over.
func Edited(seed uint64, p []byte) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	var q []byte
	for len(p) > 0 {
		n := min(1+rng.IntN(6000), len(p))
		q = append(q, p[:n]...)
		p = p[n:]
		switch rng.IntN(3) {
		case 0:
			q = append(q, "put in"...)
		case 1:
			p = p[min(len(p), rng.IntN(9)):]
		case 2:
			q = append(q, byte(rng.Uint32()))
			p = p[min(len(p), 1):]
		}
	}
	return q
}

// Unlike returns n bytes in which no chunk is similar to another.
func Unlike(seed byte, n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	for i := range p {
		p[i] = "0123456789abcdef"[p[i]&15] // a codec can compress these digits
	}
	return p
}

// Verify opens and verifies an archive.
func (l Library) Verify(t testing.TB, p []byte) error {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Find: l.Find})
	if err != nil {
		t.Fatal(err)
	}
	return r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content})
}
