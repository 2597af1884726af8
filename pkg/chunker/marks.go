package chunker

import (
	"bytes"
	"math/bits"
	"sync"
)

// Whether FastCDC can cut behind a byte depends on that byte and the 63 before it, and on
// nothing else: not on where the chunk begins. So several goroutines can look for such bytes
// in several regions of a buffer, and what remains to be done in order is to choose among what
// they have found, which takes next to no time. Nothing about it is speculative. The price is
// that also the bytes below the minimum are hashed: about a third more CPU time at the defaults.

// marks tells behind which bytes of a buffer there can be a cut: those at which the hash is
// below the threshold. It is right where the 64 bytes of the window lie within one chunk.
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
	// A cut of length n is behind byte pos+n-1.
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

// regionSize is how many bytes of a buffer a goroutine searches at a time: a multiple of
// ZeroRun, and so of 64.
const regionSize = 128 << 10

// marker makes the marks of one buffer after the other.
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

// fill reads behind the first n bytes of buf until it is full, or read has no more, and marks
// all of it. It returns how many bytes buf has then. read is called by one goroutine at a time.
//
// The goroutine that reads a region also searches it: it has the bytes in its cache.
func (m *marker) fill(buf []byte, n int, read func([]byte) (int, error)) (int, error) {
	m.resize(len(buf))
	var mu sync.Mutex // guards what follows, and read
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

// search marks the bytes of buf from from on, a multiple of regionSize. What is before them is
// read, too. Other regions may be searched at the same time.
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
			continue // it is within a zero run, and no window behind that reaches back into it
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
