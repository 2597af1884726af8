package chunker

import (
	"bytes"
	"math/bits"
	"sync"
)

// Whether FastCDC can cut after a byte depends only on that byte and the 63 before it, and not on
// where the chunk begins. So several goroutines can look for such bytes in several regions of a
// buffer. Only the choice among the bytes found must be made in order, which takes next to no time.
// Nothing about it is speculative. The price is that the bytes below the minimum are hashed as
// well: about a third more CPU time at the defaults.

// marks hold the bytes of a buffer after which a cut is possible: those at which the hash is below
// the threshold. A mark is right if the 64 bytes of the window lie within one chunk.
type marks struct{ strict, loose bitmap }

// bitmap has a bit for each byte of a buffer.
type bitmap []uint64

// cut is fastCDC.Cut for the bytes from pos to end-1 of the buffer.
func (m *marker) cut(pos, end int) int {
	c := m.cdc
	if end-pos <= c.min {
		return end - pos
	}
	end = min(end, pos+c.max)
	normal := min(end, pos+c.avg)
	// A cut of length n is after byte pos+n-1.
	if i := m.strict.first(pos+c.min-1, normal); i >= 0 {
		return i + 1 - pos
	}
	if i := m.loose.first(normal, end); i >= 0 {
		return i + 1 - pos
	}
	return end - pos
}

func (b bitmap) set(i int, on bool) {
	if on {
		b[i/64] |= 1 << (i % 64)
	}
}

// first returns the first byte from i to end-1 whose bit is set, or -1.
func (b bitmap) first(i, end int) int {
	for i < end {
		if w := b[i/64] >> (i % 64); w != 0 {
			if i += bits.TrailingZeros64(w); i < end {
				return i
			}
			return -1
		}
		i = i&^63 + 64
	}
	return -1
}

// regionSize is the number of bytes of a buffer that a goroutine searches at a time: a multiple of
// ZeroRun, and so of 64.
const regionSize = 128 << 10

// marker makes the marks of buffers, one after the other.
type marker struct {
	marks
	cdc     *fastCDC
	workers int
}

// resize makes room for the marks of a buffer of n bytes.
func (m *marker) resize(n int) {
	words := (n + 63) / 64
	if cap(m.loose) < words {
		m.strict, m.loose = make(bitmap, words), make(bitmap, words)
	}
	m.strict, m.loose = m.strict[:words], m.loose[:words]
}

// fill reads into buf after its first n bytes until buf is full, or read has no more, and marks all
// of it. It returns the number of bytes that buf then holds. Only one goroutine at a time calls
// read.
//
// The goroutine that reads a region also searches it, since the bytes are in its cache.
func (m *marker) fill(buf []byte, n int, read func([]byte) (int, error)) (int, error) {
	m.resize(len(buf))
	var mu sync.Mutex // guards n, from, failed and read
	var from int      // where the next region begins
	var failed error
	next := func() (filled []byte, start int) {
		mu.Lock()
		defer mu.Unlock()
		start, from = from, min(from+regionSize, len(buf))
		if n < from && failed == nil {
			var got int
			got, failed = read(buf[n:from])
			n += got
		}
		return buf[:min(n, from)], start
	}
	work := func() {
		for {
			filled, start := next()
			if start >= len(filled) {
				return
			}
			m.search(filled, start)
		}
	}
	var helpers sync.WaitGroup
	for range m.workers - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
	return n, failed
}

// search marks the bytes of buf from from on, a multiple of regionSize. It also reads bytes before
// from. Other regions may be searched at the same time.
func (m *marker) search(buf []byte, from int) {
	gear, h := m.cdc.gear, uint64(0)
	for _, b := range buf[max(from-(MinSize-1), 0):from] {
		h = h<<1 + gear[b]
	}
	clear(m.strict[from/64 : (len(buf)+63)/64])
	clear(m.loose[from/64 : (len(buf)+63)/64])
	for ; from < len(buf); from += ZeroRun {
		block := buf[from:min(from+ZeroRun, len(buf))]
		if bytes.Equal(block, zeroBlock[:]) {
			// block is within a zero run, and no window after the run reaches back into block.
			continue
		}
		for i := 0; i < len(block); {
			var n int
			n, h = skip(block[i:], h, m.cdc.loose, gear)
			i += n
			for end := min(i+8, len(block)); i < end; i++ {
				h = h<<1 + gear[block[i]]
				m.strict.set(from+i, h < m.cdc.strict)
				m.loose.set(from+i, h < m.cdc.loose)
			}
		}
	}
}
