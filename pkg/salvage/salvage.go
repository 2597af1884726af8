package salvage

import (
	"cmp"
	"context"
	"errors"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Options are the options of Salvage. The zero value works.
type Options struct {
	Identities seal.Opener // to open an encrypted archive
	Threads    int         // decoders; 0 is 1
	TempDir    string      // for a copy of input from a pipe; "" is the system's
	Progress   flow.Progress
	OnParent   flow.ParentFunc
	Codecs     codec.Decoders // of codecs that package codec does not have
	Note       func(string)   // see stage.UnsealOptions

	// Find finds parents. They are needed only for nodes that can no longer stand in the stream, since a
	// part of the node above them is lost. Where the index is lost, all nodes are compared with them.
	Find archive.FindFunc
}

// Stream makes a stream of frames from the rest of a damaged archive or stream of frames: all
// segments that still verify, and holes where content is lost. The stream is complete even if much
// is lost; the report lists the losses, and the totals in End have their sums. If nothing is lost,
// it is the stream that Unseal makes. A segment without a decoder stays unchanged if its digest in
// the index, or its tag, is right.
//
// It keeps up to 68 bytes of memory for each distinct chunk. If there are patches, or the index is
// lost, it keeps as much again, and a copy of all data chunks in a temporary file.
func Stream(ctx context.Context, dst io.Writer, src io.Reader, o Options) (*flow.Stats, *Report, error) {
	out := flow.NewWriter(dst, stage.UnsealName, o.Progress)
	report, err := salvage(ctx, out, src, o)
	stats, err := out.Finish(err)
	return stats, report, err
}

func salvage(ctx context.Context, out *flow.Writer, src io.Reader, o Options) (*Report, error) {
	file, err := flow.RandomAccess(src, o.TempDir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	watched := &watchedFile{ReaderAt: file}
	in, err := carve.Open(watched, file.Size(), archive.Options{Identities: o.Identities, Threads: max(o.Threads, 1), Codecs: o.Codecs})
	if err = cmp.Or(watched.fault(), err); err != nil {
		return nil, err
	}
	flow.NotePlain(o.Note, in.RecipientKinds())
	s := newSalvager(out, in, watched)
	s.archives = archive.NewParents(archive.Options{Identities: o.Identities, Find: o.Find}) // reads their indexes
	defer s.chunks.close()
	if s.info == nil || s.info.Totals.Patch.N > 0 {
		if err := s.chunks.keepData(o.TempDir); err != nil {
			return nil, err
		}
	}
	s.parents.on = o.OnParent
	err = s.run(ctx, o.Threads)
	if err = cmp.Or(watched.fault(), err); err != nil {
		return nil, err
	}
	return s.report, nil
}

// salvager makes the stream.
type salvager struct {
	out    *flow.Writer
	in     *carve.Carver
	file   *watchedFile // that in reads
	info   *index.Info  // nil if the index is lost
	report *Report
	trail  trail

	begun    bool // the header is written
	parents  parentList
	archives *archive.Parents // the parents of the output
	streams  streamList
	dicts    dictList
	chunks   chunkList
	open     *outStream // or nil
}

func newSalvager(out *flow.Writer, in *carve.Carver, file *watchedFile) *salvager {
	return &salvager{
		out: out, in: in, file: file, info: in.Info(),
		report:  &Report{Version: 1, Index: in.Index(), Streams: []StreamReport{}, Lost: []LostRange{}},
		parents: parentList{numbers: map[int32]int32{}, ids: map[stream.Hash]bool{}},
		streams: streamList{names: map[string]bool{}, ids: map[int64]bool{}},
		dicts:   dictList{written: map[int64]bool{}},
	}
}

// find is a frame that was found. If it is a segment, checked has its sound parts.
type find struct {
	*carve.Found
	checked *carve.Checked
}

func (s *salvager) run(ctx context.Context, threads int) error {
	for f, err := range ordered.Map(ctx, threads, s.found, s.check) {
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			return err
		}
	}
	if !s.trail.ended {
		return s.end(nil)
	}
	return nil
}

// found yields what is found in the file, up to the end.
func (s *salvager) found(yield func(*carve.Found, error) bool) {
	for {
		f, err := s.in.Next()
		if errors.Is(err, io.EOF) || !yield(f, err) || err != nil {
			return
		}
	}
}

// check looks for the sound parts of a segment.
func (s *salvager) check(f *carve.Found) (find, error) {
	if _, ok := f.Frame.(*stream.Segment); ok {
		return find{f, s.in.Check(f)}, nil
	}
	return find{Found: f}, nil
}

// take processes the next frame that was found, or a range of the file without frames.
func (s *salvager) take(f find) error {
	s.trail.add(f.Found)
	if f.Frame == nil {
		return nil
	}
	h, _ := f.Frame.(*stream.Header)
	if err := s.begin(h); err != nil {
		return err
	}
	switch frame := f.Frame.(type) {
	case *stream.Parent:
		return s.parent(frame)
	case *stream.Open:
		return s.openStream(frame.ID, frame)
	case *stream.Dict:
		s.dicts.found = append(s.dicts.found, frame)
		return s.flushDicts()
	case *stream.Segment:
		defer frame.Release()
		return s.segment(f.checked)
	case *stream.Close:
		return s.closeStream(frame)
	case *stream.End:
		s.trail.ended = true
		return s.end(frame)
	}
	return nil
}

// lost records a lost range of the open stream.
func (s *salvager) lost(off, n int64, reason string) {
	s.open.lost = true
	s.open.Lost += max(n, 0)
	s.report.add(s.open.Name, off, n, reason)
}

// lostElse records a loss outside of streams, or of unknown range.
func (s *salvager) lostElse(name *string, reason string) {
	s.report.unknown(LostRange{Stream: name, Reason: reason})
}

// end ends the stream. f is nil if its End is lost.
func (s *salvager) end(f *stream.End) error {
	if err := s.begin(nil); err != nil {
		return err
	}
	if err := s.finish(nil); err != nil {
		return err
	}
	switch {
	case s.info != nil:
		if err := s.skipTo(len(s.info.Streams)); err != nil {
			return err
		}
	case f == nil:
		s.lostElse(nil, "the end is lost: there may have been more streams; "+s.trail.reason())
	case f.Root != s.out.EndRoot() && s.report.Whole():
		s.lostElse(nil, "the root of all streams is another: a name may be wrong")
	}
	// Bytes that a disk fails to deliver are no loss, and a stream that has its End cannot be
	// aborted.
	if err := s.file.fault(); err != nil {
		return err
	}
	totals := s.report.totals()
	if f != nil && s.report.Whole() {
		totals = f.Totals
	}
	return s.out.End(totals)
}
