package stage

import (
	"context"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// SealOptions are the options of Seal. The zero value works.
type SealOptions struct {
	MaxMemory int64  // bytes for the index, at least 1 MiB; what is over it goes to files; 0 is no limit
	TempDir   string // where these files are; "" is the system's directory
	Progress  Progress
}

const sealName = "hexz-seal"

// Seal makes an archive of a stream of frames. If it fails, what was written has no index and
// no trailer.
func Seal(ctx context.Context, dst io.Writer, src io.Reader, o SealOptions) (*Stats, error) {
	w := archive.NewWriter(dst, archive.WriterOptions{
		MaxMemory: o.MaxMemory,
		Temp:      func() (archive.TempFile, error) { return tempFile(o.TempDir, "hexz-seal-*") },
	})
	defer w.Close()
	done := int64(0)
	err := eachFrame(ctx, archive.NewScanner(src), func(f stream.Frame) error {
		s, ok := f.(*stream.Segment)
		if ok {
			defer s.Release()
			done += s.Size()
			o.Progress.report(done)
		}
		return w.Write(f)
	})
	if err != nil {
		return nil, err
	}
	id, err := w.Finish()
	if err != nil {
		return nil, err
	}
	stats := newStats(sealName, int64(len(w.Info().Streams)), &w.Info().Totals)
	stats.Written = w.Size()
	stats.Archive = id.String()
	return stats, nil
}

// UnsealOptions are the options of Unseal. The zero value works.
type UnsealOptions struct {
	Progress Progress
}

const unsealName = "hexz-unseal"

// Unseal makes the stream of frames again from which an archive was sealed. The End frame is
// written only when all stored bytes were verified.
func Unseal(ctx context.Context, dst io.Writer, src io.Reader, o UnsealOptions) (*Stats, error) {
	out := &output{Writer: stream.NewWriter(dst), name: unsealName, progress: o.Progress}
	return out.end(eachFrame(ctx, archive.NewScanner(src), func(f stream.Frame) error {
		if s, ok := f.(*stream.Segment); ok {
			defer s.Release()
		}
		return out.Write(f)
	}))
}
