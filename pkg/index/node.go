package index

import "hexz/pkg/stream"

// CheckNode returns an error unless the part of a stream of x that e, a node, stands for has the
// digest of e. It calls nested for each node of a parent of x within that part, which must be
// checked by the same rule.
func (x *Index) CheckNode(e *stream.Entry, nested func(e *stream.Entry) error) error {
	if err := x.HoldsNode(e); err != nil {
		return err
	}
	var t stream.Tree
	for f, err := range x.EntriesIn(int(e.Stream), e.Offset, e.Offset+e.Len, e.Offset) {
		if err == nil && f.Kind == stream.NodeRef {
			if err = CheckLevel(f.Entry, int(e.Level)); err == nil {
				err = nested(f.Entry)
			}
		}
		if err == nil {
			err = t.Add(f.Entry)
		}
		if err != nil {
			return err
		}
	}
	if n, ok := t.NodeOf(int(e.Level)); !ok || n.Hash != e.Hash {
		return Corruptf("there is another node of level %d at offset %d", e.Level, e.Offset)
	}
	return nil
}

// HoldsNode returns an error unless x has the part of a stream that e, a node, stands for.
func (x *Index) HoldsNode(e *stream.Entry) error {
	streams := x.Root.Info.Streams
	if int(e.Stream) >= len(streams) {
		return Corruptf("node of stream %d, there are %d", e.Stream, len(streams))
	}
	if s := &streams[e.Stream]; e.Len > s.Size-e.Offset {
		return Corruptf("node of %d bytes at offset %d of stream %q, which has %d bytes", e.Len, e.Offset, s.Name, s.Size)
	}
	return nil
}

// AnyLevel is above the level of every node.
const AnyLevel = stream.MaxLevel + 1

// CheckLevel returns an error unless e, a node, is below a level. A node stands in its parent as
// entries whose nodes have lower levels. So a read passes through at most as many archives as a
// tree has levels, and comes to an end even if archives name each other.
func CheckLevel(e *stream.Entry, level int) error {
	if int(e.Level) < level {
		return nil
	}
	return Corruptf("a node of level %d within a node of level %d", e.Level, level)
}
