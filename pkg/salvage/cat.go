package salvage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/restore"
	"hexz/pkg/stream"
)

// Cat restores the sound bytes of a stream of a damaged archive or stream of frames to out. Zeros
// take the place of lost bytes, also of chunks whose parents are missing or damaged. Salvage
// decides which bytes are sound. The report covers the stream and the range that o asks for.
// SignedBy is not used.
func Cat(ctx context.Context, out archive.Output, src io.Reader, o restore.Options) (*Report, error) {
	r, w := io.Pipe()
	var report *Report
	var salvageErr error
	done := make(chan struct{})
	salvage := Options{Identities: o.Identities, Threads: o.Threads, TempDir: o.TempDir, Codecs: o.Codecs, Note: o.Note, Find: o.Find}
	go func() {
		defer close(done)
		_, report, salvageErr = Stream(ctx, w, src, salvage)
		w.CloseWithError(salvageErr)
	}()
	var missing Report
	o.Note, o.SignedBy = nil, nil
	o.Lost = func(name string, off, n int64, why error) { missing.add(name, off, n, why.Error()) }
	err := restore.Stream(ctx, out, r, o)
	r.CloseWithError(err) // Salvage may still be writing
	<-done
	if salvageErr != nil && (err == nil || errors.Is(err, stream.ErrAborted)) {
		err = salvageErr
	}
	if errors.Is(err, restore.ErrChoose) && report != nil && report.Unknown { // it may be lost
		err = fmt.Errorf("%w: much is lost: %v", stream.ErrCorrupt, err)
	}
	if err != nil {
		return nil, err
	}
	name := o.Stream
	if name == "" {
		name = report.Streams[0].Name // the only one, otherwise restore.Stream had failed
	}
	report.join(&missing)
	return report.within(name, o.Offset, o.End()), nil
}
