package delta

import "math/bits"

// Place is where a byte is: an offset in a block. What a block is, the caller says.
type Place struct {
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
// while the Index still grows. At its limit it has a fixed size: when it gets full, the rate grows
// by one, and half of the samples go. Find is safe for concurrent use while nothing is added.
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

// growShare: an Index leaves room for keys up to this part of its limit, then it takes all.
const growShare = 8

// NewIndex returns an Index for samples of a rate. It begins with at most 64 KiB, and grows with
// what is added up to limit bytes; when it takes its full size, the part before is still there, an
// eighth of the limit.
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

// resize gives x that many slots, or its full size if they and their keys would take too much of it.
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

// Rate returns the rate of the samples that x has now. Those of a higher rate are in it as well.
func (x *Index) Rate() uint { return x.rate }

// bucket is the number of slots that a key can be in: those of a cache line.
const bucket = 8

// bucket returns where the slots for a key begin, and what it is checked by.
func (x *Index) bucket(key uint64) (at int, check uint64) {
	mixed := key * 0x9e3779b97f4a7c15
	return int(mixed>>(64-bits.Len(uint(len(x.slots)-1)))) &^ (bucket - 1), key << MinRate >> placeBits
}

// put adds a slot, unless there is one with an equal check, or its bucket is full.
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

// Add takes in samples, at places in a block that begin at an offset. Of equal samples the first
// stays. A block behind MaxBlock is left out.
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
		case x.keys != nil && x.used > len(x.slots)/2: // fuller, and samples would find their bucket full
			x.resize(2 * len(x.slots))
		case x.used > len(x.slots)/4*3:
			x.thin()
		}
	}
}

// thin drops what is not in the samples of the next rate.
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

// Find returns the place behind the window of a sample. It may be wrong, if rarely.
func (x *Index) Find(s Sample) (Place, bool) {
	at, check := x.bucket(s.Key)
	for _, v := range x.slots[at : at+bucket] {
		if v != 0 && v>>placeBits == check {
			v &= 1<<placeBits - 1
			return Place{int(v>>offsetBits) - 1, int(v & (1<<offsetBits - 1))}, true
		}
	}
	return Place{}, false
}
