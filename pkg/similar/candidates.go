package similar

import (
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

// maxTexts bounds the texts that a chunk is compared with.
const maxTexts = 64

// candidates are the texts that a chunk may be patched from: the version before, which is text 0,
// and bases that have samples in common with the chunk.
type candidates struct {
	b        *bases
	texts    []delta.Text
	before   []stream.Base           // bases of text 0; shared
	bases    []stream.Base           // numbered on from these
	payloads map[int]archive.Payload // of the blocks of parents
	found    map[chunkStart]int      // texts
}

// chunkStart is where a chunk begins.
type chunkStart struct{ block, from int }

func newCandidates(b *bases) *candidates {
	return &candidates{b: b, texts: make([]delta.Text, 1, 4), payloads: map[int]archive.Payload{}, found: map[chunkStart]int{}}
}

func (c *candidates) release() {
	for _, p := range c.payloads {
		p.Release()
	}
}

// setNear makes t text 0.
func (c *candidates) setNear(t *nearText) { c.texts[0], c.before = t.text, t.bases }

// numberOf returns the number of a base.
func (c *candidates) numberOf(base stream.Base) int {
	if n := slices.Index(c.before, base); n >= 0 {
		return n
	}
	n := slices.Index(c.bases, base)
	if n < 0 {
		n = len(c.bases)
		c.bases = append(c.bases, base)
	}
	return len(c.before) + n
}

// baseAt returns the base of a number.
func (c *candidates) baseAt(n int) stream.Base {
	if n < len(c.before) {
		return c.before[n]
	}
	return c.bases[n-len(c.before)]
}

// collectHits reads the bases that hold the spots, and appends to hits where the spots are in these
// bases.
func (c *candidates) collectHits(hits []delta.Hit, spots []spot) ([]delta.Hit, error) {
	block, n, from, to := -1, 0, 0, 0 // of the text of the last spot
	for i := range spots {
		s := &spots[i]
		if s.Block != block || s.Offset <= from || s.Offset > to {
			find := c.parentText
			if c.b.isOwn(s.Block) {
				find = c.ownText
			}
			var err error
			if n, from, err = find(s); err != nil {
				return nil, err
			}
			if n < 0 {
				block = -1
				continue
			}
			block, to = s.Block, from+len(c.texts[n].Bytes)
		}
		hits = delta.AppendHit(hits, delta.Hit{End: s.end, Text: n, Offset: s.Offset - from})
	}
	return hits, nil
}

// ownText returns the number of the text that holds an own spot, or -1, and the offset of the text
// in its block.
func (c *candidates) ownText(s *spot) (n, from int, err error) {
	at := chunkStart{s.Block, 0}
	if n, ok := c.found[at]; ok {
		return n, 0, nil
	}
	number := s.Block - int(c.b.first[len(c.b.readers)])
	text, err := c.b.own.Read(nil, c.b.own.Places[number])
	if err != nil {
		return -1, 0, err
	}
	hash := blake.Hash(c.b.own.Index.At(uint32(number)))
	return c.addText(at, stream.Base{Parent: stream.OwnBase, Hash: hash, Ordinal: stream.NoOrdinal}, text), 0, nil
}

// parentText is ownText for a spot of a parent.
func (c *candidates) parentText(s *spot) (n, from int, err error) {
	p, ok := c.payloads[s.Block]
	if !ok {
		if p, err = c.b.payload(int64(s.Block)); err != nil {
			return -1, 0, err
		}
		c.payloads[s.Block] = p
	}
	ordinal, from, to, ok := p.Chunk(s.Offset - 1)
	if !ok {
		return -1, 0, nil
	}
	at := chunkStart{s.Block, from}
	if n, ok := c.found[at]; ok {
		return n, from, nil
	}
	parent := c.b.parentOf(int64(s.Block))
	return c.addText(at, stream.Base{Parent: int32(parent), Ordinal: ordinal}, p.Bytes()[from:to]), from, nil
}

// addText returns the number of a new text, or -1 if there are enough texts.
func (c *candidates) addText(at chunkStart, base stream.Base, text []byte) int {
	if len(c.texts) > maxTexts {
		return -1
	}
	n := len(c.texts)
	c.found[at] = n
	c.texts = append(c.texts, delta.BaseText(c.numberOf(base), text))
	return n
}
