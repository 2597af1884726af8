package archive

import (
	"cmp"
	"sync"

	"hexz/pkg/cache"
	"hexz/pkg/index"
)

// caches hold what a Reader keeps in memory. A Reader and its parents share them, so that one limit
// bounds all.
type caches struct {
	pages    *index.PageCache
	segments *cache.Cache[part, *block]
	buffers  sync.Pool // of *[]byte
}

// part names a segment of a Reader by its number, or the output of a patch by its ordinal.
type part struct {
	r      *Reader
	number int64
	kind   partKind
}

type partKind int

const (
	wholeSegment partKind = iota
	bareSegment           // without its payload
	patchOutput
)

type heldBlock = cache.Item[part, *block]

// newCaches returns empty caches. segmentBytes is Options.CacheBytes.
func newCaches(segmentBytes int64) *caches {
	c := &caches{pages: index.NewPageCache(index.DefaultPages)}
	c.segments = cache.NewCache(cmp.Or(segmentBytes, defaultCache), func(p part) (*block, int64, error) {
		if p.kind == patchOutput {
			return p.r.runPatch(p.number)
		}
		return p.r.loadSegment(p.number, p.kind == bareSegment)
	}, func(b *block) {
		if b.memory != nil {
			c.buffers.Put(b.memory)
		}
	})
	return c
}

// segment returns a segment by its number. The caller gives the segment back by release.
func (r *Reader) segment(number int64) (*heldBlock, error) {
	return r.caches.segments.Get(part{r: r, number: number})
}

// entriesOf returns a segment by its number for what needs its entries first, and of a thin archive
// perhaps nothing else: then it is without its payload, so that the cache has room for many.
func (r *Reader) entriesOf(number int64) (*heldBlock, error) {
	if t := &r.Root.Info.Totals; t.Node.N+t.Parent.N > 0 {
		return r.caches.segments.Get(part{r, number, bareSegment})
	}
	return r.segment(number)
}

// release gives back an item that segment has returned. release of nil does nothing.
func (r *Reader) release(it *heldBlock) { r.caches.segments.Put(it) }
