package dedup

import "math/bits"

// A slot is empty (0) or holds an ordinal + 1 in its low and a tag in its high 32 bits. The tag
// tells most slots of other hashes apart, without a look at their hash, which is probably not in
// the processor's cache.
type slot uint64

func makeSlot(tag, ordinal uint32) slot {
	return slot(tag)<<32 | slot(ordinal) + 1
}

func (v slot) tag() uint32     { return uint32(v >> 32) }
func (v slot) ordinal() uint32 { return uint32(v) - 1 }

// minSlots is the size of a shard after its first hash.
const minSlots = 8

// A shard is a hash table with linear probing. The search for a hash starts at the slot that the
// leading bits of its tag give, so that a table can be doubled from its slots alone.
type shard struct {
	slots []slot // none, or a power of two of at least minSlots
	used  uint32
	shift uint8 // 32 - log2(len(slots))
}

// insert adds a hash which is not in the shard, and returns the number of new slots.
func (s *shard) insert(tag, ordinal uint32) (grown int) {
	if int(s.used)+1 > len(s.slots)/4*3 {
		grown = s.grow()
	}
	s.put(makeSlot(tag, ordinal))
	s.used++
	return grown
}

func (s *shard) put(v slot) {
	mask := uint32(len(s.slots) - 1)
	i := v.tag() >> s.shift
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = v
}

// grow doubles the table and returns the number of new slots.
func (s *shard) grow() int {
	old := s.slots
	n := max(2*len(old), minSlots)
	s.slots = make([]slot, n)
	s.shift = uint8(32 - bits.TrailingZeros(uint(n)))
	for _, v := range old {
		if v != 0 {
			s.put(v)
		}
	}
	return n - len(old)
}

func (s *shard) reset() {
	clear(s.slots)
	s.used = 0
}
