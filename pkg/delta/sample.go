package delta

import "math/bits"

const (
	// window is the number of bytes that a sample is chosen and found by.
	window = 32

	// MinRate is the lowest rate, at which samples lie densest.
	MinRate = 4
	maxRate = 24

	// denseRate is the lowest rate for a text of any length.
	denseRate = 6
)

// Sample is a place in a text that can be found in another text by its content.
type Sample struct {
	End int    // offset after its window of 32 bytes
	Key uint64 // hash of the window
}

// Samples appends samples of p to dst, on average one in 2^rate bytes. A place is a sample or not
// depending on the 32 bytes before it alone. So equal texts have equal samples wherever they stand.
// The samples of a rate are among those of any lower rate. (Content-defined sampling: U. Manber,
// "Finding similar files in a large file system", USENIX 1994; the gear hash is that of FastCDC.)
func Samples(dst []Sample, p []byte, rate uint) []Sample {
	if len(p) < window {
		return dst
	}
	var h uint64
	for _, c := range p[:window-1] {
		h = h<<2 + gear[c]
	}
	limit := uint64(1) << (64 - rate)
	for i, c := range p[window-1:] {
		h = h<<2 + gear[c] // a byte has left the hash after 32 steps
		if h < limit {
			dst = append(dst, Sample{i + window, h})
		}
	}
	return dst
}

// gear has a random number for each byte: splitmix64 of 1 to 256. It is not part of the format.
var gear = func() (table [256]uint64) {
	for i := range table {
		z := uint64(i+1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		table[i] = z ^ z>>31
	}
	return table
}()

// RateFor returns a rate at which the samples of n bytes fill at most three quarters of an Index of
// indexBytes bytes.
func RateFor(n, indexBytes int64) uint {
	r := bits.Len64(uint64(n / max(indexBytes/32*3, 1)))
	return uint(min(max(r, denseRate), maxRate))
}
