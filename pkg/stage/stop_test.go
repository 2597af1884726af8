package stage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// endless is a stream of frames that goes on for ever.
type endless struct {
	buf    bytes.Buffer
	w      *stream.Writer
	offset int64
}

func newEndless() *endless {
	e := &endless{}
	e.w = stream.NewWriter(&e.buf)
	e.w.Write(&stream.Header{})
	e.w.Write(&stream.Open{Name: "disk", Size: -1, Chunker: stream.Meta{"name": chunker.FixedV1, "size": 4096}})
	return e
}

func (e *endless) Read(p []byte) (int, error) {
	if e.buf.Len() == 0 {
		data := make([]byte, 4096)
		binary.LittleEndian.PutUint64(data, uint64(e.offset))
		entry := stream.Entry{Kind: stream.Data, Len: int64(len(data)), Hash: blake.Sum(data)}
		s := &stream.Segment{Offset: e.offset, Entries: []stream.Entry{entry}, Codec: stream.RawCodec, RawLen: len(data), Payload: data}
		if err := e.w.Write(s); err != nil {
			return 0, err
		}
		e.offset += s.Size()
	}
	return e.buf.Read(p)
}

// stopping calls stop once more than limit bytes were written.
type stopping struct {
	limit int
	stop  func() error
}

func (s *stopping) Write(p []byte) (int, error) {
	if s.limit -= len(p); s.limit < 0 {
		if err := s.stop(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// When the output fails, or the context ends, then what reads an input without end stops, too: a
// goroutine that is left would fail synctest.Test.
func TestStopsReading(t *testing.T) {
	boom := errors.New("boom")
	stages := map[string]func(ctx context.Context, dst io.Writer) error{
		"chunk": func(ctx context.Context, dst io.Writer) error {
			in := []stage.Source{stage.ReaderSource("disk", newEndless())}
			_, err := stage.Chunk(ctx, dst, in, stage.ChunkOptions{Threads: 2})
			return err
		},
		"compress": func(ctx context.Context, dst io.Writer) error {
			_, err := stage.Compress(ctx, dst, newEndless(), stage.CompressOptions{Threads: 2, Block: 8 << 10})
			return err
		},
		"decompress": func(ctx context.Context, dst io.Writer) error {
			_, err := stage.Decompress(ctx, dst, newEndless(), stage.DecompressOptions{Threads: 2})
			return err
		},
		"flatten": func(ctx context.Context, dst io.Writer) error {
			_, err := stage.Unseal(ctx, dst, newEndless(), stage.UnsealOptions{Flatten: true, Threads: 2})
			return err
		},
		"cat": func(ctx context.Context, dst io.Writer) error {
			return restore.Stream(ctx, restore.NewPlainOutput(dst), newEndless(), restore.Options{Threads: 2, TempDir: t.TempDir()})
		},
	}
	for name, run := range stages {
		for limit, what := range map[int]string{0: "at once", 100 << 10: "later"} {
			t.Run(name+"/error "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if err := run(t.Context(), &stopping{limit, func() error { return boom }}); !errors.Is(err, boom) {
						t.Errorf("got %v", err)
					}
				})
			})
			t.Run(name+"/cancelled "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					err := run(ctx, &stopping{limit, func() error { cancel(boom); return nil }})
					if !errors.Is(err, boom) {
						t.Errorf("got %v", err)
					}
				})
			})
		}
	}
}
