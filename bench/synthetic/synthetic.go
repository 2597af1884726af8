// Package synthetic is the content of images of any size that no file holds: what stands at an offset
// follows from the offset. So what is read from an archive of such an image can be compared at any place.
package synthetic

import (
	"encoding/binary"
	"fmt"
)

// Block is the unit of the content, in bytes. No two blocks are equal, and none has a run of zeros that
// a chunker would take out.
const Block = 4096

// unit is how many random bytes a block has. They repeat, so that a block takes about 50 bytes of LZ4.
const unit = 32

// Fill fills p with the content from an offset on. The offset and the length of p are multiples of Block;
// anything else panics.
func Fill(p []byte, offset int64) {
	if offset < 0 || offset%Block != 0 || len(p)%Block != 0 {
		panic(fmt.Sprintf("synthetic: %d bytes at offset %d are not whole blocks", len(p), offset))
	}
	for n := uint64(offset / Block); len(p) > 0; n++ {
		fillBlock(p[:Block], n)
		p = p[Block:]
	}
}

func fillBlock(p []byte, n uint64) {
	for i := range uint64(unit / 8) {
		binary.LittleEndian.PutUint64(p[8*i:], mix(n*unit/8+i))
	}
	for have := unit; have < len(p); have *= 2 {
		copy(p[have:], p[:have])
	}
}

// mix is the output of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) for the n-th state after 0. It maps
// different numbers to different numbers.
func mix(n uint64) uint64 {
	z := (n + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
