package hexz

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Stage reads a stream of frames from src and writes one to dst. The first stage of a pipeline may
// read anything, and the last one write anything. A stage that fails ends what it writes with an
// Abort frame, see [stream.Writer.Abort], so that the stages after it fail as well.
type Stage func(ctx context.Context, dst io.Writer, src io.Reader) error

// Pipeline runs stages side by side: the first reads src, each other one what the one before it
// writes, and the last writes to dst. It returns when all have ended, with the error of the stage
// that failed by itself, and not of those that failed because of it.
func Pipeline(ctx context.Context, dst io.Writer, src io.Reader, stages ...Stage) error {
	var all sync.WaitGroup
	var failed failures
	for i, run := range stages {
		out, in := dst, src
		closeOut, closeIn := func(error) {}, func(error) {}
		if from, ok := in.(*io.PipeReader); ok && i > 0 {
			closeIn = func(err error) { from.CloseWithError(err) }
		}
		if i+1 < len(stages) {
			next, to := io.Pipe()
			out, src = to, next
			closeOut = func(err error) { to.CloseWithError(err) }
		}
		all.Go(func() {
			err := run(ctx, out, in)
			failed.add(err)
			closeOut(err) // as the end of the input if err is nil
			closeIn(errReaderGone)
		})
	}
	all.Wait()
	return failed.cause()
}

// errReaderGone is what a stage gets that writes to one that has ended.
var errReaderGone = errors.New("the next stage reads no more")

// failures collects the errors of the stages in the order in which they fail.
type failures struct {
	mu   sync.Mutex
	list []error
}

func (f *failures) add(err error) {
	if err != nil {
		f.mu.Lock()
		f.list = append(f.list, err)
		f.mu.Unlock()
	}
}

// cause returns the first error that does not follow from another one. That a reader is gone is no
// failure if all others are content.
func (f *failures) cause() error {
	var follows error
	for _, err := range f.list {
		switch {
		case errors.Is(err, stream.ErrAborted), errors.Is(err, stream.ErrTruncated):
			follows = errors.Join(follows, err)
		case !errors.Is(err, errReaderGone):
			return err
		}
	}
	return follows
}

// Chunk is the stage that cuts inputs into chunks. It reads nothing else.
func Chunk(inputs []Input, o stage.ChunkOptions) Stage {
	return func(ctx context.Context, dst io.Writer, _ io.Reader) error {
		_, err := stage.Chunk(ctx, dst, inputs, o)
		return err
	}
}

// Dedup is the stage that replaces repeated chunks by references.
func Dedup(o stage.DedupOptions) Stage {
	return func(ctx context.Context, dst io.Writer, src io.Reader) error {
		_, err := stage.Dedup(ctx, dst, src, o)
		return err
	}
}

// Delta is the stage that makes patches of chunks that are much like others.
func Delta(o similar.Options) Stage {
	return func(ctx context.Context, dst io.Writer, src io.Reader) error {
		_, err := similar.Delta(ctx, dst, src, o)
		return err
	}
}

// Compress is the stage that compresses many chunks together.
func Compress(o stage.CompressOptions) Stage {
	return func(ctx context.Context, dst io.Writer, src io.Reader) error {
		_, err := stage.Compress(ctx, dst, src, o)
		return err
	}
}

// Seal is the stage that makes an archive, the last one. It sets id, unless that is nil.
func Seal(o stage.SealOptions, id *ID) Stage {
	return func(ctx context.Context, dst io.Writer, src io.Reader) error {
		stats, err := stage.Seal(ctx, dst, src, o)
		if err == nil && id != nil {
			_, err = hex.Decode(id[:], []byte(stats.Archive))
		}
		return err
	}
}

// Unseal is the stage that makes a stream of frames of an archive, the first one.
func Unseal(o stage.UnsealOptions) Stage {
	return func(ctx context.Context, dst io.Writer, src io.Reader) error {
		_, err := stage.Unseal(ctx, dst, src, o)
		return err
	}
}
