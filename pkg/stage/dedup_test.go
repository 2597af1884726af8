package stage_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/restore"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

func TestDedupWithLittleMemory(t *testing.T) {
	noise := make([]byte, 24<<20)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	in := append(noise, noise...) // every chunk of the second half came before
	chunks := stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 128}, Threads: 2}))
	run := func(limit int64) (*flow.Stats, []string) {
		var out bytes.Buffer
		var notes []string
		stats, err := stage.Dedup(t.Context(), &out, bytes.NewReader(chunks), stage.DedupOptions{MaxMemory: limit, Note: func(s string) { notes = append(notes, s) }})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stagetest.Pipe(t, out.Bytes(), stagetest.Restoring(restore.Options{})), in) {
			t.Fatal("restored to something else")
		}
		return stats, notes
	}
	all, notes := run(0)
	if all.Ref.N != 192<<10 || len(notes) != 0 {
		t.Errorf("without a limit: %d references, %q", all.Ref.N, notes)
	}
	same, notes := run(4 << 20)
	if same.Ref.N != all.Ref.N || len(notes) != 0 {
		t.Errorf("with 4 MiB: %d references, %q", same.Ref.N, notes)
	}
	some, notes := run(1)
	if some.Ref.N < all.Ref.N*99/100 || some.Ref.N > all.Ref.N || len(notes) != 1 {
		t.Errorf("with 1 MiB: %d references, %q", some.Ref.N, notes)
	}
}

// Through pipes the kernel moves the payloads; the stream is the same.
func TestDedupThroughPipes(t *testing.T) {
	in := stagetest.Content(3 << 20)
	for name, chunks := range map[string][]byte{
		"raw":     stagetest.Pipe(t, append(in, in...), stagetest.Cutting(stage.ChunkOptions{})),
		"encoded": stagetest.Pipe(t, append(in, in...), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Encoding(stage.CompressOptions{Block: 50000})),
		"archive": stagetest.Pipe(t, append(in, in...), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing()),
	} {
		want := stagetest.Pipe(t, chunks, stagetest.Dropping())
		for _, cut := range []int{len(chunks), len(chunks) - 1, len(chunks) / 2, 3000} {
			inR, inW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			outR, outW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			inR.Fd() // os.Pipe's ends do not wait, unlike those that a shell makes
			outW.Fd()
			go func() {
				inW.Write(chunks[:cut])
				inW.Close()
			}()
			done := make(chan error, 1)
			go func() {
				_, err := stage.Dedup(t.Context(), outW, inR, stage.DedupOptions{})
				outW.Close()
				done <- err
			}()
			got, err := io.ReadAll(outR)
			if err != nil {
				t.Fatal(err)
			}
			err = <-done
			if cut == len(chunks) && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("%s: other bytes, %v", name, err)
			}
			if cut < len(chunks) {
				if !errors.Is(err, stream.ErrTruncated) {
					t.Errorf("%s cut to %d: %v", name, cut, err)
				}
				if err := stagetest.Sealing()(io.Discard, bytes.NewReader(got)); err == nil {
					t.Errorf("%s cut to %d was sealed", name, cut)
				}
			}
			inR.Close()
			outR.Close()
		}
	}
}

// The base of a patch does not become a reference to a parent.
func TestDedupBehindDelta(t *testing.T) {
	old := stagetest.Unlike(22, 200<<10)
	p := slices.Concat(old, stagetest.Unlike(23, 2<<20), stagetest.Edited(1, old))
	patched := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.PatchingBy(similar.Options{Self: true}))
	parent := func(p []byte) stage.DedupOptions {
		return stage.DedupOptions{Parents: stagetest.AsParent(stagetest.OpenArchive(t, stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing())))}
	}
	_, err := stage.Dedup(t.Context(), io.Discard, bytes.NewReader(patched), parent(old))
	if !errors.Is(err, stage.ErrBaseDropped) {
		t.Errorf("the parent has the bases: %v", err)
	}
	if got := stagetest.Restore(t, stagetest.Pipe(t, patched, stagetest.DroppingKnown(parent(stagetest.Unlike(24, 50<<10))), stagetest.Sealing())); !bytes.Equal(got, p) {
		t.Error("the parent has none of the bases, and something else came out")
	}
}
