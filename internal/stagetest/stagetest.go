package stagetest

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"filippo.io/age"

	"hexz/internal/contenttest"
	"hexz/pkg/archive"
	"hexz/pkg/keys"
	"hexz/pkg/restore"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
)

// Content returns n bytes with text, noise, repetitions and zeros.
func Content(n int) []byte { return contenttest.Bytes(n, 2) }

// Filter is a stage with its options.
type Filter func(dst io.Writer, src io.Reader) error

func Cutting(o stage.ChunkOptions) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Chunk(context.Background(), dst, []stage.Source{stage.ReaderSource("disk", src)}, o)
		return err
	}
}

func Dropping() Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Dedup(context.Background(), dst, src, stage.DedupOptions{})
		return err
	}
}

func DroppingKnown(o stage.DedupOptions) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Dedup(context.Background(), dst, src, o)
		return err
	}
}

func Encoding(o stage.CompressOptions) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Compress(context.Background(), dst, src, o)
		return err
	}
}

func Decompressing(threads int) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Decompress(context.Background(), dst, src, stage.DecompressOptions{Threads: threads})
		return err
	}
}

func Sealing() Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Seal(context.Background(), dst, src, stage.SealOptions{})
		return err
	}
}

func Unsealing() Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Unseal(context.Background(), dst, src, stage.UnsealOptions{})
		return err
	}
}

func Restoring(o restore.Options) Filter {
	return func(dst io.Writer, src io.Reader) error {
		out := restore.NewPlainOutput(dst)
		err := restore.Stream(context.Background(), out, src, o)
		if err == nil {
			err = out.Flush()
		}
		return err
	}
}

// Pipe sends p through the filters, one after the other.
func Pipe(t testing.TB, p []byte, filters ...Filter) []byte {
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

func OpenArchive(t testing.TB, p []byte) *archive.Reader {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Restore restores the only stream of an archive by random access.
func Restore(t testing.TB, p []byte) []byte {
	t.Helper()
	r := OpenArchive(t, p)
	if err := r.Verify(t.Context(), archive.VerifyOptions{Level: archive.Content, Threads: 2}); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	var buf bytes.Buffer
	out := restore.NewPlainOutput(&buf)
	if err := restore.Archive(t.Context(), out, r, restore.Options{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	out.Flush()
	return buf.Bytes()
}

// OpenFile opens the archive at path.
func OpenFile(t testing.TB, path string, find archive.FindFunc, ids ...age.Identity) *archive.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, _ := f.Stat()
	r, err := archive.NewReader(f, info.Size(), archive.Options{Find: find, Identities: keys.Opener(ids...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
func PatchingBy(o similar.Options) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := similar.Delta(context.Background(), dst, src, o)
		return err
	}
}

func FlatteningAll(find archive.FindFunc, threads int) Filter {
	return func(dst io.Writer, src io.Reader) error {
		_, err := stage.Unseal(context.Background(), dst, src, stage.UnsealOptions{Flatten: true, Find: find, Threads: threads})
		return err
	}
}
