package salvage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/codec"
	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Options are the options of Salvage. The zero value works.
type Options struct {
	Identities []age.Identity // to open an encrypted archive
	Threads    int            // decoders; 0 is 1
	TempDir    string         // for a copy of input from a pipe; "" is the system's
	Progress   flow.Progress
	OnParent   flow.ParentFunc
	Codecs     codec.Decoders // of codecs that package codec does not have
	Note       func(string)   // see stage.UnsealOptions
}

// Stream makes a stream of frames from the rest of a damaged archive or stream of frames: all
// segments that still verify, and holes where content is lost. The stream is complete even if much
// is lost; the report lists the losses. If nothing is lost, it is the stream that Unseal makes. A
// segment without a decoder stays unchanged if its digest in the index, or its tag, is right.
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
	// The header comes first and says whether something was lost.
	rehearsal, err := newSalvaging(flow.NewWriter(io.Discard, "", nil), in, o.TempDir)
	if err != nil {
		return nil, err
	}
	defer rehearsal.close()
	rehearsal.whole, rehearsal.onParent = true, o.OnParent
	err = rehearsal.run(ctx, o.Threads)
	if err = cmp.Or(watched.fault(), err); err != nil && !errors.Is(err, errLost) {
		return nil, err
	}
	in.Rewind()
	lossy := err != nil
	s, err := newSalvaging(out, in, o.TempDir)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.lossy, s.onParent = lossy, o.OnParent
	err = s.run(ctx, o.Threads)
	if err = cmp.Or(watched.fault(), err); err != nil {
		return nil, err
	}
	return s.report, nil
}

// errLost means that something is lost although a rehearsal is to be without loss.
var errLost = errors.New("something is lost")

// salvager makes the stream.
type salvager struct {
	out    *flow.Writer
	in     *carve.Carver
	info   *index.Info // nil if the index is lost
	whole  bool        // fail with errLost if anything is lost
	lossy  bool        // the rehearsal has lost something
	report *Report

	onParent flow.ParentFunc

	begun   bool            // the header is written
	parents map[int32]int32 // from numbers of parents on the input to those on the output
	ids     map[stream.Hash]bool
	names   map[string]bool
	streams map[int64]bool // ids of the streams that were opened
	next    int            // number of the next stream of info
	chunks  dedup.Index    // chunks that were found
	sizes   []uint32       // of chunks, with noBase for patched ones
	data    *flow.Spool    // data chunks, to try patches by; nil if the index has no patches
	dicts   []*stream.Dict // found before a stream
	dictIDs map[int64]bool // of those written
	gap     lostBytes      // range of the file after the last frame
	at      int64          // offset in the file after the last frame

	open *salvagedStream // or nil
}

func newSalvaging(out *flow.Writer, in *carve.Carver, dir string) (s *salvager, err error) {
	s = &salvager{
		out: out, in: in, info: in.Info(),
		report:  &Report{Version: 1, Index: in.Index(), Streams: []SalvagedStream{}, Lost: []LostRange{}},
		parents: map[int32]int32{}, ids: map[stream.Hash]bool{}, names: map[string]bool{}, streams: map[int64]bool{}, dictIDs: map[int64]bool{},
	}
	if s.info == nil || s.info.Totals.Patch.N > 0 {
		s.data, err = flow.NewSpool(dir, "hexz-unseal-*")
	}
	return s, err
}

func (s *salvager) close() {
	if s.data != nil {
		s.data.Close()
	}
}

// salvaged is a frame that was found. If it is a segment, checked has its sound parts.
type salvaged struct {
	*carve.Found
	checked *carve.Checked
}

func (s *salvager) run(ctx context.Context, threads int) error {
	read := make(chan struct{})
	defer func() { <-read }() // found uses s.in
	found := func(yield func(*carve.Found, error) bool) {
		defer close(read)
		s.found(yield)
	}
	for f, err := range ordered.Map(ctx, threads, found, s.check) {
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			return err
		}
	}
	if s.at >= 0 { // there was no End
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
func (s *salvager) check(f *carve.Found) (salvaged, error) {
	if _, ok := f.Frame.(*stream.Segment); ok {
		return salvaged{f, s.in.Check(f)}, nil
	}
	return salvaged{Found: f}, nil
}

// take processes the next frame that was found.
func (s *salvager) take(f salvaged) error {
	s.at = f.Pos + f.Len
	if f.Frame == nil {
		if s.gap.from == s.gap.to {
			s.gap.from = f.Pos
		}
		s.gap.to = s.at
		return nil
	}
	h, _ := f.Frame.(*stream.Header)
	if err := s.begin(h); err != nil {
		return err
	}
	var err error
	switch frame := f.Frame.(type) {
	case *stream.Parent:
		err = s.parent(frame)
	case *stream.Open:
		err = s.openStream(frame.ID, frame)
	case *stream.Dict:
		s.dicts = append(s.dicts, frame)
		err = s.flushDicts()
	case *stream.Segment:
		err = s.segment(f.checked)
		frame.Release()
	case *stream.Close:
		err = s.closeStream(frame)
	case *stream.End:
		err = s.end(frame)
		s.at = -1
	}
	return err
}

// begin writes the header, if that was not done: that of the index, or h, or an empty one.
func (s *salvager) begin(h *stream.Header) error {
	if s.begun {
		return nil
	}
	s.begun = true
	if h == nil {
		h = &stream.Header{}
	}
	if s.info != nil {
		h = &stream.Header{Features: s.info.Features, Meta: maps.Clone(s.info.Meta)}
	}
	if s.lossy {
		h.AddStage(stage.UnsealName, stream.Meta{"salvage": true})
	}
	if err := s.out.Write(h); err != nil || s.info == nil {
		return err
	}
	for i := range s.info.Parents {
		if err := s.addParent(&s.info.Parents[i]); err != nil {
			return err
		}
	}
	return nil
}

// parent adds a Parent frame, which counts only if the index is lost.
func (s *salvager) parent(f *stream.Parent) error {
	if s.info != nil || len(s.streams) > 0 {
		return nil
	}
	return s.addParent(f)
}

func (s *salvager) addParent(f *stream.Parent) error {
	if s.ids[f.ID] {
		return nil
	}
	if err := s.onParent.Check(f); err != nil {
		return err
	}
	n := len(s.ids)
	s.ids[f.ID], s.parents[int32(f.Index)] = true, int32(n)
	return s.out.Write(&stream.Parent{Index: int64(n), ID: f.ID, Hint: f.Hint, Content: f.Content})
}

// lost records a lost range of the open stream.
func (s *salvager) lost(off, n int64, reason string) error {
	s.open.lost = true
	s.open.Lost += max(n, 0)
	s.report.add(s.open.Name, off, n, reason)
	return s.mayLose()
}

// lostElse records a loss outside of streams, or of unknown range.
func (s *salvager) lostElse(name *string, reason string) error {
	s.report.unknown(LostRange{Stream: name, Reason: reason})
	return s.mayLose()
}

func (s *salvager) mayLose() error {
	if s.whole {
		return errLost
	}
	return nil
}

// reason says why nothing was found after the last frame.
func (s *salvager) reason() string {
	if s.gap.from < s.gap.to {
		return fmt.Sprintf("no sound frame in bytes %d to %d of the file", s.gap.from, s.gap.to)
	}
	return fmt.Sprintf("frames are missing at byte %d of the file", s.at)
}

// end ends the stream. f is nil if its End is lost.
func (s *salvager) end(f *stream.End) error {
	if err := s.begin(nil); err != nil {
		return err
	}
	if err := s.finish(nil); err != nil {
		return err
	}
	if s.info != nil {
		if err := s.skipTo(len(s.info.Streams)); err != nil {
			return err
		}
	} else if f == nil {
		if err := s.lostElse(nil, "the end is lost: there may have been more streams; "+s.reason()); err != nil {
			return err
		}
	}
	var totals stream.Meta
	if f != nil && s.report.Whole() {
		totals = f.Totals
		if s.info == nil && f.Root != s.out.EndRoot() {
			if err := s.lostElse(nil, "the root of all streams is another: a name may be wrong"); err != nil {
				return err
			}
		}
	}
	return s.out.End(totals)
}
