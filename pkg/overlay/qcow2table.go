package overlay

import (
	"encoding/binary"
	"io"
)

// window is a part of a table that was read. Tables can have megabytes; only windowSize bytes of
// each are in memory.
type window struct {
	at  int64 // in the file
	p   []byte
	buf []byte
}

const windowSize = 4 << 10

// read returns the n bytes at off of a table. The table has size bytes and begins at byte at of r.
func (w *window) read(r io.ReaderAt, at, size, off, n int64) ([]byte, error) {
	start := off &^ (windowSize - 1)
	if w.p == nil || w.at != at+start {
		if w.buf == nil {
			w.buf = make([]byte, windowSize)
		}
		w.p = nil
		p := w.buf[:min(windowSize, size-start)]
		if err := readFull(r, p, at+start); err != nil {
			return nil, err
		}
		w.at, w.p = at+start, p
	}
	return w.p[off-start:][:n], nil
}

// entryBits returns the binary logarithm of the size of an L2 entry.
func (q *qcow2) entryBits() uint {
	if q.sub {
		return 4
	}
	return 3
}

// tableBits returns the binary logarithm of the bytes of the image that an L2 table covers.
func (q *qcow2) tableBits() uint { return 2*q.bits - q.entryBits() }

// l2Entry returns the two words of the L2 entry of the cluster that holds off. The second word is 0
// without subclusters. ok is false if the cluster has no L2 table.
func (q *qcow2) l2Entry(c *walkState, off int64) (e, sub uint64, ok bool, err error) {
	p, err := c.l1.read(q.r, q.l1, q.l1Size, off>>q.tableBits()*8, 8)
	if err != nil {
		return 0, 0, false, err
	}
	at := int64(binary.BigEndian.Uint64(p) & tableOffset)
	if at == 0 {
		return 0, 0, false, nil
	}
	if at&(1<<q.bits-1) != 0 || at > q.fileSize-1<<q.bits {
		return 0, 0, false, invalidf("qcow2 L2 table at byte %d is not within the file", at)
	}
	within := off >> q.bits << q.entryBits() & (1<<q.bits - 1)
	p, err = c.l2.read(q.r, at, 1<<q.bits, within, 1<<q.entryBits())
	if err != nil {
		return 0, 0, false, err
	}
	if q.sub {
		sub = binary.BigEndian.Uint64(p[8:])
	}
	return binary.BigEndian.Uint64(p), sub, true, nil
}

// extent returns the longest extent of one kind that starts at off.
func (q *qcow2) extent(c *walkState, off int64) (end int64, kind Kind, err error) {
	for end = off; end < q.size; {
		next, k, err := q.unitAt(c, end)
		if err != nil {
			return 0, 0, err
		}
		if end > off && k != kind {
			break
		}
		end, kind = min(next, q.size), k
	}
	return end, kind, nil
}

// unitAt returns the end and the kind of the unit that holds off: a cluster, a subcluster, or the
// whole range of a missing L2 table.
func (q *qcow2) unitAt(c *walkState, off int64) (end int64, kind Kind, err error) {
	e, sub, ok, err := q.l2Entry(c, off)
	if err != nil {
		return 0, 0, err
	}
	if !ok {
		return endOf(off, q.tableBits()), Hole, nil
	}
	if q.sub && e&compressed == 0 {
		i := off >> (q.bits - 5) & 31
		kind, err := subKind(e, sub, uint(i))
		if err != nil {
			return 0, 0, invalidf("qcow2 cluster at offset %d: %v", off&^(1<<q.bits-1), err)
		}
		return endOf(off, q.bits-5), kind, nil
	}
	return endOf(off, q.bits), q.kindOf(e), nil
}

// endOf returns the end of the unit of 2^bits bytes that holds off.
func endOf(off int64, bits uint) int64 {
	if end := (off>>bits + 1) << bits; end > 0 {
		return end
	}
	return 1<<63 - 1
}

func (q *qcow2) kindOf(e uint64) Kind {
	switch {
	case e&compressed != 0:
		return Data
	case q.version == 3 && e&zeroFlag != 0:
		return Zero
	case e&tableOffset != 0:
		return Data
	}
	return Hole
}

// subKind returns the kind of subcluster i. The second word of an entry has a bit for each
// subcluster that is present, and in its upper half a bit for each that reads as zero.
func subKind(e, sub uint64, i uint) (Kind, error) {
	there, zero := sub>>i&1 != 0, sub>>(32+i)&1 != 0
	switch {
	case there && zero:
		return 0, invalidf("its subcluster %d is both there and zero", i)
	case zero:
		return Zero, nil
	case there && e&tableOffset == 0:
		return 0, invalidf("its subcluster %d is there, and the cluster is not", i)
	case there:
		return Data, nil
	}
	return Hole, nil
}
