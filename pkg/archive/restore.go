package archive

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"hexz/pkg/ordered"
	"hexz/pkg/stream"
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
	return restorePieces(ctx, o.Threads, r.pieces(streamNo, o.Offset, end), out, o.Progress)
}

// restorePieces writes pieces to out, in order. progress may be nil.
func restorePieces(ctx context.Context, threads int, pieces iter.Seq2[piece, error], out Output, progress func(done int64)) error {
	done := int64(0)
	for d, err := range ordered.Map(ctx, threads, pieces, restorePiece) {
		if err == nil {
			err = d.write(out)
		}
		if err != nil {
			return err
		}
		if done += d.piece.size(); progress != nil {
			progress(done)
		}
	}
	return nil
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
	r     *Reader
	piece piece
	own   *heldBlock   // nil if the piece cannot be read here, but perhaps from another copy
	first int          // entry to write next
	next  int          // entry to fetch next
	last  int          // entry after the piece
	parts [][]byte     // verified bytes of entries first to next; nil for a run or a node
	held  []*heldBlock // items of the cache, whose memory parts uses
	bytes int64        // of held
}

// restorePiece reads the segment of a piece. It verifies the bytes of the piece, or the first of
// them, see fetch.
func restorePiece(p piece) (*restored, error) {
	d := &restored{r: p.r, piece: p}
	err := d.load()
	if err != nil && p.node != nil {
		return d, nil
	}
	return d, err
}

// load reads the segment of the piece. After an error d holds no memory.
func (d *restored) load() error {
	own, err := d.r.segment(d.piece.segment)
	if err != nil {
		return err
	}
	b := own.Value
	d.own, d.first, d.last = own, b.from(d.piece.from), b.from(d.piece.to)
	if d.first == len(b.entries) || b.starts[d.first] > d.piece.from {
		d.first--
	}
	d.next = d.first
	if err := d.fetch(); err != nil {
		d.release()
		return err
	}
	return nil
}

// fetch verifies the next entries, as many as the limits allow. It returns an error only for the
// first of them, so that those before a fault are written.
func (d *restored) fetch() error {
	b := d.own.Value
	for ; d.next < d.last && len(d.held) < maxHeldBlocks && d.bytes < maxHeldBytes; d.next++ {
		i := d.next
		if e := &b.entries[i]; e.Kind.IsRun() || e.Kind == stream.NodeRef {
			d.parts = append(d.parts, nil)
			continue
		}
		p, it, err := d.r.bytes(b, i)
		if err != nil && len(d.parts) > 0 {
			return nil
		}
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
	d.own = nil
}

// write writes the requested bytes of d, and releases d. If d is part of a node and fails, write
// goes on with another copy.
func (d *restored) write(out Output) error {
	n := d.piece.node
	if n == nil {
		return d.writeHere(out)
	}
	w := &tally{out: out}
	if d.own != nil {
		if err := d.writeHere(w); err == nil || w.err != nil {
			return err
		}
	}
	return n.restoreAgain(d.piece.from+w.done, d.piece.to, out)
}

// writeHere writes the requested bytes of d from this copy of the archive, and releases d.
func (d *restored) writeHere(out Output) error {
	defer d.release()
	b := d.own.Value
	w := NewEntryWriter(out, b.starts[d.first], d.piece.from, d.piece.to)
	for {
		for i, p := range d.parts {
			if err := d.writeEntry(w, d.first+i, p, out); err != nil {
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

// writeEntry writes the requested bytes of entry i, which are part of p.
func (d *restored) writeEntry(w *EntryWriter, i int, p []byte, out Output) error {
	b := d.own.Value
	e := &b.entries[i]
	if e.Kind != stream.NodeRef {
		return w.Add(e, p)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	w.Skip(e.Len)
	n := &node{&d.r.parents, *e, d.piece.level, d.piece.node, b.starts[i]}
	shift := e.Offset - b.starts[i]
	return writePieces(n.pieces(max(d.piece.from, b.starts[i])+shift, min(d.piece.to, b.starts[i+1])+shift), out)
}
