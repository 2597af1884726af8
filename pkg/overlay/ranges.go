package overlay

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	maxMap    = 32 << 20 // greatest memory of a Map, in bytes
	mapBlock  = 64 << 10
	maxRange  = 3 * binary.MaxVarintLen64 // greatest number of bytes that one range takes
	sectorLen = 512
)

// Map is a list of changes that takes a few bytes for each. It holds three varints for a change:
// the distance from the end of the change before, 0 if the change is to zeros, and the length.
// Distance and length are in sectors where that is possible.
type Map struct {
	blocks [][]byte
	size   int   // bytes of all blocks
	end    int64 // of the last change that was appended
	taken  int64 // end of the last change that was taken
	gaps   gaps

	data, zeros newest // of what has not changed, with what it has there
}

// append adds a change that lies after all others.
func (m *Map) append(c Change) error {
	m.gaps.offer(m.end, c.Offset)
	n := len(m.blocks)
	if n == 0 || cap(m.blocks[n-1])-len(m.blocks[n-1]) < maxRange {
		if m.size+mapBlock > maxMap {
			return fmt.Errorf("the ranges up to offset %d take more than %d MiB of memory", c.Offset, maxMap>>20)
		}
		m.size += mapBlock
		m.blocks = append(m.blocks, make([]byte, 0, mapBlock))
		n++
	}
	p := binary.AppendUvarint(m.blocks[n-1], sectors(c.Offset-m.end))
	if c.Zero {
		p = append(p, 0)
	}
	m.blocks[n-1] = binary.AppendUvarint(p, sectors(c.Length))
	m.end = c.End()
	return nil
}

// next takes the first change, or returns io.EOF.
func (m *Map) next() (c Change, err error) {
	for len(m.blocks) > 0 && len(m.blocks[0]) == 0 {
		m.blocks = m.blocks[1:]
	}
	if len(m.blocks) == 0 {
		return c, io.EOF
	}
	c.Offset = m.taken + m.number()
	if c.Length = m.number(); c.Length == 0 {
		c.Zero, c.Length = true, m.number()
	}
	m.taken = c.End()
	return c, nil
}

func (m *Map) number() int64 {
	v, n := binary.Uvarint(m.blocks[0])
	m.blocks[0] = m.blocks[0][n:]
	if v&1 != 0 {
		return int64(v >> 1)
	}
	return int64(v>>1) * sectorLen
}

// sectors returns n as a number of sectors, doubled, or of bytes, doubled plus one. Only 0 gives 0.
func sectors(n int64) uint64 {
	if n%sectorLen == 0 {
		return uint64(n/sectorLen) << 1
	}
	return uint64(n)<<1 | 1
}
