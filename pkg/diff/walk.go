package diff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// walker reads the entry pages of an archive, a stream at a time, and collects the chunks.
type walker struct {
	r       *archive.Reader
	name    string // in errors
	streams []index.Stream
	chunks  []diffChunk // data chunks by their ordinals
	taken   []diffChunk // chunks of parents, once for each reference

	next func() (index.Place, []stream.Entry, bool) // the next segment; nil before the first
	stop func()
	err  error // error that ended next

	segment index.Place
	entries []stream.Entry // remaining entries of segment
	ordinal int64          // of the next data chunk

	no    int   // of the current stream, -1 is none
	size  int64 // of the current stream
	at    int64 // offset of piece
	piece piece
}

// piece is the next part of a stream: a chunk, or the rest of a run of zeros. A piece of length 0
// is none.
type piece struct {
	len  int64
	zero bool
	hash stream.Hash
}

// diffChunk is a chunk of an archive.
type diffChunk struct {
	hash stream.Hash
	size uint32
	used bool // whether it is in a stream that was compared
}

func newWalker(r *archive.Reader, name string) *walker {
	t := &r.Info().Totals
	limit := index.ExpectedChunks(r.Size())
	return &walker{
		r: r, name: name, streams: r.Info().Streams,
		chunks: make([]diffChunk, 0, min(t.Chunks(), limit)), taken: make([]diffChunk, 0, min(t.Parent.N, limit)),
	}
}

// start goes to the front of the archive.
func (w *walker) start() {
	w.close()
	w.next, w.stop = iter.Pull2(func(yield func(index.Place, []stream.Entry) bool) {
		err := w.r.EntryPages(func(at index.Place, entries []stream.Entry) error {
			if !yield(at, entries) {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) {
			w.err = err
		}
	})
}

func (w *walker) close() {
	if w.stop != nil {
		w.stop()
	}
}

// seek goes to the start of stream no, or of none if no is -1. It reads on from its position, or
// from the front if it has passed the stream.
func (w *walker) seek(no int) error {
	w.no, w.at, w.size, w.piece = no, 0, 0, piece{}
	if no < 0 || w.streams[no].Size == 0 {
		return nil
	}
	w.size = w.streams[no].Size
	if w.next == nil || w.segment.Stream >= no {
		w.start()
		if err := w.load(); err != nil {
			return err
		}
	}
	for w.segment.Stream < no {
		if err := w.load(); err != nil {
			return err
		}
	}
	return w.fits()
}

// load reads the next segment.
func (w *walker) load() error {
	at, entries, ok := w.next()
	if !ok {
		if w.err != nil {
			return fmt.Errorf("%s: %w", w.name, w.err)
		}
		return w.corrupt("the index has too few segments")
	}
	w.segment, w.entries, w.ordinal = at, entries, at.Chunk
	n := int64(len(w.chunks))
	if at.Chunk > n {
		return w.corrupt("the index has chunk %d behind chunk %d", at.Chunk, n)
	}
	if at.Chunk < n { // seen before
		return nil
	}
	for i := range entries {
		if e := &entries[i]; e.Kind.IsStored() {
			w.chunks = append(w.chunks, diffChunk{hash: e.Hash, size: uint32(e.Len)})
		}
	}
	return nil
}

// fits returns an error unless the segment that was loaded is the one that comes next.
func (w *walker) fits() error {
	if w.segment.Stream != w.no || w.segment.Offset != w.at {
		return w.corrupt("the index has no segment at offset %d of stream %q", w.at, w.streams[w.no].Name)
	}
	return nil
}

func (w *walker) corrupt(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", w.name, stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// fill makes sure that there is a piece. The stream must not be at its end.
func (w *walker) fill() error {
	for w.piece.len == 0 {
		if len(w.entries) == 0 {
			if err := w.load(); err != nil {
				return err
			}
			if err := w.fits(); err != nil {
				return err
			}
			continue
		}
		e := &w.entries[0]
		w.entries = w.entries[1:]
		if e.Len > w.size-w.at {
			return w.corrupt("stream %q is longer than the index says", w.streams[w.no].Name)
		}
		w.piece = piece{len: e.Len, zero: e.Kind.IsRun(), hash: e.Hash}
		switch e.Kind {
		case stream.ParentRef:
			w.taken = append(w.taken, diffChunk{e.Hash, uint32(e.Len), true})
		case stream.Data, stream.Patched:
			e.Ordinal = w.ordinal
			w.ordinal++
			fallthrough
		case stream.Ref:
			if e.Ordinal < 0 || e.Ordinal >= int64(len(w.chunks)) || int64(w.chunks[e.Ordinal].size) != e.Len {
				return w.corrupt("reference at offset %d of stream %q to chunk %d, which is not before it or has another length", w.at, w.streams[w.no].Name, e.Ordinal)
			}
			w.chunks[e.Ordinal].used = true
			w.piece.hash = w.chunks[e.Ordinal].hash
		}
	}
	return nil
}

// advance moves on by n bytes of the piece: by all of it if it is a chunk.
func (w *walker) advance(n int64) {
	w.at += n
	w.piece.len -= n
}

// skip goes to the end of the stream.
func (w *walker) skip(ctx context.Context) error {
	for w.at < w.size {
		if err := w.fill(); err != nil {
			return err
		}
		w.advance(w.piece.len)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns the chunks of the compared streams, each once, sorted by hash. The walker cannot
// be used any more.
func (w *walker) distinct() []diffChunk {
	all := slices.DeleteFunc(w.chunks, func(c diffChunk) bool { return !c.used })
	all = append(all, w.taken...)
	slices.SortFunc(all, func(x, y diffChunk) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	return slices.CompactFunc(all, func(x, y diffChunk) bool { return x.hash == y.hash })
}

// compareChunks counts the chunks that are in both of two lists of distinct chunks, and those in
// one only.
func compareChunks(a, b []diffChunk) (t Totals) {
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
