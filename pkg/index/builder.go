package index

import (
	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Builder makes the index of an archive from the frames of its body, in one pass. The index depends
// on nothing but the body, so that whoever has read the body can tell whether an index is its own.
// It takes memory for the pages that are not full yet, and for the root.
type Builder struct {
	Root Root

	ciphers *Ciphers
	put     func(area int, page []byte) error

	segments []SegmentRef // of the page that is not full yet
	entries  *wire.Writer // of these
	before   Extent       // frames since the last segment
	group    blake.Hasher // over their digests

	tree   stream.Tree // of the open stream
	at     int64       // its length so far
	closed int         // streams that have ended
	nodes  [stream.MaxLevel + 1]nodesUnderWay
	err    error // of a page of nodes

	lists []listBuilder
	w     *wire.Writer
}

// nodesUnderWay are nodes of a level. The last one is kept apart: it may be the top of its tree.
type nodesUnderWay struct {
	page []NodeAt
	last *NodeAt
}

// listBuilder makes a list.
type listBuilder struct {
	List
	waiting [][]Child // by height: those that no directory page lists yet
	made    []int     // by height: how many there are with those listed
}

// NewBuilder returns a Builder. It passes the pages of each area to put, in order; they are valid
// during the call.
func NewBuilder(c *Ciphers, put func(area int, page []byte) error) *Builder {
	b := &Builder{ciphers: c, put: put, entries: wire.NewWriter(), w: wire.NewWriter(), lists: make([]listBuilder, 1)}
	b.tree.Ended = b.ended
	return b
}

// Add adds a frame of the body, which is stored at at. References have their hash and ordinal.
func (b *Builder) Add(f stream.Frame, at Extent) error {
	chunks := b.Root.Info.Totals.Chunks()
	b.Root.Info.Add(f)
	switch f := f.(type) {
	case *stream.Segment:
		ref := SegmentRef{Position{len(b.Root.Info.Streams) - 1, f.Offset, chunks}, at, b.endGroup(at.Pos)}
		return b.AddSegment(ref, f.Entries)
	case *stream.Dict:
		b.Root.Dicts = append(b.Root.Dicts, DictRef{Id: f.ID, Extent: at})
	case *stream.Close:
		top, err := b.EndStream()
		if err != nil {
			return err
		}
		s := &b.Root.Info.Streams[len(b.Root.Info.Streams)-1]
		s.Level, s.Holes = top.Level, top.Holes
	}
	b.AddOther(at)
	return nil
}

// AddOther adds a frame that is no segment, and of which the index says nothing but its place.
func (b *Builder) AddOther(at Extent) {
	b.before.Len += at.Len
	b.group.Write(at.Digest[:])
}

// endGroup returns the frames since the last segment, which end at a position.
func (b *Builder) endGroup(end int64) Extent {
	if b.before.Len == 0 {
		return Extent{Pos: end}
	}
	s := Extent{end - b.before.Len, b.before.Len, b.group.Sum()}
	b.before.Len = 0
	b.group.Reset()
	return s
}

// AddSegment adds a segment of the open stream.
func (b *Builder) AddSegment(ref SegmentRef, entries []stream.Entry) error {
	for i := range entries {
		b.at += entries[i].Len
		if err := b.tree.Add(&entries[i]); err != nil {
			return err
		}
	}
	b.segments = append(b.segments, ref)
	stream.AppendEntries(b.entries, entries, false)
	if b.err == nil && (len(b.segments) == PageSegments || len(b.entries.Written()) >= PageBytes) {
		b.err = b.endSegments()
	}
	return b.err
}

// ended takes a node.
func (b *Builder) ended(n stream.Node) {
	b.keepLast(n.Level)
	b.nodes[n.Level].last = &NodeAt{n, b.closed, b.at - n.Len}
}

// keepLast adds the last node of a level to the page.
func (b *Builder) keepLast(level int) {
	u := &b.nodes[level]
	if u.last == nil {
		return
	}
	u.page = append(u.page, *u.last)
	u.last = nil
	if len(u.page) == PageNodes && b.err == nil {
		b.err = b.endNodes(level)
	}
}

// EndStream ends the open stream, and returns the top of its content tree. The next segment is of
// the next stream.
func (b *Builder) EndStream() (stream.Node, error) {
	top := b.tree.Top()
	for level := range top.Level {
		b.keepLast(level)
	}
	if top.Level < len(b.nodes) {
		b.nodes[top.Level].last = nil
	}
	b.tree.Reset()
	b.at = 0
	b.closed++
	return top, b.err
}

// endSegments writes the page of segments, unless it is empty.
func (b *Builder) endSegments() error {
	if len(b.segments) == 0 {
		return nil
	}
	l := &b.lists[segmentList]
	c := Child{First: First{b.segments[0].Position, l.Items}}
	b.w.Reset()
	appendMapPage(b.w, l.Pages, b.segments, b.ciphers)
	if err := b.write(segmentList, &c.At); err != nil {
		return err
	}
	b.w.Reset()
	appendEntryPage(b.w, l.Pages, len(b.segments), b.entries.Written(), b.ciphers)
	if err := b.write(segmentList, &c.Entries); err != nil {
		return err
	}
	n := len(b.segments)
	b.segments = b.segments[:0]
	b.entries.Reset()
	return b.addPage(segmentList, c, n)
}

// endNodes writes the page of nodes of a level, unless it is empty.
func (b *Builder) endNodes(level int) error {
	nodes := b.nodes[level].page
	if len(nodes) == 0 {
		return nil
	}
	list := nodeList(level)
	for len(b.lists) <= list {
		b.lists = append(b.lists, listBuilder{})
	}
	l := &b.lists[list]
	c := Child{First: First{nodes[0].position(), l.Items}}
	b.w.Reset()
	appendNodePage(b.w, pageKey{list: list, number: l.Pages}, nodes, b.ciphers)
	if err := b.write(list, &c.At); err != nil {
		return err
	}
	b.nodes[level].page = nodes[:0]
	return b.addPage(list, c, len(nodes))
}

// write writes the page in b.w to the area of a list, and sets at.
func (b *Builder) write(list int, at *Extent) error {
	p := b.w.Written()
	*at = Extent{b.Root.Areas[area(list)], int64(len(p)), blake.Sum(p)}
	b.Root.Areas[area(list)] += at.Len
	return b.put(area(list), p)
}

// addPage adds a page of n items to a list.
func (b *Builder) addPage(list int, c Child, n int) error {
	l := &b.lists[list]
	l.Pages++
	l.Items += int64(n)
	return b.addChild(list, 0, c)
}

// addChild adds a page at a height. Those that wait there go to a directory page if they fill one,
// but only now, since the root lists them if there are no more.
func (b *Builder) addChild(list, h int, c Child) error {
	l := &b.lists[list]
	if len(l.waiting) == h {
		l.waiting, l.made = append(l.waiting, nil), append(l.made, 0)
	}
	if len(l.waiting[h]) == FanOut {
		if err := b.endDirectory(list, h); err != nil {
			return err
		}
	}
	l.waiting[h] = append(l.waiting[h], c)
	l.made[h]++
	return nil
}

// endDirectory writes a directory page of those that wait at a height.
func (b *Builder) endDirectory(list, h int) error {
	l := &b.lists[list]
	children := l.waiting[h]
	number := 0
	if len(l.waiting) > h+1 {
		number = l.made[h+1]
	}
	b.w.Reset()
	appendDirectory(b.w, pageKey{list: list, height: h + 1, number: number}, children, b.ciphers)
	c := Child{First: children[0].First}
	if err := b.write(list, &c.At); err != nil {
		return err
	}
	l.waiting[h] = children[:0]
	return b.addChild(list, h+1, c)
}

// Finish writes the pages that are not full, and completes Root. end is where the body ends.
func (b *Builder) Finish(end int64) error {
	b.Root.Rest = b.endGroup(end)
	if err := b.endSegments(); err != nil {
		return err
	}
	for level := range b.nodes {
		if err := b.endNodes(level); err != nil {
			return err
		}
	}
	for list := range b.lists {
		l := &b.lists[list]
		for h := 0; h+1 < len(l.waiting); h++ {
			if err := b.endDirectory(list, h); err != nil {
				return err
			}
		}
		if n := len(l.waiting); n > 0 {
			l.Top = l.waiting[n-1]
		}
		b.Root.Lists = append(b.Root.Lists, l.List)
	}
	b.Root.Seal(b.ciphers)
	return nil
}
