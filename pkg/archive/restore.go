package archive

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/ordered"
)

// Output receives the content of a stream from front to back.
type Output interface {
	io.Writer            // bytes of chunks
	Zeros(n int64) error // the next n bytes are allocated and zero
	Hole(n int64) error  // the next n bytes are unallocated and read as zero
}

// RestoreOptions choose what Restore writes. The zero value is the whole stream.
type RestoreOptions struct {
	Offset   int64            // first byte
	Length   *int64           // bytes; nil is all up to the end
	Threads  int              // pieces decoded at a time; 0 is 1
	Progress func(done int64) // called with the bytes written so far; may be nil
}

// Restore writes a stream to out, in order. Pieces of segments are read and decoded in parallel.
// Every byte is verified before it is written. The first damaged range ends the restore.
func (r *Reader) Restore(ctx context.Context, streamNo int, out Output, o RestoreOptions) error {
	if err := r.Locked(); err != nil {
		return err
	}
	size := r.Root.Info.Streams[streamNo].Size
	if o.Offset < 0 || o.Offset > size {
		return fmt.Errorf("offset %d is outside of the stream of %d bytes", o.Offset, size)
	}
	end := size
	if o.Length != nil && *o.Length < size-o.Offset {
		end = o.Offset + *o.Length
	}
	if o.Offset >= end {
		return nil
	}
	for d, err := range ordered.Map(ctx, o.Threads, r.pieces(streamNo, o.Offset, end), func(p piece) (*restored, error) {
		return r.restorePiece(p, o.Offset, end)
	}) {
		if err == nil {
			err = d.write(out)
		}
		if err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(d.piece.to - o.Offset)
		}
	}
	return nil
}

// A piece is the part of a segment that is restored at a time: the entries that begin between two
// offsets of the stream. The first piece of a segment also has the entry that begins before it.
type piece struct {
	segment  int64 // its number
	from, to int64
}

// A segment that stands for much more than it stores is cut into pieces of at least pieceBytes. It
// may consist of references and patches. The other constants bound the work: each piece reads the
// segment, holes may have any size, and a segment that leaves the cache is decoded anew for each
// piece.
const (
	pieceBytes = 1 << 20
	pieceShare = 16 // least number of bytes in a piece for each stored byte of the segment
	maxPieces  = 1024
	pieceWork  = 32 << 20 // stored bytes of the segment, times its pieces
)

// pieces yields the pieces of a range of a stream.
func (r *Reader) pieces(streamNo int, from, to int64) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		number, err := r.FindOffset(streamNo, from)
		for ; from < to; number++ {
			var end, size int64
			if err == nil {
				end, size, err = r.pieceSize(streamNo, number, from)
			}
			if err != nil {
				yield(piece{}, err)
				return
			}
			for end = min(end, to); from < end; {
				n := min(size, end-from)
				if !yield(piece{number, from, from + n}, nil) {
					return
				}
				from += n
			}
		}
	}
}

// pieceSize returns where a segment ends, which must hold an offset of a stream, and the most bytes
// of a piece of it.
func (r *Reader) pieceSize(streamNo int, number, off int64) (end, size int64, err error) {
	ref, next, err := r.SegmentAt(number)
	if err != nil {
		return 0, 0, err
	}
	end = r.EndOf(ref.Position, next)
	if ref.Stream != streamNo || end <= off {
		return 0, 0, index.Corruptf("no segment holds offset %d", off)
	}
	pieces := min(maxPieces, pieceWork/max(ref.Len, 1)+1)
	return end, max(pieceBytes, pieceShare*ref.Len, (end-ref.Offset)/pieces+1), nil
}

// Limits on the blocks that a piece pins besides its own segment. One block is always allowed.
const (
	maxHeldBlocks = 256
	maxHeldBytes  = 2 << 20
)

// restored is a piece on its way to the output. Its references may need more blocks than memory
// should hold. So only the first blocks are fetched at once, and the others just before they are
// written.
type restored struct {
	r        *Reader
	piece    piece
	own      *heldBlock
	from, to int64        // the requested range of the stream
	first    int          // entry to write next
	next     int          // entry to fetch next
	last     int          // entry after the piece
	parts    [][]byte     // verified bytes of entries first to next; nil if a run or not requested
	held     []*heldBlock // items of the cache, whose memory parts uses
	bytes    int64        // of held
}

// restorePiece reads the segment of a piece. It verifies the bytes of the piece from offset from to
// offset to, or the first of them, see fetch.
func (r *Reader) restorePiece(p piece, from, to int64) (*restored, error) {
	own, err := r.segment(p.segment)
	if err != nil {
		return nil, err
	}
	b := own.Value
	d := &restored{r: r, piece: p, own: own, from: from, to: to}
	d.first, d.last = b.from(p.from), b.from(p.to)
	if p.from == max(from, b.starts[0]) && b.starts[d.first] > p.from {
		d.first--
	}
	d.next = d.first
	if err := d.fetch(); err != nil {
		d.release()
		return nil, err
	}
	return d, nil
}

// fetch verifies the next entries, as many as the limits allow.
func (d *restored) fetch() error {
	b := d.own.Value
	for ; d.next < d.last && len(d.held) < maxHeldBlocks && d.bytes < maxHeldBytes; d.next++ {
		i := d.next
		if b.starts[i+1] <= d.from || b.starts[i] >= d.to || b.entries[i].Kind.IsRun() {
			d.parts = append(d.parts, nil)
			continue
		}
		p, it, err := d.r.bytes(b, i)
		if err != nil {
			return err
		}
		d.parts = append(d.parts, p)
		d.hold(it)
	}
	return nil
}

// hold keeps an item until the next call of forget.
func (d *restored) hold(it *heldBlock) {
	if it == nil || slices.Contains(d.held, it) {
		d.r.release(it)
		return
	}
	d.held = append(d.held, it)
	d.bytes += it.Cost
}

// forget gives back the items of the entries that were written.
func (d *restored) forget() {
	for _, it := range d.held {
		d.r.release(it)
	}
	d.first, d.parts, d.held, d.bytes = d.next, d.parts[:0], d.held[:0], 0
}

// release gives back all memory of d.
func (d *restored) release() {
	d.forget()
	d.r.release(d.own)
}

// write writes the requested bytes of d, and releases d.
func (d *restored) write(out Output) error {
	defer d.release()
	b := d.own.Value
	w := NewEntryWriter(out, b.starts[d.first], d.from, d.to)
	for {
		for i, p := range d.parts {
			if err := w.Add(&b.entries[d.first+i], p); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if d.forget(); d.next == d.last {
			return nil
		}
		if err := d.fetch(); err != nil {
			return err
		}
	}
}
