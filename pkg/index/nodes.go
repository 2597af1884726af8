package index

import (
	"iter"
	"sort"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The pages of nodes list, level by level, the nodes of the content trees of all streams, in order:
// those that the archive itself has the entries or lower nodes of. A node entry stands for a node
// of another archive, and is not listed. Neither is the top of a tree, which Info has.

// NodeAt is a node with its place.
type NodeAt struct {
	stream.Node
	Stream int   // number of its stream
	Offset int64 // in the stream
}

// appendNodePage writes a page of nodes of one level, which are sealed if the archive is encrypted.
func appendNodePage(w *wire.Writer, k pageKey, nodes []NodeAt, c *Ciphers) {
	list := wire.NewWriter()
	list.Array(len(nodes))
	for i := range nodes {
		n := &nodes[i]
		list.Array(5)
		list.Int(int64(n.Stream))
		list.Int(n.Offset)
		list.Int(n.Len)
		list.Bytes(n.Hash[:])
		list.Int(n.Holes)
	}
	w.Array(4)
	w.Int(int64(kindNodePage))
	w.Int(int64(k.list - nodeList(0)))
	w.Int(int64(k.number))
	w.Bytes(c.Seal(nodeDomain, k.sealed(), list.Written()))
}

// parseNodePage reads a page of nodes. Without a key, if locked, it returns none.
func parseNodePage(b []byte, k pageKey, c *Ciphers, locked bool) ([]NodeAt, error) {
	level := k.list - nodeList(0)
	in := wire.NewBytesReader(b)
	IndexFrame(in, kindNodePage, 4)
	if got := in.Int(stream.MaxLevel); in.Err() == nil && got != int64(level) {
		in.Failf("page of nodes of level %d where level %d was expected", got, level)
	}
	pageNumber(in, k.number)
	content := in.Bytes(MaxIndexFrame)
	if err := finish(in); err != nil || locked {
		return nil, err
	}
	content, err := c.Open(nodeDomain, k.sealed(), content)
	if err != nil {
		return nil, err
	}
	in = wire.NewBytesReader(content)
	n := in.Array(PageNodes)
	nodes := make([]NodeAt, 0, n)
	for ; n > 0 && in.Err() == nil; n-- {
		tuple(in, 5)
		p := NodeAt{Stream: int(in.Int(stream.MaxStreams)), Offset: in.Int(stream.MaxSize)}
		p.Level, p.Len = level, in.Int(stream.MaxSize)
		in.Fixed(p.Hash[:])
		p.Holes = in.Int(stream.MaxSize)
		nodes = append(nodes, p)
	}
	return nodes, finish(in)
}

// loadNodes loads a page of nodes.
func (x *Index) loadNodes(k pageKey) ([]NodeAt, error) {
	at, err := x.child(k.list, 0, k.number)
	if err != nil {
		return nil, err
	}
	raw, err := x.readPage(k.list, at.At, "page of nodes")
	if err != nil {
		return nil, err
	}
	nodes, err := parseNodePage(raw, k, x.Ciphers, x.locked != nil)
	if err == nil && x.locked == nil {
		var next First
		if next, err = x.after(k.list, 0, k.number); err == nil {
			err = x.checkNodes(nodes, at.First, next)
		}
	}
	return nodes, inPage("page of nodes", at.At, err)
}

// checkNodes compares the nodes of a page with what the page above says of the page and of the next
// one, and with the streams.
func (x *Index) checkNodes(nodes []NodeAt, first, next First) error {
	if int64(len(nodes)) != next.Number-first.Number || len(nodes) == 0 || nodes[0].position() != first.Position {
		return Corruptf("page of %d nodes does not fit the page above", len(nodes))
	}
	for i := range nodes {
		n, end := &nodes[i], next.Position
		if i+1 < len(nodes) {
			end = nodes[i+1].position()
		}
		if n.Stream >= len(x.Root.Info.Streams) || n.Len < 1 {
			return Corruptf("node of %d bytes of stream %d", n.Len, n.Stream)
		}
		s := &x.Root.Info.Streams[n.Stream]
		if end.Stream > n.Stream {
			end = Position{n.Stream, s.Size, 0}
		}
		if n.Level >= s.Level || end.Stream < n.Stream || n.Len > end.Offset-n.Offset {
			return Corruptf("node %d, of %d bytes at offset %d of stream %d, is out of order or range", i, n.Len, n.Offset, n.Stream)
		}
	}
	return nil
}

func (n *NodeAt) position() Position { return Position{n.Stream, n.Offset, 0} }

// Top returns the top of the content tree of a stream. It may be a node of a parent that stands
// alone in the stream.
func (x *Index) Top(streamNo int) NodeAt {
	s := &x.Root.Info.Streams[streamNo]
	return NodeAt{stream.Node{Level: s.Level, Len: s.Size, Hash: s.Root, Holes: s.Holes}, streamNo, 0}
}

// Levels returns how many levels have nodes that are listed.
func (x *Index) Levels() int { return len(x.Root.Lists) - nodeList(0) }

// NodeAt returns the node of a level that begins at an offset of a stream, if the archive has it
// and it is not the top.
func (x *Index) NodeAt(level, streamNo int, off int64) (n NodeAt, ok bool, err error) {
	if level >= x.Levels() {
		return n, false, nil
	}
	at := Position{Stream: streamNo, Offset: off}
	list := nodeList(level)
	number, err := x.lastNotAfter(list, at.Less)
	if err != nil || number < 0 {
		return n, false, err
	}
	p, err := x.pages.Value(pageKey{x, list, 0, number})
	if err != nil {
		return n, false, err
	}
	i := sort.Search(len(p.nodes), func(i int) bool { return !p.nodes[i].position().Less(at) })
	if i == len(p.nodes) || p.nodes[i].position() != at {
		return n, false, nil
	}
	return p.nodes[i], true, nil
}

// Lists reports whether e, an entry of another archive, stands for a node of this one: a top, or one that
// is listed.
func (x *Index) Lists(e *stream.Entry) (bool, error) {
	want := e.Node()
	if top := x.Top(int(e.Stream)); e.Offset == 0 && top.Level == want.Level {
		return top.Len == want.Len && top.Hash == want.Hash, nil
	}
	n, ok, err := x.NodeAt(want.Level, int(e.Stream), e.Offset)
	return ok && n.Len == want.Len && n.Hash == want.Hash, err
}

// Nodes yields the nodes of a level, in order, without the tops.
func (x *Index) Nodes(level int) iter.Seq2[NodeAt, error] {
	return func(yield func(NodeAt, error) bool) {
		if err := x.Locked(); err != nil || level >= x.Levels() {
			if err != nil {
				yield(NodeAt{}, err)
			}
			return
		}
		list := nodeList(level)
		for n := range x.Root.Lists[list].Pages {
			p, err := x.pages.Value(pageKey{x, list, 0, n})
			if err != nil {
				yield(NodeAt{}, err)
				return
			}
			for i := range p.nodes {
				if !yield(p.nodes[i], nil) {
					return
				}
			}
		}
	}
}
