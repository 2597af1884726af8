// Package dedup maps content hashes to ordinals: the number of the chunk that
// first had the hash, counted from 0 in order of insertion.
//
// The index lives in memory. Hashes stand in blocks of fixed size that are never moved. Positions
// stand in 256 open-addressing tables (linear probing, Knuth, The Art of Computer Programming 3,
// section 6.4) of 8 bytes a slot. Each table is doubled separately at three quarters full. So
// growth never needs a large amount of memory at once, and only a list of blocks has pointers for
// the garbage collector to follow.
//
// Cost, at any moment and growth included: at most 64 bytes a chunk (32 for
// the hash, 11 to 22 for the tables) plus a constant of 256 KiB.
package dedup

import (
	"errors"
	"hash/maphash"
	"math"
	"unsafe"
)

// ErrFull says that an index holds 2^32 - 1 hashes, its limit.
var ErrFull = errors.New("dedup index is full")

const (
	blockLen  = 512 // hashes in a block of 16 KiB
	shardBits = 8
)

type block [blockLen][32]byte

// An Index maps hashes to ordinals. The zero value is empty and ready. It must not be copied after
// its first use. It is not safe for concurrent use, except that Lookup, At, Len and Bytes may run
// concurrently with each other.
//
// A random seed decides which hashes collide, because the hashes may come from an attacker who
// wants to slow this program down. Results do not depend on the seed.
type Index struct {
	seed   maphash.Seed // set by the first Add
	n      uint32
	slots  int // in all shards
	blocks []*block
	shards [1 << shardBits]shard
}

// Add returns the ordinal of h. A hash that is not in the index gets the next
// ordinal, and added is true. The only error is ErrFull.
func (x *Index) Add(h [32]byte) (ordinal uint32, added bool, err error) {
	if x.blocks == nil {
		x.seed = maphash.MakeSeed()
	}
	s, tag := x.locate(&h)
	if ordinal, ok := x.find(s, tag, &h); ok {
		return ordinal, false, nil
	}
	if x.n == math.MaxUint32 {
		return 0, false, ErrFull
	}
	ordinal = x.n
	if int(ordinal/blockLen) == len(x.blocks) {
		x.blocks = append(x.blocks, new(block))
	}
	*x.hash(ordinal) = h
	x.slots += s.insert(tag, ordinal)
	x.n++
	return ordinal, true, nil
}

// Lookup returns the ordinal of h, if it is in the index.
func (x *Index) Lookup(h [32]byte) (ordinal uint32, ok bool) {
	if x.n == 0 {
		return 0, false
	}
	s, tag := x.locate(&h)
	return x.find(s, tag, &h)
}

// At returns the hash with an ordinal. It panics if ordinal >= Len, as a slice
// would.
func (x *Index) At(ordinal uint32) [32]byte {
	if ordinal >= x.n {
		panic("dedup: ordinal out of range")
	}
	return *x.hash(ordinal)
}

func (x *Index) hash(ordinal uint32) *[32]byte {
	return &x.blocks[ordinal/blockLen][ordinal%blockLen]
}

// Reset empties the index and keeps its memory.
func (x *Index) Reset() {
	x.n = 0
	for i := range x.shards {
		x.shards[i].reset()
	}
}

// Len returns the number of hashes.
func (x *Index) Len() int {
	return int(x.n)
}

// Bytes returns the memory that the index holds, in bytes.
func (x *Index) Bytes() int64 {
	return int64(unsafe.Sizeof(*x)) +
		int64(len(x.blocks))*int64(unsafe.Sizeof(block{})) +
		int64(cap(x.blocks))*int64(unsafe.Sizeof((*block)(nil))) +
		int64(x.slots)*int64(unsafe.Sizeof(slot(0)))
}

// locate returns the shard of h and its tag there.
func (x *Index) locate(h *[32]byte) (*shard, uint32) {
	sum := maphash.Bytes(x.seed, h[:])
	return &x.shards[sum>>(64-shardBits)], uint32(sum)
}

// find looks up h in its shard.
func (x *Index) find(s *shard, tag uint32, h *[32]byte) (ordinal uint32, ok bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(s.slots) - 1)
	for i := tag >> s.shift; ; i = (i + 1) & mask {
		v := s.slots[i]
		if v == 0 {
			return 0, false
		}
		if v.tag() == tag {
			ordinal = v.ordinal()
			if *x.hash(ordinal) == *h {
				return ordinal, true
			}
		}
	}
}
