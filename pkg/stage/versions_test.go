package stage

import (
	"bytes"
	"context"
	"fmt"
	"hexz/pkg/archive"
	"hexz/pkg/stream"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// versions returns n versions of a content, each with some other bytes than the one before.
func versions(n int) [][]byte {
	rng := rand.New(rand.NewPCG(4, 4))
	p := content(600 << 10)
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

// thinChain packs each version with the one before as parent, into files of dir.
func thinChain(t *testing.T, dir string, list [][]byte) (paths []string) {
	t.Helper()
	for i, p := range list {
		var o DedupOptions
		if i > 0 {
			parent, err := OpenParent(nil, paths[i-1], nil)
			if err != nil {
				t.Fatal(err)
			}
			defer parent.Close()
			o.Parents = []Parent{parent}
		}
		sealed := pipe(t, p, cutting(ChunkOptions{}), droppingKnown(o), encoding(CompressOptions{}), sealing())
		path := filepath.Join(dir, fmt.Sprintf("v%d.hxz", i))
		if err := os.WriteFile(path, sealed, 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// asParent is r as a parent of Dedup.
func asParent(r *archive.Reader) []Parent { return []Parent{{Index: r.Index, Hint: "parent.hxz"}} }

// thinOn is p as a stream that refers to parent.
func thinOn(t testing.TB, parent *archive.Reader, p []byte, o ChunkOptions) []byte {
	t.Helper()
	return pipe(t, p, cutting(o), droppingKnown(DedupOptions{Parents: asParent(parent)}))
}

// changing passes on a stream with its tenth entry of a kind changed.
func changing(kind stream.EntryKind, change func(*stream.Entry)) filter {
	return func(dst io.Writer, src io.Reader) error {
		out := newOutput(dst, "", nil)
		n := 0
		return eachFrame(context.Background(), archive.NewScanner(src), nil, func(f stream.Frame) error {
			switch f := f.(type) {
			case *stream.Segment:
				for i := range f.Entries {
					if e := &f.Entries[i]; e.Kind == kind {
						if n++; n == 10 {
							change(e)
						}
					}
				}
			case *stream.Close:
				return out.CloseStream(f.Digests)
			case *stream.End:
				return out.End(nil)
			}
			return out.Write(f)
		})
	}
}

// library is a set of archives that find each other.
type library map[archive.Hash][]byte

func (l library) find(want *stream.Parent) iter.Seq2[archive.Copy, error] {
	return func(yield func(archive.Copy, error) bool) {
		if p, ok := l[want.ID]; ok {
			yield(copyOf(p), nil)
			return
		}
		yield(archive.Copy{}, &archive.MissingError{Parents: []stream.Parent{*want}})
	}
}

// copyOf is an archive in memory.
func copyOf(p []byte) archive.Copy {
	return archive.Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))}
}

// yielding finds the same for every parent.
func yielding(c archive.Copy, err error) archive.FindFunc {
	return func(*stream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) { yield(c, err) }
	}
}

// open opens an archive and takes it in.
func (l library) open(t testing.TB, p []byte) *archive.Reader {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2, Find: l.find})
	if err != nil {
		t.Fatal(err)
	}
	l[r.ID()] = p
	return r
}

func (l library) content(t testing.TB, r *archive.Reader, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	out := NewPlainOutput(&buf)
	if err := Cat(t.Context(), out, r, CatOptions{Stream: name, Threads: 2}); err != nil {
		t.Fatal(err)
	}
	out.Flush()
	return buf.Bytes()
}

// edited returns p with some bytes changed, put in or left out all over.
func edited(seed uint64, p []byte) []byte {
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

// unlike returns n bytes in which no chunk is like another.
func unlike(seed byte, n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	for i := range p {
		p[i] = "0123456789abcdef"[p[i]&15] // which a codec makes smaller
	}
	return p
}

// verify opens and verifies an archive.
func (l library) verify(t testing.TB, p []byte) error {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Find: l.find})
	if err != nil {
		t.Fatal(err)
	}
	return r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content})
}
