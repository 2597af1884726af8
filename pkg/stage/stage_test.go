package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"hexz/internal/vectortest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// content returns about n bytes with text, noise, repetitions and zeros.
func content(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var p []byte
	for len(p) < n {
		part := make([]byte, 1+rng.IntN(60000))
		switch rng.IntN(4) {
		case 0:
			rand.NewChaCha8([32]byte{byte(rng.IntN(256))}).Read(part)
		case 1:
			for i := range part {
				part[i] = "the quick brown fox "[(i+rng.IntN(2))%20]
			}
		case 2:
			if len(p) > len(part) {
				at := rng.IntN(len(p) - len(part))
				copy(part, p[at:])
			}
		}
		p = append(p, part...)
	}
	return p[:n]
}

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

// Where segments end depends on the chunks alone.
func TestRegroupingForgetsOldSegments(t *testing.T) {
	chunks := pipe(t, content(2<<20), cutting(ChunkOptions{}), dropping())
	want := pipe(t, chunks, encoding(CompressOptions{}), decompressing(1))
	for _, block := range []int{1, 20000, 5 << 20} {
		other := pipe(t, chunks, encoding(CompressOptions{Codec: codec.S2, Block: block}))
		if got := pipe(t, other, encoding(CompressOptions{}), decompressing(1)); !bytes.Equal(got, want) {
			t.Errorf("regrouped from blocks of %d it is another stream", block)
		}
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

func TestDedupWithLittleMemory(t *testing.T) {
	noise := make([]byte, 24<<20)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	in := append(noise, noise...) // every chunk of the second half came before
	chunks := pipe(t, in, cutting(ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 1024}, Threads: 2}))
	run := func(limit int64) (*Stats, []string) {
		var out bytes.Buffer
		var notes []string
		stats, err := Dedup(t.Context(), &out, bytes.NewReader(chunks), DedupOptions{MaxMemory: limit, Note: func(s string) { notes = append(notes, s) }})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pipe(t, out.Bytes(), restoring(CatOptions{})), in) {
			t.Fatal("restored to something else")
		}
		return stats, notes
	}
	all, notes := run(0)
	if all.Ref.N != 24<<10 || len(notes) != 0 {
		t.Errorf("without a limit: %d references, %q", all.Ref.N, notes)
	}
	some, notes := run(1 << 20)
	if some.Ref.N < 10<<10 || some.Ref.N >= all.Ref.N || len(notes) != 1 {
		t.Errorf("with 1 MiB: %d references, %q", some.Ref.N, notes)
	}
}

func TestHolesStayHoles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const mib = 1 << 20
	f.WriteAt(content(100000), 8*mib)
	f.WriteAt(make([]byte, mib), 16*mib)
	f.WriteAt([]byte("end"), 40*mib-3)
	f.Truncate(64 * mib)
	src, err := FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	stats, err := Chunk(t.Context(), &buf, []Source{src}, ChunkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if stats.Hole.Bytes < 50*mib || stats.Zero.Bytes < mib || stats.Bytes != 64*mib {
		t.Errorf("%d bytes of holes, %d of zeros, %d in all", stats.Hole.Bytes, stats.Zero.Bytes, stats.Bytes)
	}
	back, err := os.Create(path + ".back")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	out, err := NewFileOutput(back)
	if err != nil {
		t.Fatal(err)
	}
	if err := Cat(t.Context(), out, openArchive(t, pipe(t, buf.Bytes(), sealing())), CatOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(path)
	got, _ := os.ReadFile(path + ".back")
	if !bytes.Equal(got, want) {
		t.Error("restored to something else")
	}
	for _, at := range []int64{0, 12 * mib, 20 * mib, 50 * mib} {
		start, _, err := dataExtent(back, at)
		if err == nil && start == at {
			t.Errorf("no hole at %d", at)
		}
	}
}

// A sparse file and a full copy of it have the same chunks and the same root.
func TestHolesDoNotMatterToRoots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rng := rand.New(rand.NewPCG(4, 4))
	for range 40 {
		f.WriteAt(content(1+rng.IntN(30000)), int64(rng.IntN(8<<20)))
	}
	f.Truncate(8<<20 + 100)
	src, err := FileSource("disk", f)
	if err != nil {
		t.Fatal(err)
	}
	var sparse bytes.Buffer
	stats, err := Chunk(t.Context(), &sparse, []Source{src}, ChunkOptions{})
	if err != nil || stats.Hole.N < 10 {
		t.Fatalf("%v with %d holes", err, stats.Hole.N)
	}
	p, _ := os.ReadFile(path)
	list := func(p []byte) (chunks []string) {
		_, err := InspectStream(bytes.NewReader(p), InspectOptions{Chunk: func(c ChunkLine) error {
			if c.Kind == "data" {
				chunks = append(chunks, fmt.Sprint(c.Offset, c.Hash))
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return chunks
	}
	full := pipe(t, p, cutting(ChunkOptions{}))
	if a, b := list(sparse.Bytes()), list(full); !slices.Equal(a, b) {
		t.Errorf("%d chunks of the sparse file, %d of the full one", len(a), len(b))
	}
	a, b := openArchive(t, pipe(t, sparse.Bytes(), sealing())), openArchive(t, pipe(t, full, sealing()))
	if a.Info().Streams[0].Root != b.Info().Streams[0].Root {
		t.Error("another root")
	}
}

func TestDictionary(t *testing.T) {
	var in []byte
	rng := rand.New(rand.NewPCG(5, 5))
	for range 8000 { // lines out of 500, which seldom come twice in 4 KiB
		line := rand.New(rand.NewPCG(uint64(rng.IntN(500)), 0))
		in = fmt.Appendf(in, "%x %x %x %d\n", line.Uint64(), line.Uint64(), line.Uint64(), rng.IntN(1000))
	}
	var notes []string
	o := CompressOptions{Block: 4096, TrainDict: 16 << 10, Threads: 2, Note: func(s string) { notes = append(notes, s) }}
	chunks := pipe(t, in, cutting(ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	with := pipe(t, chunks, encoding(o), sealing())
	without := pipe(t, chunks, encoding(CompressOptions{Block: 4096}), sealing())
	if len(with) >= len(without) {
		t.Errorf("%d bytes with a dictionary, %d without: %v", len(with), len(without), notes)
	}
	if !bytes.Equal(restore(t, with), in) {
		t.Error("restored to something else")
	}
	for name, f := range map[string]filter{"cat": restoring(CatOptions{Threads: 2}), "decompress": decompressing(2), "dedup": dropping(), "compress": encoding(CompressOptions{})} {
		p := pipe(t, with, f)
		if name != "cat" {
			p = pipe(t, p, restoring(CatOptions{}))
		}
		if !bytes.Equal(p, in) {
			t.Errorf("%s: something else", name)
		}
	}
	// A dictionary that takes more than it saves is left out, whatever it gains.
	var mixed []byte
	for len(mixed) < 300000 {
		line := rand.New(rand.NewPCG(uint64(rng.IntN(500)), 0))
		mixed = fmt.Appendf(mixed, "%x %x %x\n", line.Uint64(), line.Uint64(), line.Uint64())
		for range 60 {
			mixed = append(mixed, []string{"alpha ", "bravo ", "charlie ", "delta ", "echo ", "foxtrot "}[rng.IntN(6)]...)
		}
	}
	big := CompressOptions{Block: 4096, TrainDict: 64 << 10, Note: o.Note}
	few := pipe(t, mixed, cutting(ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	notes = nil
	if a, b := pipe(t, few, encoding(big)), pipe(t, few, encoding(CompressOptions{Block: 4096})); !bytes.Equal(a, b) {
		t.Errorf("%d bytes with a dictionary, %d without: %q", len(a), len(b), notes)
	}
	// Noise is not worth a dictionary.
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	p := pipe(t, noise, cutting(ChunkOptions{}), encoding(o))
	if !bytes.Equal(p, pipe(t, noise, cutting(ChunkOptions{}), encoding(CompressOptions{Block: 4096}))) {
		t.Error("noise got a dictionary")
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

// Every vector of package stream goes through every stage.
func TestVectors(t *testing.T) {
	filters := map[string]filter{
		"dedup": dropping(), "compress": encoding(CompressOptions{Threads: 2}), "decompress": decompressing(2),
		"seal": sealing(), "unseal": unsealing(), "cat": restoring(CatOptions{Threads: 2, Length: new(int64(1000))}),
		"inspect": func(_ io.Writer, src io.Reader) error {
			_, err := InspectStream(src, InspectOptions{})
			return err
		},
	}
	for _, v := range vectortest.Load(t, "../stream/testdata/vectors") {
		for name, f := range filters {
			var out bytes.Buffer
			err := f(&out, bytes.NewReader(v.Input))
			got := "ok"
			switch {
			case errors.Is(err, ErrChoose) && v.Name == "no-streams":
			case errors.Is(err, stream.ErrCorrupt):
				got = "corrupt"
			case errors.Is(err, stream.ErrTruncated):
				got = "truncated"
			case errors.Is(err, stream.ErrAborted):
				got = "aborted"
			case err != nil:
				got = err.Error()
			}
			if got != v.Expect {
				t.Errorf("%s through %s: %s (%v), want %s", v.Name, name, got, err, v.Expect)
			}
			if v.Expect != "ok" && name == "seal" && archive.HasTrailer(bytes.NewReader(out.Bytes()), int64(out.Len())) {
				t.Errorf("%s: got a trailer", v.Name)
			}
		}
	}
}

// Through pipes the kernel moves the payloads; the stream is the same.
func TestDedupThroughPipes(t *testing.T) {
	in := content(3 << 20)
	for name, chunks := range map[string][]byte{
		"raw":     pipe(t, append(in, in...), cutting(ChunkOptions{})),
		"encoded": pipe(t, append(in, in...), cutting(ChunkOptions{}), encoding(CompressOptions{Block: 50000})),
		"archive": pipe(t, append(in, in...), cutting(ChunkOptions{}), sealing()),
	} {
		want := pipe(t, chunks, dropping())
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
				_, err := Dedup(t.Context(), outW, inR, DedupOptions{})
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
				if err := sealing()(io.Discard, bytes.NewReader(got)); err == nil {
					t.Errorf("%s cut to %d was sealed", name, cut)
				}
			}
			inR.Close()
			outR.Close()
		}
	}
}
