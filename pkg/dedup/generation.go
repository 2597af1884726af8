package dedup

import (
	"math"
	"sort"
	"unsafe"
)

// A Record is a hash with its value.
type Record[V any] struct {
	Hash  [32]byte
	Value V
}

// generation holds the records of some pages in memory.
type generation[V any] struct {
	index  Index
	values []*[blockLen]V // by ordinal
	pages  []pageStart
}

// pageStart says with which hash of a generation a page begins.
type pageStart struct{ page, first uint32 }

// begin says that what is added from now on is of a page.
func (g *generation[V]) begin(page uint32) {
	if last := len(g.pages) - 1; last < 0 || g.pages[last].page != page {
		g.pages = append(g.pages, pageStart{page, uint32(g.index.Len())})
	}
}

// add adds a record, unless it has one with that hash.
func (g *generation[V]) add(h *[32]byte, v V) (added bool, err error) {
	n, added, err := g.index.Add(*h)
	if !added {
		return false, err
	}
	if int(n/blockLen) == len(g.values) {
		g.values = append(g.values, new([blockLen]V))
	}
	g.values[n/blockLen][n%blockLen] = v
	return true, nil
}

func (g *generation[V]) record(n uint32) Record[V] { return Record[V]{*g.index.hash(n), g.value(n)} }
func (g *generation[V]) value(n uint32) V          { return g.values[n/blockLen][n%blockLen] }
func (g *generation[V]) len() uint32               { return uint32(g.index.Len()) }

// pageOf returns the page of a record, and the record behind the page.
func (g *generation[V]) pageOf(n uint32) (at pageStart, end uint32) {
	i := sort.Search(len(g.pages), func(i int) bool { return g.pages[i].first > n }) - 1
	end = g.len()
	if i+1 < len(g.pages) {
		end = g.pages[i+1].first
	}
	return g.pages[i], end
}

// has reports whether a page was added.
func (g *generation[V]) has(page uint32) bool {
	for i := range g.pages {
		if g.pages[i].page == page {
			return true
		}
	}
	return false
}

// reset empties the generation, and keeps its memory.
func (g *generation[V]) reset() {
	g.index.Reset()
	g.pages = g.pages[:0]
}

// bytes returns the memory that the generation holds.
func (g *generation[V]) bytes() int64 {
	return g.index.Bytes() + int64(cap(g.pages))*int64(unsafe.Sizeof(pageStart{})) +
		int64(len(g.values))*int64(unsafe.Sizeof([blockLen]V{})) + int64(cap(g.values))*int64(unsafe.Sizeof((*[blockLen]V)(nil)))
}

// most returns what a generation of room records holds at most, in bytes, however often it was filled:
// its shards stay as large as they once were.
func (g *generation[V]) most(room int) int64 {
	mean := float64(room) / (1 << shardBits)
	slots := minSlots
	for float64(slots/4*3) < mean+6*math.Sqrt(mean) {
		slots *= 2
	}
	blocks := (room + blockLen - 1) / blockLen
	return int64(unsafe.Sizeof(*g)) + int64(slots<<shardBits)*int64(unsafe.Sizeof(slot(0))) +
		int64(blocks)*int64(unsafe.Sizeof(block{})+unsafe.Sizeof([blockLen]V{})+4*unsafe.Sizeof((*block)(nil))) +
		int64(maxPages(room))*2*int64(unsafe.Sizeof(pageStart{}))
}

// maxPages is how many pages a generation of room records has at most.
func maxPages(room int) int { return max(16, room/16) }
