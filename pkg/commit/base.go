package commit

import (
	"fmt"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// baseStream is a stream of the base, as another archive would have it whose parent 0 the base is:
// its chunks and nodes are references to the base or to parents of it.
type baseStream struct {
	r    *archive.Reader
	no   int
	size int64

	next func() (stream.Entry, error, bool) // the entry at offset at; nil before seek
	stop func()
	at   int64
}

func corruptBase(format string, args ...any) error {
	return fmt.Errorf("%w: the base: %s", stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// newBaseStream returns a stream of r. Call close at the end.
func newBaseStream(r *archive.Reader, no int) *baseStream {
	return &baseStream{r: r, no: no, size: r.Info().Streams[no].Size}
}

// number returns the number of an archive among the parents of the output: the base, then its
// parents.
func (b *baseStream) number(of stream.Parent) (int32, error) {
	if of.ID == b.r.ID() {
		return 0, nil
	}
	for i := range b.r.Info().Parents {
		if b.r.Info().Parents[i].ID == of.ID {
			return int32(i + 1), nil
		}
	}
	return 0, corruptBase("archive %v, of which a node has a chunk, is no parent", of.ID)
}

// seek goes to an offset where an entry begins.
func (b *baseStream) seek(off int64) {
	b.close()
	b.next, b.stop = iter.Pull2(b.r.EntriesFrom(b.no, off, b.number))
	b.at = off
}

func (b *baseStream) close() {
	if b.stop != nil {
		b.stop()
	}
	b.next, b.stop = nil, nil
}

// entry returns the next entry. There must be one.
func (b *baseStream) entry() (stream.Entry, error) {
	if b.next == nil {
		b.seek(b.at)
	}
	e, err, ok := b.next()
	switch {
	case err != nil:
		return e, err
	case !ok:
		return e, corruptBase("no entry holds offset %d", b.at)
	case e.Len > b.size-b.at:
		return e, corruptBase("stream is longer than %d bytes", b.size)
	}
	b.at += e.Len
	return e, nil
}

// nodes returns the nodes that begin at an offset, the highest first.
func (b *baseStream) nodes(off int64) ([]stream.Entry, error) {
	return b.r.NodesAt(b.no, off, b.number)
}
