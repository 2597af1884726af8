package index

import (
	"sort"

	"hexz/pkg/stream"
)

// The pages of an index are lists: one of the pages of segments, and one of the pages of nodes of
// each level of the content trees. Each list is stored as a tree, so that a reader comes to any page
// by a few reads: directory pages list FanOut pages or directory pages each, and the root lists
// what is at the top.

// segmentList is the number of the list of segments. nodeList returns that of the nodes of a level.
const segmentList = 0

func nodeList(level int) int { return 1 + level }

const maxLists = 2 + stream.MaxLevel

// List is a list of pages, as the root has it.
type List struct {
	Pages int     // how many
	Items int64   // segments or nodes in all pages
	Top   []Child // pages, or directory pages if there are more than FanOut pages
}

// Child is a page or a directory page, as the root or the directory page above lists it.
type Child struct {
	At      Extent // of a map page, of a page of nodes, or of a directory page
	Entries Extent // of the entry page that belongs to a map page
	First
}

// First says what a page begins with.
type First struct {
	Position       // of its first item; nodes have no ordinal
	Number   int64 // of items in the pages before it
}

// height returns how many levels of directory pages a list of pages has.
func height(pages int) int {
	h := 0
	for ; pages > FanOut; h++ {
		pages = groups(pages)
	}
	return h
}

// groups returns how many directory pages list n pages.
func groups(n int) int { return (n + FanOut - 1) / FanOut }

// countAt returns how many pages a list has at a height: 0 is that of the pages themselves.
func (l *List) countAt(h int) int {
	n := l.Pages
	for ; h > 0; h-- {
		n = groups(n)
	}
	return n
}

// pairs reports whether each child is a map page with its entry page.
func pairs(list, h int) bool { return list == segmentList && h == 0 }

// child returns page n of a list at a height.
func (x *Index) child(list, h, n int) (Child, error) {
	l := &x.Root.Lists[list]
	if h == height(l.Pages) {
		return l.Top[n], nil
	}
	above, err := x.directory(list, h+1, n/FanOut)
	if err != nil {
		return Child{}, err
	}
	return above[n%FanOut], nil
}

// directory returns the children of directory page n of a list at a height.
func (x *Index) directory(list, h, n int) ([]Child, error) {
	p, err := x.pages.Value(pageKey{x, list, h, n})
	return p.children, err
}

// loadDirectory loads a directory page.
func (x *Index) loadDirectory(k pageKey) ([]Child, error) {
	at, err := x.child(k.list, k.height, k.number)
	if err != nil {
		return nil, err
	}
	raw, err := x.readPage(k.list, at.At, "directory page")
	if err != nil {
		return nil, err
	}
	l := &x.Root.Lists[k.list]
	want := min(FanOut, l.countAt(k.height-1)-k.number*FanOut)
	children, err := parseDirectory(raw, k, want, x.Ciphers, x.locked != nil)
	if err == nil && x.locked == nil {
		var next First
		if next, err = x.after(k.list, k.height, k.number); err == nil {
			err = checkChildren(children, at.First, next)
		}
	}
	return children, inPage("directory page", at.At, err)
}

// after returns what comes after page n of a list at a height: the next page, or the end.
func (x *Index) after(list, h, n int) (First, error) {
	l := &x.Root.Lists[list]
	if n+1 == l.countAt(h) {
		return x.Root.end(list), nil
	}
	if (n+1)%FanOut == 0 && h < height(l.Pages) {
		return x.after(list, h+1, n/FanOut) // no other directory page need be read
	}
	next, err := x.child(list, h, n+1)
	return next.First, err
}

// begin returns where the first item of a list is.
func (l *List) begin() (p Position) {
	if len(l.Top) > 0 {
		p = l.Top[0].Position
	}
	return p
}

// end returns what comes after all pages of a list.
func (r *Root) end(list int) First {
	end := First{Position{Stream: len(r.Info.Streams)}, r.Lists[list].Items}
	if list == segmentList {
		end.Ordinal = r.Info.Totals.Chunks()
	}
	return end
}

// checkChildren returns an error unless children begin with first, are in order, and end before
// next.
func checkChildren(children []Child, first, next First) error {
	if len(children) > 0 && children[0].First != first {
		return Corruptf("it does not begin as the page above says")
	}
	for i := range children {
		end := next
		if i+1 < len(children) {
			end = children[i+1].First
		}
		if c := &children[i]; !c.before(end.Position) || c.Number >= end.Number {
			return Corruptf("pages %d and %d of it are out of order", i, i+1)
		}
	}
	return nil
}

// last returns the last page of a list of which after does not hold, and its number: -1 if there is
// none.
func (x *Index) last(list int, after func(First) bool) (int, Child, error) {
	l := &x.Root.Lists[list]
	children, number := l.Top, 0
	for h := height(l.Pages); ; h-- {
		i := sort.Search(len(children), func(i int) bool { return after(children[i].First) }) - 1
		if i < 0 {
			return -1, Child{}, nil // only at the top, since a page begins as the one above says
		}
		if number += i; h == 0 {
			return number, children[i], nil
		}
		var err error
		if children, err = x.directory(list, h, number); err != nil {
			return 0, Child{}, err
		}
		number *= FanOut
	}
}

// lastNotAfter is last for a position.
func (x *Index) lastNotAfter(list int, after func(Position) bool) (int, error) {
	n, _, err := x.last(list, func(f First) bool { return after(f.Position) })
	return n, err
}

// area returns the number of the area that has the pages of a list: 0 for segments, 1 for nodes.
func area(list int) int { return min(list, 1) }

// AreaStart returns where an area of the index begins: 0 has the pages of segments, 1 those of nodes.
func (x *Index) AreaStart(number int) int64 {
	at := x.RootAt.Pos
	for _, n := range x.Root.Areas[number:] {
		at -= n
	}
	return at
}

// readPage reads a page of a list. Positions in the index count from the start of the area.
func (x *Index) readPage(list int, at Extent, what string) ([]byte, error) {
	if x.NodesOnly() && area(list) == 0 {
		return nil, ErrNodesOnly
	}
	if at.Pos > x.Root.Areas[area(list)]-at.Len {
		return nil, Corruptf("%s at byte %d of the index ends after its area", what, at.Pos)
	}
	return x.ReadExtent(x.pageAt(list, at), what)
}

// pageAt returns the extent of a page in the file.
func (x *Index) pageAt(list int, at Extent) Extent {
	at.Pos += x.AreaStart(area(list))
	return at
}
