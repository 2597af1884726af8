package archive

import (
	"cmp"
	"errors"
	"iter"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// This file reads nodes of parents: entries that stand for a part of a stream of another archive.

// node calls read with a copy of the parent that holds e, a node, which must be below level. If
// read fails, node looks for the next copy, until read succeeds. done returns how many bytes of the
// node read needs no more. why says what it reads.
func (p *parentList) node(e *stream.Entry, level int, why purpose, done func() int64, read func(from *Reader) error) error {
	if err := index.CheckLevel(e, level); err != nil {
		return err
	}
	if level == index.AnyLevel {
		defer p.family.faults.forget()
	}
	return p.with(int(e.Parent), func(from *Reader) error {
		if err := from.HoldsNode(e); err != nil {
			return err
		}
		return p.family.faults.skip(nodeFault{from, why, e.Level, e.Stream, e.Offset + done()}, func() (bool, error) {
			before := done()
			if err := from.checkPlace(e); err != nil {
				return true, err
			}
			err := read(from)
			return done() == before, err
		})
	})
}

// whole is the done of what reads a node as a whole.
func whole() int64 { return 0 }

// checkPlace returns an error unless e is a node of r where it says. r lists its nodes, and its id covers
// the list. Of a copy that has another id, and of one whose list is damaged, the entries are read.
func (r *Reader) checkPlace(e *stream.Entry) error {
	if r.other != nil {
		return r.checkNode(e)
	}
	listed, err := r.Lists(e)
	switch {
	case errors.Is(err, stream.ErrCorrupt):
		return r.checkNode(e)
	case err == nil && !listed:
		err = index.Corruptf("there is no such node of level %d at offset %d", e.Level, e.Offset)
	}
	return err
}

// checkNode returns an error unless the part of a stream of r that e, a node, stands for has the
// digest of e. It reads the index of r and of parents of r. It remembers the nodes that are right.
func (r *Reader) checkNode(e *stream.Entry) error {
	key := stream.Entry{Level: e.Level, Stream: e.Stream, Offset: e.Offset, Len: e.Len, Hash: e.Hash}
	if _, ok := r.checked.Load(key); ok {
		return nil
	}
	err := r.CheckNode(e, func(f *stream.Entry) error {
		return r.parents.node(f, int(e.Level), checking, whole, func(from *Reader) error { return from.checkNode(f) })
	})
	if err == nil {
		r.checked.Store(key, true)
	}
	return err
}

// readNode fills p with the bytes of e, a node of a parent, from byte skip of the node on. The node
// must be below level. The copies of the parent may be damaged at different places.
func (r *Reader) readNode(level int, e *stream.Entry, p []byte, skip int64) error {
	return advance(func(done int64) (int64, error) {
		err := r.parents.node(e, level, reading, func() int64 { return skip + done }, func(from *Reader) error {
			n, err := from.readBelow(int(e.Level), int(e.Stream), p[done:], e.Offset+skip+done)
			done += int64(n)
			return err
		})
		return done, err
	})
}

// advance calls read, which goes on after what is done, until it succeeds or gets no further.
func advance(read func(done int64) (int64, error)) error {
	for done := int64(0); ; {
		now, err := read(done)
		if err == nil || now == done {
			return err
		}
		done = now
	}
}

// node is an entry of an archive that stands for a part of a stream of a parent.
type node struct {
	parents *parentList // of the archive
	entry   stream.Entry
	level   int   // the node must be below it
	outer   *node // the node that the entry is a part of, or nil
	at      int64 // offset of the entry in the stream of the archive
}

// pieces yields the pieces of a range of the node, which is given by offsets in the stream of the
// parent.
func (n *node) pieces(from, to int64) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		stop := false
		err := n.parents.node(&n.entry, n.level, planning, func() int64 { return from - n.entry.Offset }, func(r *Reader) error {
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

// restoreAgain writes a range of the node, given as for pieces, after a copy of the parent has
// failed. It tries all copies, and then the copies of the archive in which the node stands.
func (n *node) restoreAgain(from, to int64, out Output) error {
	w := &tally{out: out}
	err := advance(func(int64) (int64, error) {
		err := n.parents.node(&n.entry, n.level, writing, func() int64 { return from + w.done - n.entry.Offset }, func(r *Reader) error {
			err := writePieces(r.piecesBelow(int(n.entry.Level), nil, int(n.entry.Stream), from+w.done, to), w)
			if w.err != nil {
				return nil // no other copy can help
			}
			return err
		})
		return w.done, err
	})
	if err == nil || n.outer == nil {
		return cmp.Or(w.err, err)
	}
	shift := n.at - n.entry.Offset
	return n.outer.restoreAgain(from+w.done+shift, to+shift, out)
}

// writePieces writes pieces one after the other.
func writePieces(pieces iter.Seq2[piece, error], out Output) error {
	for p, err := range pieces {
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
	}
	return nil
}

// tally is an Output that counts what it passes on, so that nothing is written twice. It keeps the
// error of the Output, which says nothing about what is read.
type tally struct {
	out  Output
	done int64
	err  error
}

func (t *tally) Write(p []byte) (n int, err error) {
	n, t.err = t.out.Write(p)
	t.done += int64(n)
	return n, t.err
}

func (t *tally) Zeros(n int64) error { return t.run(n, t.out.Zeros) }
func (t *tally) Hole(n int64) error  { return t.run(n, t.out.Hole) }

func (t *tally) run(n int64, write func(n int64) error) error {
	if t.err = write(n); t.err == nil {
		t.done += n
	}
	return t.err
}
