package index

import (
	"fmt"
	"unsafe"

	"hexz/pkg/cache"
	"hexz/pkg/stream"
)

// PageCache keeps decoded pages of several indexes.
type PageCache = cache.Cache[pageKey, page]

// pageKey names a page: by its list, by its height, which is 0 for a page that is no directory page,
// and by its number. entryHeight stands for the entry page that belongs to a map page.
type pageKey struct {
	x                    *Index
	list, height, number int
}

const entryHeight = -1

// page is a decoded page: one of its fields is set.
type page struct {
	children []Child      // of a directory page
	segments []SegmentRef // of a map page
	entries  []placed     // of an entry page; nil if it is too large to be kept
	nodes    []NodeAt     // of a page of nodes
}

// DefaultPages is what the pages of an archive and of its parents may take in memory, in bytes.
const DefaultPages = 12 << 20

// NewPageCache returns an empty cache for so many bytes of pages.
func NewPageCache(bytes int64) *PageCache {
	return cache.NewCache(bytes, func(k pageKey) (p page, cost int64, err error) {
		switch {
		case k.height > 0:
			p.children, err = k.x.loadDirectory(k)
		case k.height == entryHeight:
			p.entries, err = k.x.loadEntries(k.number)
		case k.list == segmentList:
			p.segments, err = k.x.loadMap(k.number)
		default:
			p.nodes, err = k.x.loadNodes(k)
		}
		return p, p.memory(), err
	}, nil)
}

// memory returns about how much memory p takes.
func (p *page) memory() int64 {
	n := len(p.children)*int(unsafe.Sizeof(Child{})) + len(p.segments)*int(unsafe.Sizeof(SegmentRef{})) + len(p.nodes)*int(unsafe.Sizeof(NodeAt{}))
	for i := range p.entries {
		n += int(unsafe.Sizeof(placed{})) + len(p.entries[i].entries)*int(unsafe.Sizeof(stream.Entry{}))
	}
	return int64(n) + 200
}

// Share makes x keep its pages in a cache that it shares with others. Call it before x is used by
// several goroutines.
func (x *Index) Share(pages *PageCache) { x.pages = pages }

// inPage adds to an error in which page it was found.
func inPage(what string, at Extent, err error) error {
	if err != nil {
		err = fmt.Errorf("%s at byte %d of the index: %w", what, at.Pos, err)
	}
	return err
}
