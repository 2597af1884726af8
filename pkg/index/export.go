package index

import (
	"io"
	"maps"

	"hexz/pkg/blake"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// An exported index is what is needed of an archive to refer to its chunks, without their content:
//
//	Header        the first frame of the archive, unchanged
//	area 0        the pages of segments, unchanged; or nothing
//	area 1        the pages of nodes, unchanged
//	root          unchanged
//	1*( *Signature Trailer )
//
// The trailer has a magic of its own, and the position of the root in the exported index.

// ExportOptions are the options of Export. The zero value works.
type ExportOptions struct {
	// Open writes the index of an encrypted archive in plain form, so that it can be used without a
	// key. The export shows the hash and the length of each chunk, and everything in Info. It has no
	// signatures, because it has a root of its own.
	Open bool

	// NodesOnly leaves out the pages of segments. Such an index is some twenty times smaller. It is
	// enough to refer to nodes, but not to single chunks.
	NodesOnly bool
}

// OpenedKey stands in the Meta of an index that was exported in plain form. Its value is the id of
// the archive, which differs from the digest of this root.
const OpenedKey = "archive-id"

// Export writes an exported index of the archive to w. An encrypted archive need not be opened,
// unless o.Open is set.
func (x *Index) Export(w io.Writer, o ExportOptions) error {
	if o.Open {
		if err := x.Locked(); err != nil {
			return err
		}
	}
	_, head, err := x.header()
	if err != nil {
		return err
	}
	first := make([]byte, head.Len)
	if err := x.ReadBytes(first, head.Pos); err != nil {
		return err
	}
	out := &export{x: x, w: w, o: o, moved: map[Extent]Extent{}}
	if o.Open {
		first = encoded(func(w *wire.Writer) { stream.Append(w, &stream.Header{Meta: stream.Meta{SealedKey: true}}) })
	}
	out.write(first)
	for a := range x.Root.Areas {
		if a > 0 || !o.NodesOnly {
			out.area(a)
		}
	}
	out.root()
	return out.err
}

// export is an exported index that is being written.
type export struct {
	x     *Index
	w     io.Writer
	o     ExportOptions
	pos   int64
	err   error
	areas [2]int64          // bytes of them so far
	moved map[Extent]Extent // if o.Open: where pages are that were written, until the page above is
}

func encoded(frame func(*wire.Writer)) []byte {
	w := wire.NewWriter()
	frame(w)
	return w.Written()
}

func (e *export) write(p []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(p)
		e.pos += int64(len(p))
	}
}

// area writes the pages of an area.
func (e *export) area(number int) {
	var pages []pagePlace
	if e.err == nil {
		pages, e.err = e.x.pagesIn(number)
	}
	for _, p := range pages {
		if e.err != nil {
			return
		}
		var raw []byte
		if raw, e.err = e.x.readPage(p.list, p.at, "page"); e.err == nil && e.o.Open {
			raw, e.err = e.opened(p, raw)
		}
		if e.err == nil {
			if e.o.Open {
				e.moved[p.at] = Extent{e.areas[number], int64(len(raw)), blake.Sum(raw)}
				e.areas[number] += int64(len(raw))
			}
			e.write(raw)
		}
	}
}

// opened returns a page in plain form.
func (e *export) opened(p pagePlace, raw []byte) (plain []byte, err error) {
	c, w := e.x.Ciphers, wire.NewWriter()
	switch {
	case p.height > 0:
		var children []Child
		if children, err = e.x.loadDirectory(p.pageKey); err == nil {
			appendDirectory(w, p.pageKey, e.place(children), nil)
		}
	case p.height == entryHeight:
		if plain, err = entryContent(raw, p.number, c); err == nil {
			appendEntries(w, p.number, plain)
		}
	case p.list == segmentList:
		var segments []SegmentRef
		if segments, err = parseMapPage(raw, p.number, c, false); err == nil {
			appendMapPage(w, p.number, segments, nil)
		}
	default:
		var nodes []NodeAt
		if nodes, err = parseNodePage(raw, p.pageKey, c, false); err == nil {
			appendNodePage(w, p.pageKey, nodes, nil)
		}
	}
	return w.Written(), err
}

// place sets the places that the children of a page have now.
func (e *export) place(children []Child) []Child {
	list := make([]Child, len(children))
	for i, c := range children {
		list[i] = Child{e.moved[c.At], e.moved[c.Entries], c.First}
		delete(e.moved, c.At)
		delete(e.moved, c.Entries)
	}
	return list
}

// root writes the root and the tail.
func (e *export) root() {
	if e.err != nil {
		return
	}
	raw, err := e.x.ReadExtent(e.x.RootAt, "root")
	tail := wire.NewWriter()
	if e.o.Open {
		raw = e.openedRoot()
	} else {
		for _, s := range e.x.tail.Signatures {
			AppendSignature(tail, s.Marshal())
		}
	}
	at := Extent{e.pos, int64(len(raw)), blake.Sum(raw)}
	if e.err = err; err == nil {
		e.write(raw)
	}
	magic := indexMagic
	if e.o.NodesOnly {
		magic = nodesMagic
	}
	e.write(Trailer{at, magic}.Append(tail.Written()))
}

// openedRoot returns the root in plain form, with the id of the archive.
func (e *export) openedRoot() []byte {
	root := *e.x.Root
	root.Features = nil
	root.Areas = e.areas
	root.Lists = nil
	for i, l := range e.x.Root.Lists {
		if area(i) > 0 || !e.o.NodesOnly {
			l.Top = e.place(l.Top)
		}
		root.Lists = append(root.Lists, l)
	}
	id := e.x.ID()
	root.Info.Meta = maps.Clone(root.Info.Meta)
	if root.Info.Meta == nil {
		root.Info.Meta = stream.Meta{}
	}
	root.Info.Meta[OpenedKey] = id[:]
	root.Seal(nil)
	return encoded(func(w *wire.Writer) { AppendRoot(w, &root) })
}

// OpenAny opens the index of an archive, or an exported index, of size bytes on src.
func OpenAny(src io.ReaderAt, size int64, opener seal.Opener) (*Index, error) {
	x, err := Open(src, size, magicOf(src, size), opener, NewPageCache(DefaultPages))
	if err == nil {
		err = x.Locked()
	}
	if err == nil && x.Exported() {
		err = x.readOpened()
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// readOpened takes the archive id from an index that was exported in plain form.
func (x *Index) readOpened() error {
	value, opened := x.Root.Info.Meta[OpenedKey]
	if !opened || x.Root.Encrypted() {
		return nil
	}
	p, ok := value.([]byte)
	if !ok || len(p) != len(Hash{}) {
		return Corruptf("the archive id of an opened index is not one")
	}
	delete(x.Root.Info.Meta, OpenedKey)
	id := Hash(p)
	x.opened = &id
	return nil
}
