package stage

import (
	"bytes"
	"context"
	"hexz/internal/contenttest"
	"hexz/pkg/archive"
	"io"
	"os"
	"testing"

	"filippo.io/age"
)

// content returns n bytes with text, noise, repetitions and zeros.
func content(n int) []byte { return contenttest.Bytes(n, 2) }

// filter is a stage with its options.
type filter func(dst io.Writer, src io.Reader) error

func cutting(o ChunkOptions) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Chunk(context.Background(), dst, []Source{ReaderSource("disk", src)}, o)
		return err
	}
}

func dropping() filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Dedup(context.Background(), dst, src, DedupOptions{})
		return err
	}
}

func droppingKnown(o DedupOptions) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Dedup(context.Background(), dst, src, o)
		return err
	}
}

func encoding(o CompressOptions) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Compress(context.Background(), dst, src, o)
		return err
	}
}

func decompressing(threads int) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Decompress(context.Background(), dst, src, DecompressOptions{Threads: threads})
		return err
	}
}

func sealing() filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Seal(context.Background(), dst, src, SealOptions{})
		return err
	}
}

func unsealing() filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Unseal(context.Background(), dst, src, UnsealOptions{})
		return err
	}
}

func restoring(o CatOptions) filter {
	return func(dst io.Writer, src io.Reader) error {
		out := NewPlainOutput(dst)
		err := CatStream(context.Background(), out, src, o)
		if err == nil {
			err = out.Flush()
		}
		return err
	}
}

// pipe sends p through filters one after the other.
func pipe(t testing.TB, p []byte, filters ...filter) []byte {
	t.Helper()
	for i, f := range filters {
		var buf bytes.Buffer
		if err := f(&buf, bytes.NewReader(p)); err != nil {
			t.Fatalf("stage %d: %v", i, err)
		}
		p = buf.Bytes()
	}
	return p
}

func openArchive(t testing.TB, p []byte) *archive.Reader {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// restore restores the only stream of an archive by random access.
func restore(t testing.TB, p []byte) []byte {
	t.Helper()
	r := openArchive(t, p)
	if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content, Threads: 2}); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	var buf bytes.Buffer
	out := NewPlainOutput(&buf)
	if err := Cat(t.Context(), out, r, CatOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	out.Flush()
	return buf.Bytes()
}

// openFile opens the archive at path.
func openFile(t testing.TB, path string, find archive.FindFunc, ids ...age.Identity) *archive.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, _ := f.Stat()
	r, err := archive.NewReader(f, info.Size(), archive.Options{Find: find, Identities: ids})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
func patchingBy(o DeltaOptions) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Delta(context.Background(), dst, src, o)
		return err
	}
}

func flatteningAll(find archive.FindFunc, threads int) filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := Unseal(context.Background(), dst, src, UnsealOptions{Flatten: true, Find: find, Threads: threads})
		return err
	}
}
