package stage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
)

func TestRoundTrips(t *testing.T) {
	inputs := map[string][]byte{
		"empty": {}, "one byte": {1}, "one zero": {0}, "zeros": make([]byte, 3<<20), "mixed": content(1 << 20),
	}
	for name, in := range inputs {
		for _, cut := range []string{chunker.FixedV1, chunker.FastCDCv1} {
			for _, enc := range []string{codec.None, codec.Zstd, codec.LZ4, codec.S2} {
				for _, order := range []string{"plain", "dedup", "dedup last", "twice"} {
					t.Run(fmt.Sprint(name, " ", cut, " ", enc, " ", order), func(t *testing.T) {
						compress := encoding(CompressOptions{Codec: enc, Threads: 2})
						stages := map[string][]filter{
							"plain":      {compress},
							"dedup":      {dropping(), compress},
							"dedup last": {compress, dropping()},
							"twice":      {dropping(), compress, dropping(), encoding(CompressOptions{Codec: codec.S2, Block: 100000, Threads: 2})},
						}[order]
						p := pipe(t, in, append([]filter{cutting(ChunkOptions{Chunker: chunker.Options{Name: cut}, Threads: 2})}, stages...)...)
						if got := pipe(t, p, restoring(CatOptions{Threads: 2})); !bytes.Equal(got, in) {
							t.Error("the stream restores to something else")
						}
						sealed := pipe(t, p, sealing())
						if !bytes.Equal(restore(t, sealed), in) {
							t.Error("the archive restores to something else")
						}
						if got := pipe(t, sealed, restoring(CatOptions{})); !bytes.Equal(got, in) {
							t.Error("the archive from front to back restores to something else")
						}
						if !bytes.Equal(pipe(t, sealed, unsealing(), sealing()), sealed) {
							t.Error("unseal and seal gave another archive")
						}
						if got := pipe(t, sealed, decompressing(2), restoring(CatOptions{})); !bytes.Equal(got, in) {
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
	in := content(4 << 20)
	build := func(threads int, wrap func(io.Reader) io.Reader) []byte {
		wrapped := func(f filter) filter {
			return func(dst io.Writer, src io.Reader) error { return f(dst, wrap(src)) }
		}
		return pipe(t, in, wrapped(cutting(ChunkOptions{Threads: threads, Digests: []string{"sha256", "blake3"}})), wrapped(dropping()),
			wrapped(encoding(CompressOptions{Threads: threads})), wrapped(sealing()))
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
	disk, memory := content(500000), content(300000)[1000:]
	var buf bytes.Buffer
	_, err := Chunk(t.Context(), &buf, []Source{ReaderSource("disk", bytes.NewReader(disk)), ReaderSource("memory", bytes.NewReader(memory))}, ChunkOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	p := pipe(t, buf.Bytes(), dropping(), encoding(CompressOptions{Threads: 2}))
	sealed := pipe(t, p, sealing())
	for name, want := range map[string][]byte{"disk": disk, "memory": memory} {
		var got bytes.Buffer
		out := NewPlainOutput(&got)
		if err := Cat(t.Context(), out, openArchive(t, sealed), CatOptions{Stream: name}); err != nil {
			t.Fatal(err)
		}
		out.Flush()
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("archive: %s is something else", name)
		}
		for _, in := range [][]byte{p, sealed} {
			if got := pipe(t, in, restoring(CatOptions{Stream: name, Threads: 2})); !bytes.Equal(got, want) {
				t.Errorf("stream: %s is something else", name)
			}
			got := pipe(t, in, restoring(CatOptions{Stream: name, Offset: 1234, Length: new(int64(200000))}))
			if !bytes.Equal(got, want[1234:201234]) {
				t.Errorf("stream: a range of %s is something else", name)
			}
		}
	}
	for _, o := range []CatOptions{{}, {Stream: "tape"}} {
		if err := Cat(t.Context(), NewPlainOutput(io.Discard), openArchive(t, sealed), o); !errors.Is(err, ErrChoose) {
			t.Errorf("stream %q: %v", o.Stream, err)
		}
		if err := restoring(o)(io.Discard, bytes.NewReader(p)); !errors.Is(err, ErrChoose) {
			t.Errorf("stream %q from front to back: %v", o.Stream, err)
		}
	}
}

func TestDigestsAreStoredAndChecked(t *testing.T) {
	in := content(300000)
	p := pipe(t, in, cutting(ChunkOptions{Digests: []string{"sha256", "blake3"}}), sealing())
	r := openArchive(t, p)
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
	if err := cutting(ChunkOptions{Digests: []string{"md5"}})(io.Discard, bytes.NewReader(in)); err == nil {
		t.Error("an unknown digest was taken")
	}
}
