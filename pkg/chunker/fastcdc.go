package chunker

import "math"

// fastCDC cuts behind the first byte at which the gear hash
//
//	h = sum over j = 0..63 of gear[byte at distance j before the cut] << j   (mod 2^64)
//
// is below a threshold: a strict one up to the average size, a loose one behind it.
type fastCDC struct {
	min, avg, max int
	strict, loose uint64
	gear          *[256]uint64
}

// normalisation is the distance in bits of the two thresholds from the one that would give
// the average: level 2 of the FastCDC paper.
const normalisation = 2

func newFastCDC(minSize, avg, maxSize int) *fastCDC {
	return &fastCDC{
		min: minSize, avg: avg, max: maxSize,
		strict: math.MaxUint64 / uint64(avg<<normalisation),
		loose:  math.MaxUint64 / uint64(max(avg>>normalisation, 1)),
		gear:   newGear(nil),
	}
}

func (c *fastCDC) Max() int { return c.max }

func (c *fastCDC) Cut(p []byte, _ int64) int {
	if len(p) <= c.min {
		return len(p)
	}
	end := min(len(p), c.max)
	normal := min(end, c.avg)
	gear := c.gear
	var h uint64
	for _, b := range p[c.min-MinSize : c.min-1] {
		h = h<<1 + gear[b]
	}
	for i, b := range p[c.min-1 : normal] {
		if h = h<<1 + gear[b]; h < c.strict {
			return c.min + i
		}
	}
	for i, b := range p[normal:end] {
		if h = h<<1 + gear[b]; h < c.loose {
			return normal + i + 1
		}
	}
	return end
}
