package archive

import (
	"iter"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// This file reads nodes of parents: entries that stand for a part of a stream of another archive.

// node calls read with a copy of the parent that holds e, a node, which must be below level. If
// read fails, node looks for the next copy, until read succeeds.
func (p *parentList) node(e *stream.Entry, level int, read func(from *Reader) error) error {
	if err := index.CheckLevel(e, level); err != nil {
		return err
	}
	return p.with(int(e.Parent), func(from *Reader) error {
		if err := from.HoldsNode(e); err != nil {
			return err
		}
		if from.other != nil { // its id says nothing about the content
			if err := from.other.check(from, e); err != nil {
				return err
			}
		}
		return read(from)
	})
}

// checkNode returns an error unless the part of a stream of r that e, a node, stands for has the
// digest of e. It reads the index of r and of parents of r.
func (r *Reader) checkNode(e *stream.Entry) error {
	return r.CheckNode(e, func(f *stream.Entry) error {
		return r.parents.node(f, int(e.Level), func(from *Reader) error { return from.checkNode(f) })
	})
}

// readNode fills p with the bytes of e, a node of a parent, from byte skip of the node on. The node
// must be below level.
func (r *Reader) readNode(level int, e *stream.Entry, p []byte, skip int64) error {
	return r.parents.node(e, level, func(from *Reader) error {
		n, err := from.readBelow(int(e.Level), int(e.Stream), p, e.Offset+skip)
		if err == nil && n < len(p) {
			err = index.Corruptf("stream %d ends at offset %d", e.Stream, e.Offset+skip+int64(n))
		}
		return err
	})
}

// node is an entry of an archive that stands for a part of a stream of a parent.
type node struct {
	parents *parentList // of the archive
	entry   stream.Entry
	level   int // the node must be below it
}

// pieces yields the pieces of a range of the node, which is given by offsets in the stream of the
// parent.
func (n *node) pieces(from, to int64) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		stop := false
		err := n.parents.node(&n.entry, n.level, func(r *Reader) error {
			for p, err := range r.piecesBelow(int(n.entry.Level), n, int(n.entry.Stream), from, to) {
				if err != nil {
					return err
				}
				from += p.size()
				if stop = !yield(p, nil); stop {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stop {
			yield(piece{}, err)
		}
	}
}

// restoreAgain writes a piece of the node after a copy of the parent has failed. It tries all
// copies.
func (n *node) restoreAgain(p piece, out Output) error {
	from := p.from
	return n.parents.node(&n.entry, n.level, func(r *Reader) error {
		for p, err := range r.piecesBelow(int(n.entry.Level), nil, int(n.entry.Stream), from, p.to) {
			var d *restored
			if err == nil {
				d, err = restorePiece(p)
			}
			if err == nil {
				err = d.write(out)
			}
			if err != nil {
				return err
			}
			from += p.size()
		}
		return nil
	})
}
