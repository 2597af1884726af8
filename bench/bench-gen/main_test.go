package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"hexz"
	"hexz/bench/synthetic"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// What it writes is what hexz-chunk makes of the content.
func TestGenerate(t *testing.T) {
	const kib = 1 << 10
	for _, o := range []options{
		{size: 3<<20 + 12*kib, chunk: 64 * kib, codec: "lz4", threads: 3},
		{size: 1 << 20, chunk: 16 * kib, codec: "zstd", threads: 1},
		{size: 1<<20 + 4*kib, chunk: 12 * kib, codec: "s2", threads: 2},
		{size: 600 * kib, chunk: 256 * kib, codec: "none", threads: 2},
		{size: 4 * kib, chunk: 64 * kib, codec: "lz4", threads: 2},
		{size: 0, chunk: 64 * kib, codec: "lz4", threads: 2},
	} {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			generated := sealed(t, func(ctx context.Context, dst io.Writer, _ io.Reader) error { return generate(ctx, dst, o) })
			want := make([]byte, o.size)
			synthetic.Fill(want, 0)
			got := make([]byte, o.size)
			if _, err := generated.ReadAt(0, got, 0); err != nil && err != io.EOF || !bytes.Equal(got, want) {
				t.Errorf("it restores to something else: %v", err)
			}
			cut := stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: int(o.chunk)}}
			chunked := sealed(t, hexz.Chunk([]hexz.Input{hexz.Reader("disk", bytes.NewReader(want))}, cut))
			a, b := generated.Info(), chunked.Info()
			if a.Root() != b.Root() || fmt.Sprint(a.Streams[0].Chunker) != fmt.Sprint(b.Streams[0].Chunker) {
				t.Errorf("root %v and chunker %v, those of hexz-chunk are %v and %v", a.Root(), a.Streams[0].Chunker, b.Root(), b.Streams[0].Chunker)
			}
			if o.size > 0 && a.Totals.Codecs[o.codec].N != a.Totals.Segments {
				t.Errorf("codecs %v", a.Totals.Codecs)
			}
			if a.Totals.Segments != b.Totals.Segments || a.Totals.Data != b.Totals.Data {
				t.Errorf("%+v, hexz-chunk makes %+v", a.Totals, b.Totals)
			}
		})
	}
}

// sealed returns the archive of a stream.
func sealed(t *testing.T, first hexz.Stage) *archive.Reader {
	t.Helper()
	var out bytes.Buffer
	if err := hexz.Pipeline(t.Context(), &out, nil, first, hexz.Seal(stage.SealOptions{}, nil)); err != nil {
		t.Fatal(err)
	}
	r, err := archive.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// full fails after some writes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if *f--; *f < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

func TestGenerateFails(t *testing.T) {
	writes := full(20)
	if err := generate(t.Context(), &writes, options{size: 64 << 20, chunk: 64 << 10, codec: "lz4", threads: 2}); err == nil || err.Error() != "full" {
		t.Errorf("%v", err)
	}
	for _, args := range [][]string{{"--size", "5000"}, {"--chunk", "0"}, {"--chunk", "6000"}, {"--chunk", "512K"}, {"-c", "xz"}, {"disk.img"}, {"-T", "-1"}} {
		if err := run(args); err == nil {
			t.Errorf("%v is no error", args)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := generate(ctx, &out, options{size: 1 << 30, chunk: 64 << 10, codec: "lz4", threads: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := hexz.Pipeline(t.Context(), io.Discard, &out, hexz.Seal(stage.SealOptions{}, nil)); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("what it leaves: %v", err)
	}
}
