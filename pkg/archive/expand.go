package archive

import (
	"context"
	"iter"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// expansion replaces nodes by what they stand for.
type expansion struct {
	number Numbering
	yield  func(stream.Entry, error) bool
	done   int64 // bytes of content of what was yielded
	lost   int64 // bytes from done on that no copy of a nested node has; 0 if it is not known
	stop   bool  // yield has returned false
}

// whole is all that ends with the first error.
func (x *expansion) whole(p *parentList, e *stream.Entry) error {
	return x.node(p, e, index.AnyLevel, x.done)
}

// all yields all of e, a node of a parent of p. An error comes with a hole for what cannot be known,
// and the rest may follow.
func (x *expansion) all(p *parentList, e *stream.Entry) {
	for x.done < e.Len && !x.stop {
		err := x.node(p, e, index.AnyLevel, x.done)
		if err == nil || x.stop {
			return
		}
		n := x.lost
		if n == 0 {
			n = e.Len - x.done
		}
		x.done, x.lost = x.done+n, 0
		x.stop = !x.yield(stream.Entry{Kind: stream.Hole, Len: n}, err)
	}
}

// node yields what e, a node of a parent of p, stands for, but for the first skip bytes: runs, and
// references to the archives that store the chunks.
func (x *expansion) node(p *parentList, e *stream.Entry, level int, skip int64) error {
	start := x.done - skip
	return p.node(e, level, expanding, func() int64 { return x.done - start }, func(from *Reader) error {
		own := from.as(p, e.Parent)
		for f, err := range from.EntriesIn(int(e.Stream), e.Offset, e.Offset+e.Len, e.Offset+x.done-start) {
			if err == nil {
				err = x.part(from, own, f, int(e.Level), x.done-start-(f.Offset-e.Offset))
			}
			if err != nil || x.stop {
				return err
			}
		}
		return nil
	})
}

// part yields what f, an entry of from, the archive own, stands for. The first skip bytes of f were
// yielded before, perhaps from another copy.
func (x *expansion) part(from *Reader, own stream.Parent, f index.Leaf, level int, skip int64) error {
	switch {
	case skip >= f.Len:
		return nil
	case f.Kind == stream.NodeRef:
		end := x.done - skip + f.Len
		err := x.node(&from.parents, f.Entry, level, skip)
		if err != nil && x.lost == 0 {
			x.lost = end - x.done
		}
		return err
	case skip > 0 && !f.Kind.IsRun():
		return index.Corruptf("it has other chunks than another copy at offset %d", f.Offset)
	}
	e, err := x.entry(from, own, f)
	if err != nil {
		return err
	}
	e.Len -= skip
	x.done, x.lost = x.done+e.Len, 0
	x.stop = !x.yield(e, nil)
	return nil
}

// entry returns an entry of from, the archive own, as another archive has it.
func (x *expansion) entry(from *Reader, own stream.Parent, f index.Leaf) (e stream.Entry, err error) {
	if f.Kind.IsRun() {
		return *f.Entry, nil
	}
	e = stream.Entry{Kind: stream.ParentRef, Len: f.Len, Hash: f.Hash, Ordinal: f.Ordinal}
	if !f.Kind.IsStored() {
		e.Ordinal = f.Entry.Ordinal
	}
	if f.Kind == stream.ParentRef {
		own = from.Root.Info.Parents[f.Parent]
	}
	e.Parent, err = x.number(own)
	return e, err
}

// Expand yields what e, a node, stands for: runs, and references to chunks of parents, also of
// parents of parents, which get the numbers after those that were added. An error comes with a hole
// for the part that cannot be known; a caller that goes on gets the rest.
func (p *Parents) Expand(e *stream.Entry) iter.Seq2[stream.Entry, error] {
	return p.p.expand(e, p.number)
}

// expand yields what e, a node, stands for: runs, and references to chunks of parents, which get the
// numbers that number returns.
func (p *parentList) expand(e *stream.Entry, number Numbering) iter.Seq2[stream.Entry, error] {
	return func(yield func(stream.Entry, error) bool) {
		x := &expansion{number: number, yield: yield}
		x.all(p, e)
	}
}

// CheckNode returns an error unless the parents have the node that e stands for.
func (p *Parents) CheckNode(e *stream.Entry) error {
	return p.p.node(e, index.AnyLevel, checking, whole, func(from *Reader) error { return from.checkNode(e) })
}

// RestoreNode writes a part of e, a node, to out: from byte from of the node up to byte to. It
// returns how many bytes it has written.
func (p *Parents) RestoreNode(ctx context.Context, e *stream.Entry, from, to int64, threads int, out Output) (done int64, err error) {
	n := &node{parents: &p.p, entry: *e, level: index.AnyLevel}
	w := &tally{out: out}
	err = restorePieces(ctx, threads, n.pieces(e.Offset+from, e.Offset+to), w, nil)
	return w.done, err
}

// number returns the number of an archive, which may be a new one.
func (p *Parents) number(of stream.Parent) (int32, error) {
	n := p.p.indexOf(of.ID)
	if n < 0 {
		n = len(p.p.list)
		p.p.list = append(p.p.list, of)
	}
	return int32(n), nil
}
