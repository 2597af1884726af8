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
	bare     *cache.Cache[part, *block] // those of thin archives, without their payloads
	buffers  sync.Pool                  // of *[]byte
}

// part names a segment of a Reader by its number, or the output of a patch by its ordinal.
type part struct {
	r      *Reader
	number int64
	patch  bool
}

type heldBlock = cache.Item[part, *block]

// newCaches returns empty caches. segmentBytes is Options.CacheBytes.
func newCaches(segmentBytes int64) *caches {
	c := &caches{pages: index.NewPageCache(index.DefaultPages)}
	c.segments = cache.NewCache(cmp.Or(segmentBytes, defaultCache), func(p part) (*block, int64, error) {
		if p.patch {
			return p.r.runPatch(p.number)
		}
		return p.r.loadSegment(p.number, false)
	}, func(b *block) {
		if b.memory != nil {
			c.buffers.Put(b.memory)
		}
	})
	c.bare = cache.NewCache(cmp.Or(segmentBytes, defaultCache)*bareShare/5, func(p part) (*block, int64, error) {
		return p.r.loadSegment(p.number, true)
	}, nil)
	return c
}

// bareShare is how much the cache of bare segments holds, in fifths of the limit of the other. It has
// room for some hundred, as a chain of as many versions has.
const bareShare = 2

// segment returns a segment by its number. The caller gives the segment back by release.
func (r *Reader) segment(number int64) (*heldBlock, error) {
	return r.caches.segments.Get(part{r: r, number: number})
}

// entriesOf returns a segment by its number for what needs its entries first, and of a thin archive
// perhaps nothing else: then it is without its payload, and need not be given back. Otherwise the
// caller gives back the item.
func (r *Reader) entriesOf(number int64) (*block, *heldBlock, error) {
	if t := &r.Root.Info.Totals; t.Node.N+t.Parent.N > 0 {
		b, err := r.caches.bare.Value(part{r: r, number: number})
		return b, nil, err
	}
	it, err := r.segment(number)
	if err != nil {
		return nil, nil, err
	}
	return it.Value, it, nil
}

// release gives back an item that segment has returned. release of nil does nothing.
func (r *Reader) release(it *heldBlock) { r.caches.segments.Put(it) }
