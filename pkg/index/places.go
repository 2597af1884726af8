package index

import (
	"cmp"
	"errors"
	"slices"
)

// ErrNodesOnly is the error of what needs the entries of an exported index that has only nodes.
var ErrNodesOnly = errors.New("the exported index has only nodes, and no entries")

// pagePlace is a page with its place in its area.
type pagePlace struct {
	pageKey
	at Extent
}

// pagesIn returns all pages of an area in the order of the file. They must fill it without a gap.
// It needs no key, and takes about 100 bytes of memory for each page.
func (x *Index) pagesIn(number int) ([]pagePlace, error) {
	var all []pagePlace
	for list := range x.Root.Lists {
		if area(list) != number {
			continue
		}
		l := &x.Root.Lists[list]
		for h := height(l.Pages); h >= 0; h-- {
			for n := range l.countAt(h) {
				c, err := x.child(list, h, n)
				if err != nil {
					return nil, err
				}
				all = append(all, pagePlace{pageKey{x, list, h, n}, c.At})
				if pairs(list, h) {
					all = append(all, pagePlace{pageKey{x, list, entryHeight, n}, c.Entries})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b pagePlace) int { return cmp.Compare(a.at.Pos, b.at.Pos) })
	end := int64(0)
	for _, p := range all {
		if p.at.Pos != end {
			return nil, Corruptf("page at byte %d of the index where byte %d was expected", p.at.Pos, end)
		}
		end = p.at.End()
	}
	if end != x.Root.Areas[number] {
		return nil, Corruptf("pages of the index end at byte %d, its root says %d", end, x.Root.Areas[number])
	}
	return all, nil
}

// CheckPages reads all pages of the index. Without a key only their digests are checked. It passes
// damage to fault, and goes on if fault returns true.
func (x *Index) CheckPages(fault func(error) bool) error {
	for number := range x.Root.Areas {
		pages, err := x.pagesIn(number)
		if err != nil {
			return err
		}
		for _, p := range pages {
			if _, err := x.readPage(p.list, p.at, "page"); err != nil && !fault(err) {
				return nil
			}
		}
	}
	return nil
}
