package chunker

import (
	"bytes"
	"encoding/binary"
)

var zeroBlock [ZeroRun]byte

// LeadingZeros returns the number of zero bytes at the start of p.
func LeadingZeros(p []byte) int {
	n := 0
	for len(p)-n >= len(zeroBlock) && bytes.Equal(p[n:n+len(zeroBlock)], zeroBlock[:]) {
		n += len(zeroBlock)
	}
	for len(p)-n >= 8 && binary.LittleEndian.Uint64(p[n:]) == 0 {
		n += 8
	}
	for n < len(p) && p[n] == 0 {
		n++
	}
	return n
}

// TrailingZeros returns the number of zero bytes at the end of p.
func TrailingZeros(p []byte) int {
	n := len(p)
	for n >= 8 && binary.LittleEndian.Uint64(p[n-8:]) == 0 {
		n -= 8
	}
	for n > 0 && p[n-1] == 0 {
		n--
	}
	return len(p) - n
}

// FirstZeroRun returns the position of the first run of at least ZeroRun zero bytes in p, or -1. It
// examines one byte in ZeroRun: a run of that length cannot lie between two of these.
func FirstZeroRun(p []byte) int {
	from := 0 // no run begins before from
	for i := ZeroRun - 1; i < len(p); {
		if p[i] != 0 {
			from = i + 1
			i += ZeroRun
			continue
		}
		start := i - TrailingZeros(p[from:i])
		end := i + LeadingZeros(p[i:min(len(p), start+ZeroRun)])
		if end-start >= ZeroRun {
			return start
		}
		from = end
		i = end + ZeroRun - 1
	}
	return -1
}
