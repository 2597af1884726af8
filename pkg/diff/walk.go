package diff

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// noStream stands for the number of a stream that an archive does not have.
const noStream = -1

// walker reads the entry pages of an archive, a stream at a time, and collects the chunks.
type walker struct {
	r           *archive.Reader
	name        string // in errors
	streams     []index.Stream
	chunks      []chunk // data chunks by their ordinals
	fromParents []chunk // chunks of parents, once for each reference

	next func() (index.Segment, error, bool) // the next segment; nil before the first
	stop func()

	segment index.Place
	entries []stream.Entry // remaining entries of segment
	ordinal int64          // of the next data chunk

	no      int   // number of the current stream, or noStream
	size    int64 // of the current stream
	at      int64 // offset of stretch
	stretch stretch
}

// stretch is the next part of a stream: a chunk, or the rest of a run of zeros. One of length 0 is
// none.
type stretch struct {
	len  int64
	zero bool
	hash stream.Hash
}

// chunk is a chunk of an archive.
type chunk struct {
	hash stream.Hash
	size uint32
	used bool // whether it is in a stream that was compared
}

func newWalker(r *archive.Reader, name string) *walker {
	t := &r.Info().Totals
	limit := index.ExpectedChunks(r.Size())
	return &walker{
		r: r, name: name, streams: r.Info().Streams,
		chunks: make([]chunk, 0, min(t.Chunks(), limit)), fromParents: make([]chunk, 0, min(t.Parent.N, limit)),
	}
}

// startOver goes to the front of the archive.
func (w *walker) startOver() {
	w.close()
	w.next, w.stop = iter.Pull2(w.r.ExpandedSegments())
}

func (w *walker) close() {
	if w.stop != nil {
		w.stop()
	}
}

// seek goes to the start of stream no, or of none if no is noStream. It reads on from its position,
// or from the front if it has passed the stream.
func (w *walker) seek(no int) error {
	w.no, w.at, w.size, w.stretch = no, 0, 0, stretch{}
	if no == noStream || w.streams[no].Size == 0 {
		return nil
	}
	w.size = w.streams[no].Size
	if w.next == nil || w.segment.Stream >= no {
		w.startOver()
		if err := w.loadSegment(); err != nil {
			return err
		}
	}
	for w.segment.Stream < no {
		if err := w.loadSegment(); err != nil {
			return err
		}
	}
	return w.checkSegment()
}

// loadSegment reads the next segment.
func (w *walker) loadSegment() error {
	s, err, ok := w.next()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", w.name, err)
	case !ok:
		return w.corruptf("the index has too few segments")
	}
	w.segment, w.entries, w.ordinal = s.Place, s.Entries, s.Chunk
	n := int64(len(w.chunks))
	if s.Chunk > n {
		return w.corruptf("the index has chunk %d after chunk %d", s.Chunk, n)
	}
	if s.Chunk < n { // seen before
		return nil
	}
	for i := range s.Entries {
		if e := &s.Entries[i]; e.Kind.IsStored() {
			w.chunks = append(w.chunks, chunk{hash: e.Hash, size: uint32(e.Len)})
		}
	}
	return nil
}

// checkSegment returns an error unless the segment that was loaded is the one that comes next.
func (w *walker) checkSegment() error {
	if w.segment.Stream != w.no || w.segment.Offset != w.at {
		return w.corruptf("the index has no segment at offset %d of stream %q", w.at, w.streams[w.no].Name)
	}
	return nil
}

func (w *walker) corruptf(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", w.name, stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// fillStretch makes sure that there is a stretch. The stream must not be at its end.
func (w *walker) fillStretch() error {
	for w.stretch.len == 0 {
		if len(w.entries) == 0 {
			if err := w.loadSegment(); err != nil {
				return err
			}
			if err := w.checkSegment(); err != nil {
				return err
			}
			continue
		}
		e := &w.entries[0]
		w.entries = w.entries[1:]
		if e.Len > w.size-w.at {
			return w.corruptf("stream %q is longer than the index says", w.streams[w.no].Name)
		}
		w.stretch = stretch{len: e.Len, zero: e.Kind.IsRun(), hash: e.Hash}
		switch e.Kind {
		case stream.ParentRef:
			w.fromParents = append(w.fromParents, chunk{e.Hash, uint32(e.Len), true})
		case stream.Data, stream.Patched:
			e.Ordinal = w.ordinal
			w.ordinal++
			fallthrough
		case stream.Ref:
			if e.Ordinal < 0 || e.Ordinal >= int64(len(w.chunks)) || int64(w.chunks[e.Ordinal].size) != e.Len {
				return w.corruptf("reference at offset %d of stream %q to chunk %d, which is not before it or has another length", w.at, w.streams[w.no].Name, e.Ordinal)
			}
			w.chunks[e.Ordinal].used = true
			w.stretch.hash = w.chunks[e.Ordinal].hash
		}
	}
	return nil
}

// advance moves on by n bytes of the stretch: by all of it if it is a chunk.
func (w *walker) advance(n int64) {
	w.at += n
	w.stretch.len -= n
}

// skipRest goes to the end of the stream.
func (w *walker) skipRest(ctx context.Context) error {
	for w.at < w.size {
		if err := w.fillStretch(); err != nil {
			return err
		}
		w.advance(w.stretch.len)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns the chunks of the compared streams, each once, sorted by hash. The walker cannot
// be used any more.
func (w *walker) distinct() []chunk {
	all := slices.DeleteFunc(w.chunks, func(c chunk) bool { return !c.used })
	all = append(all, w.fromParents...)
	slices.SortFunc(all, func(x, y chunk) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	return slices.CompactFunc(all, func(x, y chunk) bool { return x.hash == y.hash })
}

// compareChunks counts the chunks that are in both of two lists of distinct chunks, and those in
// one only.
func compareChunks(a, b []chunk) (t Totals) {
	for len(a) > 0 || len(b) > 0 {
		order := len(b) - len(a) // if one list is at its end, the other comes first
		if len(a) > 0 && len(b) > 0 {
			order = bytes.Compare(a[0].hash[:], b[0].hash[:])
		}
		switch {
		case order == 0:
			t.Shared.Add(int64(a[0].size))
			a, b = a[1:], b[1:]
		case order < 0:
			t.OnlyA.Add(int64(a[0].size))
			a = a[1:]
		default:
			t.OnlyB.Add(int64(b[0].size))
			b = b[1:]
		}
	}
	return t
}
