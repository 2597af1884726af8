package chunker

import "math"

// fastCDC cuts after the first byte at which the gear hash
//
//	h = sum over j = 0..63 of gear[byte at distance j before the cut] << j   (mod 2^64)
//
// is below a threshold: a strict one up to the average size, a loose one after it.
type fastCDC struct {
	min, avg, max int
	strict, loose uint64
	gear          *[256]uint64
}

// normalisation is the distance in bits of both thresholds from the threshold that would give the
// average: level 2 of the FastCDC paper.
const normalisation = 2

func newFastCDC(minSize, avg, maxSize int, key []byte) *fastCDC {
	return &fastCDC{
		min: minSize, avg: avg, max: maxSize,
		strict: math.MaxUint64 / uint64(avg<<normalisation),
		loose:  math.MaxUint64 / uint64(max(avg>>normalisation, 1)),
		gear:   newGear(key),
	}
}

func (c *fastCDC) Max() int { return c.max }

func (c *fastCDC) Cut(p []byte, _ int64) int {
	if len(p) <= c.min {
		return len(p)
	}
	end := min(len(p), c.max)
	normal := min(end, c.avg)
	if n := firstCut(p, c.min, normal, c.strict, c.gear); n != 0 {
		return n
	}
	if n := firstCut(p, normal+1, end, c.loose, c.gear); n != 0 {
		return n
	}
	return end
}

// firstCut returns the first length of p from first to last at which the hash is below the
// threshold, or 0.
func firstCut(p []byte, first, last int, below uint64, gear *[256]uint64) int {
	if first > last {
		return 0
	}
	from := first - 1 // bytes before the next one to hash
	var h uint64
	for _, b := range p[first-MinSize : from] {
		h = h<<1 + gear[b]
	}
	q := p[from:last]
	i, h := skip(q, h, below, gear)
	for ; i < len(q); i++ {
		if h = h<<1 + gear[q[i]]; h < below {
			return first + i
		}
	}
	return 0
}

// skip hashes bytes of p, eight at a time, as long as the hash stays above the threshold. h is the
// hash before p. It returns the number of hashed bytes and the hash after them. The next eight
// bytes have the first hash below the threshold, unless fewer than eight are left.
//
// Two bytes are taken at a time, as the FastCDC paper of 2020 proposes. The chain of operations
// from one hash to the next, which bounds the speed, is then half as long. The eight bytes of a
// round are written out, since that makes it 1.2 times faster again.
func skip(p []byte, h, below uint64, gear *[256]uint64) (n int, next uint64) {
	i := 0
	for ; i <= len(p)-8; i += 8 {
		start := h
		w := (*[8]byte)(p[i:])
		a, b := gear[w[0]], gear[w[1]]
		odd := h<<1 + a
		h = h<<2 + (a<<1 + b)
		if odd < below || h < below {
			return i, start
		}
		a, b = gear[w[2]], gear[w[3]]
		odd = h<<1 + a
		h = h<<2 + (a<<1 + b)
		if odd < below || h < below {
			return i, start
		}
		a, b = gear[w[4]], gear[w[5]]
		odd = h<<1 + a
		h = h<<2 + (a<<1 + b)
		if odd < below || h < below {
			return i, start
		}
		a, b = gear[w[6]], gear[w[7]]
		odd = h<<1 + a
		h = h<<2 + (a<<1 + b)
		if odd < below || h < below {
			return i, start
		}
	}
	return i, h
}
