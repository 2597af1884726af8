package stage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
)

func TestRoundTrips(t *testing.T) {
	inputs := map[string][]byte{
		"empty": {}, "one byte": {1}, "one zero": {0}, "zeros": make([]byte, 3<<20), "mixed": stagetest.Content(1 << 20),
	}
	for name, in := range inputs {
		for _, cut := range []string{chunker.FixedV1, chunker.FastCDCv1} {
			for _, enc := range []string{codec.None, codec.Zstd, codec.LZ4, codec.S2} {
				for _, order := range []string{"plain", "dedup", "dedup last", "twice"} {
					t.Run(fmt.Sprint(name, " ", cut, " ", enc, " ", order), func(t *testing.T) {
						compress := stagetest.Encoding(stage.CompressOptions{Codec: enc, Threads: 2})
						stages := map[string][]stagetest.Filter{
							"plain":      {compress},
							"dedup":      {stagetest.Dropping(), compress},
							"dedup last": {compress, stagetest.Dropping()},
							"twice":      {stagetest.Dropping(), compress, stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Codec: codec.S2, Block: 100000, Threads: 2})},
						}[order]
						p := stagetest.Pipe(t, in, append([]stagetest.Filter{stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Name: cut}, Threads: 2})}, stages...)...)
						if got := stagetest.Pipe(t, p, stagetest.Restoring(restore.Options{Threads: 2})); !bytes.Equal(got, in) {
							t.Error("the stream restores to something else")
						}
						sealed := stagetest.Pipe(t, p, stagetest.Sealing())
						if !bytes.Equal(stagetest.Restore(t, sealed), in) {
							t.Error("the archive restores to something else")
						}
						if got := stagetest.Pipe(t, sealed, stagetest.Restoring(restore.Options{})); !bytes.Equal(got, in) {
							t.Error("the archive from front to back restores to something else")
						}
						if !bytes.Equal(stagetest.Pipe(t, sealed, stagetest.Unsealing(), stagetest.Sealing()), sealed) {
							t.Error("unseal and seal gave another archive")
						}
						if got := stagetest.Pipe(t, sealed, stagetest.Decompressing(2), stagetest.Restoring(restore.Options{})); !bytes.Equal(got, in) {
							t.Error("decompressed it restores to something else")
						}
					})
				}
			}
		}
	}
}

// The same input and options give the same bytes, whatever the number of threads and the
// sizes of reads.
func TestSameBytes(t *testing.T) {
	in := stagetest.Content(4 << 20)
	build := func(threads int, wrap func(io.Reader) io.Reader) []byte {
		wrapped := func(f stagetest.Filter) stagetest.Filter {
			return func(dst io.Writer, src io.Reader) error { return f(dst, wrap(src)) }
		}
		return stagetest.Pipe(t, in, wrapped(stagetest.Cutting(stage.ChunkOptions{Threads: threads, Digests: []string{"sha256", "blake3"}})), wrapped(stagetest.Dropping()),
			wrapped(stagetest.Encoding(stage.CompressOptions{Threads: threads})), wrapped(stagetest.Sealing()))
	}
	want := build(1, func(r io.Reader) io.Reader { return r })
	for _, threads := range []int{0, 2, 7} {
		if !bytes.Equal(build(threads, func(r io.Reader) io.Reader { return r }), want) {
			t.Errorf("%d threads gave another archive", threads)
		}
	}
	if !bytes.Equal(build(2, iotest.OneByteReader), want) {
		t.Error("reads of one byte gave another archive")
	}
}

func TestSeveralStreams(t *testing.T) {
	disk, memory := stagetest.Content(500000), stagetest.Content(300000)[1000:]
	var buf bytes.Buffer
	_, err := stage.Chunk(t.Context(), &buf, []stage.Source{stage.ReaderSource("disk", bytes.NewReader(disk)), stage.ReaderSource("memory", bytes.NewReader(memory))}, stage.ChunkOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	p := stagetest.Pipe(t, buf.Bytes(), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{Threads: 2}))
	sealed := stagetest.Pipe(t, p, stagetest.Sealing())
	for name, want := range map[string][]byte{"disk": disk, "memory": memory} {
		var got bytes.Buffer
		out := restore.NewPlainOutput(&got)
		if err := restore.Archive(t.Context(), out, stagetest.OpenArchive(t, sealed), restore.Options{Stream: name}); err != nil {
			t.Fatal(err)
		}
		out.Flush()
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("archive: %s is something else", name)
		}
		for _, in := range [][]byte{p, sealed} {
			if got := stagetest.Pipe(t, in, stagetest.Restoring(restore.Options{Stream: name, Threads: 2})); !bytes.Equal(got, want) {
				t.Errorf("stream: %s is something else", name)
			}
			got := stagetest.Pipe(t, in, stagetest.Restoring(restore.Options{Stream: name, Offset: 1234, Length: new(int64(200000))}))
			if !bytes.Equal(got, want[1234:201234]) {
				t.Errorf("stream: a range of %s is something else", name)
			}
		}
	}
	for _, o := range []restore.Options{{}, {Stream: "tape"}} {
		if err := restore.Archive(t.Context(), restore.NewPlainOutput(io.Discard), stagetest.OpenArchive(t, sealed), o); !errors.Is(err, restore.ErrChoose) {
			t.Errorf("stream %q: %v", o.Stream, err)
		}
		if err := stagetest.Restoring(o)(io.Discard, bytes.NewReader(p)); !errors.Is(err, restore.ErrChoose) {
			t.Errorf("stream %q from front to back: %v", o.Stream, err)
		}
	}
}

func TestDigestsAreStoredAndChecked(t *testing.T) {
	in := stagetest.Content(300000)
	p := stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{Digests: []string{"sha256", "blake3"}}), stagetest.Sealing())
	r := stagetest.OpenArchive(t, p)
	for name, want := range r.Info().Streams[0].Digests {
		h := archive.NewDigest(name)
		h.Write(in)
		if !bytes.Equal(h.Sum(nil), want) {
			t.Errorf("%s is %x", name, want)
		}
	}
	if len(r.Info().Streams[0].Digests) != 2 {
		t.Error("not two digests")
	}
	if err := stagetest.Cutting(stage.ChunkOptions{Digests: []string{"md5"}})(io.Discard, bytes.NewReader(in)); err == nil {
		t.Error("an unknown digest was taken")
	}
}
