package dedup

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"unsafe"
)

const (
	levelBits = 5
	maxLevel  = 1<<levelBits - 1
)

// level returns of which samples a hash is part: of those of one in 2^k hashes for all k up to it.
func level(h *[32]byte) int {
	return min(bits.TrailingZeros32(binary.LittleEndian.Uint32(h[:])), maxLevel)
}

// hooks maps a sample of hashes to the pages that have them, in 8 bytes a slot. It does not hold the
// hashes themselves, so now and then it names a page that does not have the hash. When four slots in
// five are taken, it drops every second hash. (Not a limit for each shard: what is dropped must not
// depend on the seed.)
type hooks struct {
	seed   maphash.Seed
	rate   int // one in 2^rate hashes is part of the sample
	used   int
	shards []shard
}

// hookShard is the number of slots of a shard. So many that none is full if all of them have four
// fifths of that in the mean.
const hookShard = 2048

// newHooks returns an empty table of limit bytes, at least 16 KiB.
func newHooks(limit int64) *hooks {
	x := &hooks{seed: maphash.MakeSeed(), shards: make([]shard, max(1, limit/hookShardSize))}
	for i := range x.shards {
		x.shards[i] = shard{slots: make([]slot, hookShard), shift: uint8(32 - bits.TrailingZeros(hookShard))}
	}
	return x
}

const hookShardSize = int64(hookShard)*int64(unsafe.Sizeof(slot(0))) + int64(unsafe.Sizeof(shard{}))

// samples reports whether h is part of the sample.
func (x *hooks) samples(h *[32]byte) bool { return level(h) >= x.rate }

// add adds h, which must not be there, if it is part of the sample. A table that is full of hashes of
// the highest level, as only an attacker makes them, takes no more.
func (x *hooks) add(h *[32]byte, page uint32) {
	for x.used >= len(x.shards)*hookShard/5*4 && x.rate < maxLevel {
		x.halve()
	}
	s, tag := x.locate(h)
	if x.samples(h) && s.used < hookShard-1 {
		s.put(makeSlot(tag, page))
		s.used++
		x.used++
	}
}

// halve drops the hashes that are not part of the next smaller sample.
func (x *hooks) halve() {
	x.rate++
	x.used = 0
	old := make([]slot, hookShard)
	for i := range x.shards {
		s := &x.shards[i]
		copy(old, s.slots)
		s.reset()
		for _, v := range old {
			if v != 0 && int(v.tag()&maxLevel) >= x.rate {
				s.put(v)
				s.used++
			}
		}
		x.used += int(s.used)
	}
}

// pages appends the pages that may have h to list.
func (x *hooks) pages(h *[32]byte, list []uint32) []uint32 {
	if !x.samples(h) {
		return list
	}
	s, tag := x.locate(h)
	for i := tag >> s.shift; s.slots[i] != 0; i = (i + 1) & (hookShard - 1) {
		if s.slots[i].tag() == tag {
			list = append(list, s.slots[i].ordinal())
		}
	}
	return list
}

// locate returns the shard of h and its tag there, whose last bits are the level of h.
func (x *hooks) locate(h *[32]byte) (*shard, uint32) {
	sum := maphash.Bytes(x.seed, h[:])
	return &x.shards[(sum>>32)*uint64(len(x.shards))>>32], uint32(sum)&^maxLevel | uint32(level(h))
}

// bytes returns the memory that the table takes.
func (x *hooks) bytes() int64 { return int64(len(x.shards)) * hookShardSize }
