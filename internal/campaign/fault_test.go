package campaign

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// fault is a kind of damage to a file.
type fault struct {
	name string
	what string
	// moves: sound frames can then stand in the place of others, and contradict frames that were
	// not hit. Without an index, salvage must choose, and may lose some of them.
	moves bool
	// do returns a damaged copy of p, which is not empty. By chance the copy can equal p.
	do func(rng *rand.Rand, p []byte) []byte
}

var single = []fault{
	{"flip", "1 to 8 bits are flipped, each anywhere", false, flip},
	{"zero", "a block reads as zeros: lost, or never written", false, zero},
	{"swap", "two blocks are exchanged", true, swap},
	{"double", "a block stands where another should: a misdirected write", true, double},
	{"cut", "the end is missing", false, cut},
	{"insert", "1 to 100 random bytes too many", false, insert},
	{"delete", "1 to 100 bytes are missing", false, remove},
	{"append", "up to 8 KiB behind the end, zeros or random", false, extend},
}

var faults = append(single[:len(single):len(single)], fault{"many", "2 to 4 of these faults, one after the other", true, many})

const blockSize = 4096

// place returns a position in p. Half of the positions are anywhere. A quarter is in the first KiB
// and a quarter in the last 4, where header, index and trailer are: blind chance would hardly ever
// hit those.
func place(rng *rand.Rand, p []byte) int {
	switch rng.IntN(4) {
	case 0:
		return rng.IntN(min(len(p), 1<<10))
	case 1:
		return len(p) - 1 - rng.IntN(min(len(p), blockSize))
	}
	return rng.IntN(len(p))
}

// block returns one of the blocks of 4 KiB in which p is stored; the last may be shorter. In a
// small file the blocks are smaller, so that there are several.
func block(rng *rand.Rand, p []byte) []byte {
	size := min(blockSize, len(p)/4+1)
	at := place(rng, p) / size * size
	return p[at:min(at+size, len(p))]
}

func flip(rng *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	for range 1 + rng.IntN(8) {
		p[place(rng, p)] ^= 1 << rng.IntN(8)
	}
	return p
}

func zero(rng *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	clear(block(rng, p))
	return p
}

func swap(rng *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	a, b := block(rng, p), block(rng, p)
	old := bytes.Clone(a)
	copy(a, b)
	copy(b, old)
	return p
}

func double(rng *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	copy(block(rng, p), block(rng, p))
	return p
}

func cut(rng *rand.Rand, p []byte) []byte { return p[:place(rng, p)] }

// noise returns n random bytes.
func noise(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

func insert(rng *rand.Rand, p []byte) []byte {
	return slices.Insert(bytes.Clone(p), place(rng, p), noise(rng, 1+rng.IntN(100))...)
}

func extend(rng *rand.Rand, p []byte) []byte {
	more := make([]byte, 1+rng.IntN(1<<rng.IntN(14)))
	if rng.IntN(2) == 0 {
		more = noise(rng, len(more))
	}
	return append(bytes.Clone(p), more...)
}

func remove(rng *rand.Rand, p []byte) []byte {
	at := place(rng, p)
	return slices.Delete(bytes.Clone(p), at, min(at+1+rng.IntN(100), len(p)))
}

func many(rng *rand.Rand, p []byte) []byte {
	for range 2 + rng.IntN(3) {
		if len(p) > 0 {
			p = single[rng.IntN(len(single))].do(rng, p)
		}
	}
	return p
}
