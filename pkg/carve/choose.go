package carve

import "sync"

// choose drops fragments that cannot be part of the archive. The content of an archive may be an
// archive, stored without a codec. Then a payload of the outer archive holds frames of the inner
// one, which look like frames of the outer one. Where an outer frame is damaged, and there is no
// index, an inner fragment can be told by its contradictions to the fragments around it.
func (s *Carver) choose() {
	c := &chooser{nested: sync.OnceValue(s.hasNested), seen: map[int64]int{}}
	for i := range s.fragments {
		c.longest = max(c.longest, s.fragments[i].longest)
	}
	for i := range s.fragments {
		c.add(s.fragments[i])
	}
	if p := c.last(); p != nil && p.doubted && p.tail.loose {
		c.trim()
	}
	s.fragments = c.kept
}

// chooser goes through the fragments in the order of the file.
type chooser struct {
	nested  func() bool // whether another archive can be seen inside of this one
	kept    []fragment
	seen    map[int64]int // how many of the kept fragments begin or end in a stream
	longest int64         // bytes of the longest segment of all fragments
}

// ruling says what to do with the next fragment, or with the one before.
type ruling int

const (
	keep   ruling = iota // the next one comes after the one before
	refuse               // the next one is dropped
	trim                 // the one before loses its last frame
	drop                 // the one before is dropped
)

// add keeps c, or drops c, or drops kept fragments that contradict c.
func (k *chooser) add(c fragment) {
	for {
		switch k.rule(k.last(), &c) {
		case keep:
			k.kept = append(k.kept, c)
			k.count(&c, 1)
			return
		case refuse:
			return
		case trim:
			k.trim()
		case drop:
			k.drop()
		}
	}
}

// rule decides about c and the fragment before. p is nil if there is none.
func (k *chooser) rule(p, c *fragment) ruling {
	switch {
	case !c.sure && !k.credible(p, c):
		return refuse
	case p == nil:
		return keep
	case c.pos < p.end:
		return trim // c begins within the last frame of p, so that frame is none
	case k.fits(p, c):
		if p.doubted && p.tail.loose && !p.continues(c) {
			return trim // the frame after p contradicts its last one, and c does not confirm it
		}
		return keep
	case c.frames == 1 && !c.sure:
		return refuse // more likely the offset of c is damaged
	case p.tail.loose && p.frames > 1 && k.fits(p.trimmed(), c):
		return trim
	case p.marked && !c.marked:
		return refuse
	case !p.marked && c.marked, p.bytes() < c.bytes() && (c.sure || !p.sure):
		return drop
	}
	return refuse
}

// last returns the fragment that was kept last, or nil.
func (k *chooser) last() *fragment {
	if len(k.kept) == 0 {
		return nil
	}
	return &k.kept[len(k.kept)-1]
}

func (k *chooser) count(c *fragment, n int) {
	k.seen[c.first.id] += n
	k.seen[c.last.id] += n
}

// drop removes the last kept fragment.
func (k *chooser) drop() {
	k.count(k.last(), -1)
	k.kept = k.kept[:len(k.kept)-1]
}

// trim removes the last frame of the last kept fragment.
func (k *chooser) trim() {
	c := *k.last()
	k.drop()
	if c.trim(); c.frames > 0 {
		k.kept = append(k.kept, c)
		k.count(&c, 1)
	}
}

// credible reports whether c is of the outer archive. c was found after damage, and nothing vouches
// for it. It is credible if it continues p, the fragment before; or if it is too long for a
// payload; or if there is no other archive in the file.
func (k *chooser) credible(p, c *fragment) bool {
	return p != nil && p.continues(c) || c.bytes() > 2*k.longest || !k.nested()
}

// fits reports whether c can come after p, with a lost range between them.
func (k *chooser) fits(p, c *fragment) bool {
	switch {
	case p.marked && c.marked:
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
