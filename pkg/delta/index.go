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

// Index finds places by their samples. It has a fixed size of 8 bytes a slot: when it gets full,
// the rate grows by one, and half of the samples go. Find is safe for concurrent use while nothing
// is added.
type Index struct {
	slots []uint64 // check << placeBits | (block + 1) << offsetBits | offset; 0 is empty
	used  int
	rate  uint
	first uint // rate when empty
}

// NewIndex returns an Index of at most that many bytes for samples of a rate.
func NewIndex(bytes int64, rate uint) *Index {
	n := max(bits.Len64(uint64(bytes/8))-1, bits.Len(bucket))
	return &Index{slots: make([]uint64, 1<<n), rate: rate, first: rate}
}

// Reset makes x empty.
func (x *Index) Reset() {
	clear(x.slots)
	x.used, x.rate = 0, x.first
}

// Rate returns the rate of the samples that x has now. Those of a higher rate are in it as well.
func (x *Index) Rate() uint { return x.rate }

// bucket is the number of slots that a key can be in: those of a cache line.
const bucket = 8

// bucket returns the slots for a key, and what it is checked by.
func (x *Index) bucket(key uint64) (slots []uint64, check uint64) {
	mixed := key * 0x9e3779b97f4a7c15
	at := int(mixed>>(64-bits.Len(uint(len(x.slots)-1)))) &^ (bucket - 1)
	return x.slots[at : at+bucket], key << MinRate >> placeBits
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
		slots, check := x.bucket(s.Key)
		for i, v := range slots {
			if v != 0 && v>>placeBits == check {
				break
			}
			if v == 0 {
				slots[i] = check<<placeBits | uint64(block+1)<<offsetBits | uint64(offset+s.End)
				x.used++
				break
			}
		}
		if x.used > len(x.slots)/4*3 {
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
	slots, check := x.bucket(s.Key)
	for _, v := range slots {
		if v != 0 && v>>placeBits == check {
			v &= 1<<placeBits - 1
			return Place{int(v>>offsetBits) - 1, int(v & (1<<offsetBits - 1))}, true
		}
	}
	return Place{}, false
}
