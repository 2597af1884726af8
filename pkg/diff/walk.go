package diff

import (
	"context"
	"fmt"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// noStream stands for the number of a stream that an archive does not have.
const noStream = -1

// walker goes along a stream of an archive, by the entries of its index or past whole nodes.
type walker struct {
	r       *archive.Reader
	name    string // in errors
	streams []index.Stream
	number  archive.Numbering // the same for both archives

	no      int   // number of the current stream, or noStream
	size    int64 // of the current stream
	at      int64 // offset of stretch
	stretch stretch

	next func() (stream.Entry, error, bool) // the entry at offset at; or nil
	stop func()
}

// stretch is the next part of a stream: a chunk, or the rest of a run of zeros. One of length 0 is
// none.
type stretch struct {
	len  int64
	zero bool
	hash stream.Hash
}

func newWalker(r *archive.Reader, name string, number archive.Numbering) *walker {
	return &walker{r: r, name: name, streams: r.Info().Streams, number: number}
}

// seek goes to the start of stream no, or of none if no is noStream.
func (w *walker) seek(no int) {
	w.close()
	w.no, w.at, w.size, w.stretch = no, 0, 0, stretch{}
	if no != noStream {
		w.size = w.streams[no].Size
	}
}

func (w *walker) close() {
	if w.stop != nil {
		w.stop()
	}
	w.next, w.stop = nil, nil
}

func (w *walker) corruptf(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", w.name, stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// fillStretch makes sure that there is a stretch. The stream must not be at its end.
func (w *walker) fillStretch() error {
	if w.stretch.len > 0 {
		return nil
	}
	if w.next == nil {
		w.next, w.stop = iter.Pull2(w.r.EntriesFrom(w.no, w.at, w.number))
	}
	e, err, ok := w.next()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", w.name, err)
	case !ok:
		return w.corruptf("the index has no entry at offset %d of stream %q", w.at, w.streams[w.no].Name)
	case e.Len > w.size-w.at:
		return w.corruptf("stream %q is longer than the index says", w.streams[w.no].Name)
	}
	w.stretch = stretch{len: e.Len, zero: e.Kind.IsRun(), hash: e.Hash}
	return nil
}

// advance moves on by n bytes of the stretch: by all of it if it is a chunk.
func (w *walker) advance(n int64) {
	w.at += n
	w.stretch.len -= n
}

// skip moves on by n bytes, which are a node, without reading its entries.
func (w *walker) skip(n int64) {
	w.close()
	w.at += n
}

// nodes returns the nodes that begin here, the highest first: none within a stretch.
func (w *walker) nodes() ([]stream.Entry, error) {
	if w.stretch.len > 0 || w.at == w.size {
		return nil, nil
	}
	list, err := w.r.NodesAt(w.no, w.at, w.number)
	if err != nil {
		err = fmt.Errorf("%s: %w", w.name, err)
	}
	return list, err
}

// sameNode returns the length of the largest node that begins at the same offset of both streams, or
// 0 if there is none.
func (d *differ) sameNode() (int64, error) {
	if d.a.at != d.b.at {
		return 0, nil
	}
	here, err := d.b.nodes()
	if err != nil || len(here) == 0 {
		return 0, err
	}
	there, err := d.a.nodes()
	if err != nil {
		return 0, err
	}
	for i := range here {
		for j := range there {
			if here[i].Level == there[j].Level && here[i].Hash == there[j].Hash && here[i].Len == there[j].Len {
				return here[i].Len, nil
			}
		}
	}
	return 0, nil
}

// readAt fills p from the current stream.
func (w *walker) readAt(p []byte, off int64) error {
	if _, err := w.r.ReadAt(w.no, p, off); err != nil {
		return fmt.Errorf("%s: stream %q: %w", w.name, w.streams[w.no].Name, err)
	}
	return nil
}

// chunks returns the distinct chunks of the streams of an archive that use reports, sorted by hash.
func (w *walker) chunks(ctx context.Context, use func(no int) bool) ([]chunk, error) {
	var all []chunk
	for no := range w.streams {
		if !use(no) {
			continue
		}
		for e, err := range w.r.EntriesFrom(no, 0, w.number) {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
			if !e.Kind.IsRun() {
				all = append(all, chunk{e.Hash, uint32(e.Len)})
			}
		}
	}
	return distinct(all), nil
}
