package archive

import (
	"iter"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// A piece is what is restored at a time: a part of a segment of an archive or of a parent.
type piece struct {
	r        *Reader
	segment  int64 // its number
	from, to int64 // offsets in the stream of r
	level    int   // nodes in it must be below it
	node     *node // if r is a parent: where the piece is from
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

func (p *piece) size() int64 { return p.to - p.from }

// pieces yields the pieces of a range of a stream. Those of nodes are pieces of parents.
func (r *Reader) pieces(streamNo int, from, to int64) iter.Seq2[piece, error] {
	return r.piecesBelow(index.AnyLevel, nil, streamNo, from, to)
}

// piecesBelow is pieces for a range in which nodes must be below a level. The range is part of a
// node of another archive, or of is nil.
//
// The entry pages say where nodes are. What they hide, or what is in a damaged page, is restored as
// well, but not in parallel: see restored.
func (r *Reader) piecesBelow(level int, of *node, streamNo int, from, to int64) iter.Seq2[piece, error] {
	if r.Root.Info.Totals.Node.N == 0 {
		return r.ownPieces(level, of, streamNo, from, to)
	}
	return func(yield func(piece, error) bool) {
		at := from
		for e, err := range r.Range(streamNo, from, to) {
			if err != nil {
				break
			}
			if e.Kind != stream.NodeRef || !r.hasNode(streamNo, e) {
				continue
			}
			n := &node{&r.parents, *e.Entry, level, of, e.Offset}
			shift := n.entry.Offset - e.Offset
			first, end := max(from, e.Offset), min(to, e.Offset+e.Len)
			if !pass(yield, r.ownPieces(level, of, streamNo, at, first)) || !pass(yield, n.pieces(first+shift, end+shift)) {
				return
			}
			at = end
		}
		pass(yield, r.ownPieces(level, of, streamNo, at, to))
	}
}

// hasNode reports whether a segment has the node that the index has.
func (r *Reader) hasNode(streamNo int, want index.Leaf) bool {
	number, err := r.FindOffset(streamNo, want.Offset)
	if err != nil {
		return false
	}
	it, err := r.segment(number)
	if err != nil {
		return false
	}
	defer r.release(it)
	b := it.Value
	i := b.from(want.Offset)
	if b.stream != streamNo || i == len(b.entries) || b.starts[i] != want.Offset {
		return false
	}
	e := &b.entries[i]
	return e.Kind == stream.NodeRef && e.Len == want.Len && e.Hash == want.Hash && e.Level == want.Level &&
		e.Parent == want.Parent && e.Stream == want.Stream && e.Offset == want.Entry.Offset
}

// pass yields all pieces of a sequence. It reports whether there may be more.
func pass(yield func(piece, error) bool, pieces iter.Seq2[piece, error]) bool {
	for p, err := range pieces {
		if !yield(p, err) || err != nil {
			return false
		}
	}
	return true
}

// ownPieces yields the pieces of a range of the segments of r itself.
func (r *Reader) ownPieces(level int, of *node, streamNo int, from, to int64) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		if from >= to {
			return
		}
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
				if !yield(piece{r, number, from, from + n, level, of}, nil) {
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
