package delta

import "math/bits"

// Address is where a byte is: an offset in a block. The caller defines the blocks.
type Address struct {
	Block  int // up to MaxBlock
	Offset int // up to 64 Mi - 1
}

const (
	offsetBits = 26
	placeBits  = 48
	checkBits  = 64 - placeBits

	// MaxBlock is the largest number of a block.
	MaxBlock = 1<<(placeBits-offsetBits) - 2
)

// Index finds places by their samples. A slot takes 8 bytes, and 8 more for the key of its sample
// while the Index still grows. At its limit it has a fixed size. When it gets full, the rate grows
// by one, and half of the samples are dropped. Find is safe for concurrent use while nothing is
// added.
type Index struct {
	slots []uint64 // check << placeBits | (block + 1) << offsetBits | offset; 0 is empty
	keys  []uint64 // of the samples in slots; nil once the Index has its full size
	full  int      // slots at the limit, a power of two
	used  int
	rate  uint
	first uint // rate when empty
}

// minSlots is the number of slots of an Index that grows, when it is empty.
const minSlots = 4 << 10

// growShare: an Index keeps keys while they fit 1/growShare of its limit; then it takes its full
// size.
const growShare = 8

// NewIndex returns an Index for samples of a rate. It begins with at most 64 KiB, and grows up to
// limit bytes as samples are added. When it takes its full size, its old part is still in memory:
// an eighth of the limit.
func NewIndex(limit int64, rate uint) *Index {
	n := max(bits.Len64(uint64(limit/8))-1, bits.Len(bucket))
	x := &Index{full: 1 << n, rate: rate, first: rate}
	x.resize(minSlots)
	return x
}

// Reset makes x empty. It keeps its memory.
func (x *Index) Reset() {
	clear(x.slots)
	clear(x.keys)
	x.used, x.rate = 0, x.first
}

// resize gives x a number of slots, or its full size if the slots and their keys would take too
// much of the limit.
func (x *Index) resize(slots int) {
	old, keys := x.slots, x.keys
	x.used = 0
	if slots > x.full/(2*growShare) {
		x.slots, x.keys = make([]uint64, x.full), nil
	} else {
		x.slots, x.keys = make([]uint64, slots), make([]uint64, slots)
	}
	for i, v := range old {
		if v != 0 {
			x.put(keys[i], v)
		}
	}
}

// Rate returns the present rate of the samples in x. Samples of a higher rate are in x as well.
func (x *Index) Rate() uint { return x.rate }

// bucket is the number of slots that a key can be in: the slots of a cache line.
const bucket = 8

// bucket returns where the slots of a key begin, and the check value of the key.
func (x *Index) bucket(key uint64) (at int, check uint64) {
	mixed := key * 0x9e3779b97f4a7c15
	return int(mixed>>(64-bits.Len(uint(len(x.slots)-1)))) &^ (bucket - 1), key << MinRate >> placeBits
}

// put adds a slot, unless its bucket is full or has a slot with an equal check.
func (x *Index) put(key, slot uint64) {
	at, check := x.bucket(key)
	for i := at; i < at+bucket; i++ {
		switch v := x.slots[i]; {
		case v == 0:
			x.slots[i] = slot
			if x.keys != nil {
				x.keys[i] = key
			}
			x.used++
			return
		case v>>placeBits == check:
			return
		}
	}
}

// Add adds samples at places in a block, which begin at an offset. The first of equal samples
// stays. A block over MaxBlock is left out.
func (x *Index) Add(block, offset int, samples []Sample) {
	if block > MaxBlock {
		return
	}
	for _, s := range samples {
		if s.Key>>(64-x.rate) != 0 {
			continue
		}
		x.put(s.Key, s.Key<<MinRate>>placeBits<<placeBits|uint64(block+1)<<offsetBits|uint64(offset+s.End))
		switch {
		case x.keys != nil && x.used > len(x.slots)/2: // or samples would find full buckets
			x.resize(2 * len(x.slots))
		case x.used > len(x.slots)/4*3:
			x.thin()
		}
	}
}

// thin drops the samples that are not among those of the next rate.
func (x *Index) thin() {
	if x.rate == maxRate || x.rate-MinRate+1 >= checkBits {
		return
	}
	x.rate++
	for i, v := range x.slots {
		if v != 0 && v>>(placeBits+checkBits-(x.rate-MinRate)) != 0 {
			x.slots[i] = 0
			x.used--
		}
	}
}

// Find returns the place after the window of a sample. It is rarely wrong, but it may be.
func (x *Index) Find(s Sample) (Address, bool) {
	at, check := x.bucket(s.Key)
	for _, v := range x.slots[at : at+bucket] {
		if v != 0 && v>>placeBits == check {
			v &= 1<<placeBits - 1
			return Address{int(v>>offsetBits) - 1, int(v & (1<<offsetBits - 1))}, true
		}
	}
	return Address{}, false
}
