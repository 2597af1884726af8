package carve

import (
	"bytes"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// choose drops chains that cannot be part of the archive. The content of an archive may be an
// archive, stored without a codec. Then a payload of the outer archive holds frames of the inner
// one, which look like frames of the outer one. Where an outer frame is damaged, and there is no
// index, an inner chain can be told by its contradictions to the chains around it.
func (s *Carver) choose() {
	c := &chooser{s: s, seen: map[int64]int{}}
	for i := range s.chains {
		c.longest = max(c.longest, s.chains[i].longest)
	}
	for i := range s.chains {
		c.add(s.chains[i])
	}
	if last := len(c.kept) - 1; last >= 0 {
		c.settle(&c.kept[last])
		if c.kept[last].frames == 0 {
			c.drop()
		}
	}
	s.chains = c.kept
}

type chooser struct {
	s       *Carver
	kept    []chain
	seen    map[int64]int // how many of the kept chains begin or end in a stream
	longest int64         // bytes of the longest segment of all chains
}

// add keeps c, or drops c, or drops kept chains that contradict c.
func (k *chooser) add(c chain) {
	for len(k.kept) > 0 {
		p := &k.kept[len(k.kept)-1]
		if !c.sure && !k.credible(p, &c) {
			return
		}
		if c.pos < p.end { // c begins within the last frame of p, so that frame is none
			if k.trim(p); p.frames == 0 {
				k.drop()
			}
			continue
		}
		if k.fits(p, &c) {
			if p.doubted && !p.continues(&c) {
				k.settle(p)
			}
			if p.frames > 0 {
				break
			}
			k.drop()
			continue
		}
		trimmed := *p
		if p.tail.loose {
			trimmed.trim()
		}
		switch {
		case c.frames == 1 && !c.sure:
			return // more likely the offset of c is damaged
		case p.tail.loose && trimmed.frames > 0 && k.fits(&trimmed, &c):
			k.trim(p)
		case p.anchored != c.anchored:
			if p.anchored {
				return
			}
			k.drop()
		case p.end-p.pos < c.end-c.pos && (c.sure || !p.sure):
			k.drop()
		default:
			return
		}
	}
	if len(k.kept) == 0 && !c.sure && !k.credible(nil, &c) {
		return
	}
	k.kept = append(k.kept, c)
	k.count(&c, 1)
}

func (k *chooser) count(c *chain, n int) {
	k.seen[c.first.id] += n
	k.seen[c.last.id] += n
}

// drop removes the last kept chain.
func (k *chooser) drop() {
	last := len(k.kept) - 1
	k.count(&k.kept[last], -1)
	k.kept = k.kept[:last]
}

// trim removes the last frame of a chain.
func (k *chooser) trim(c *chain) {
	k.count(c, -1)
	c.trim()
	k.count(c, 1)
}

// settle removes the last frame of a chain if that frame is loose, the frame after it contradicts
// it, and no later chain has confirmed it.
func (k *chooser) settle(c *chain) {
	if c.doubted && c.tail.loose {
		k.trim(c)
	}
	c.doubted = false
}

// continues reports whether c goes on where the damaged frame after p has ended.
func (p *chain) continues(c *chain) bool {
	return p.next >= 0 && !c.opens && c.first.known && c.first.id == p.last.id && c.first.at == p.next
}

// credible reports whether c is of the outer archive. c was found after damage, and nothing vouches
// for it. It is credible if it continues p, the chain before; or if it is too long for a payload;
// or if there is no other archive in the file.
func (k *chooser) credible(p, c *chain) bool {
	return p != nil && p.continues(c) || c.end-c.pos > 2*k.longest || !k.s.hasNested()
}

// fits reports whether c can come after p, with a lost range between them.
func (k *chooser) fits(p, c *chain) bool {
	switch {
	case p.anchored && c.anchored:
		return true
	case p.ended:
		return false
	case !c.first.known || !p.last.known:
		return true
	case p.last.id != c.first.id:
		return k.seen[c.first.id] == 0 // streams are not interleaved
	case !p.last.open || c.opens:
		return false
	case p.end == c.pos && p.tail.loose:
		return false // nothing can be lost between them, so they disagree
	}
	return c.first.at >= p.last.at
}

// hasNested reports whether another archive or stream can be seen inside of this one: a header
// after the first byte, a trailer that is not at the end, or a segment within a frame.
func (s *Carver) hasNested() bool {
	if s.nested == nil {
		found := s.contains([]byte("\x95\x00\xa4"+stream.Magic), 1, s.size) ||
			s.contains(index.Trailer{Magic: index.ArchiveMagic}.Head(), 0, s.ownTail()) ||
			slices.ContainsFunc(s.chains, s.nests)
		s.nested = &found
	}
	return *s.nested
}

// nests reports whether the head of a segment stands within a frame of c.
func (s *Carver) nests(c chain) bool {
	for at := c.pos; at < c.end; {
		f, n, err := s.frameAt(at)
		if err != nil {
			return true
		}
		release(f)
		for q := s.search(at + 1); q < at+n; q = s.search(q + 1) {
			f, _, err := s.frameAt(q)
			seg, ok := f.(*stream.Segment)
			if err == nil && ok && seg.RawLen > 0 {
				return true
			}
			release(f)
			s.spent += s.win.pos - q
		}
		at += n
	}
	return s.exhausted(c.end) // if so, not all of c was read
}

func release(f stream.Frame) {
	if seg, ok := f.(*stream.Segment); ok {
		seg.Release()
	}
}

// ownTail returns where the trailers of the archive itself can begin.
func (s *Carver) ownTail() int64 {
	if s.state == IndexIntact || s.state == IndexDamaged {
		return max(s.size-index.TailSize, 0)
	}
	return s.size
}

// contains reports whether text begins somewhere between two positions.
func (s *Carver) contains(text []byte, from, to int64) bool {
	for from < to {
		b := s.scan.ahead(from, len(text))
		if len(b) == 0 {
			return false
		}
		if i := bytes.Index(b, text); i >= 0 {
			return from+int64(i) < to
		}
		from += int64(max(len(b)-len(text)+1, 1))
	}
	return false
}
