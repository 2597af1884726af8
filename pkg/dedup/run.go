package dedup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sort"
)

const (
	recordSize = 32 + 8 // the hash, and the value, little-endian
	fenceStep  = 256    // records between two hashes of a fence
)

// run is a file of records in the order of their hashes, without duplicates.
type run struct {
	file  File
	n     int64
	fence [][32]byte // every fenceStep-th hash
}

type record struct {
	hash  [32]byte
	value uint64
}

func compare(a, b *[32]byte) int { return bytes.Compare(a[:], b[:]) }

// add appends a record. w writes to the file.
func (r *run) add(w io.Writer, rec *record) error {
	if r.n%fenceStep == 0 {
		r.fence = append(r.fence, rec.hash)
	}
	r.n++
	var b [recordSize]byte
	copy(b[:], rec.hash[:])
	binary.LittleEndian.PutUint64(b[32:], rec.value)
	_, err := w.Write(b[:])
	return err
}

// find returns the value of h, if the run has it.
func (r *run) find(h *[32]byte) (uint64, bool, error) {
	i := sort.Search(len(r.fence), func(i int) bool { return compare(&r.fence[i], h) > 0 }) - 1
	if i < 0 {
		return 0, false, nil
	}
	first := int64(i) * fenceStep
	var buf [fenceStep * recordSize]byte
	n := int(min(fenceStep, r.n-first))
	if k, err := r.file.ReadAt(buf[:n*recordSize], first*recordSize); k < n*recordSize {
		return 0, false, errors.Join(io.ErrUnexpectedEOF, err)
	}
	i = sort.Search(n, func(i int) bool { return bytes.Compare(buf[i*recordSize:][:32], h[:]) >= 0 })
	if i == n || [32]byte(buf[i*recordSize:]) != *h {
		return 0, false, nil
	}
	return binary.LittleEndian.Uint64(buf[i*recordSize+32:]), true, nil
}

// cursor reads a run from front to back.
type cursor struct {
	in io.Reader
	record
}

// next reads the next record, and reports whether there was one.
func (c *cursor) next() (bool, error) {
	var b [recordSize]byte
	if _, err := io.ReadFull(c.in, b[:]); err == io.EOF {
		return false, nil
	} else if err != nil {
		return false, err
	}
	c.hash = [32]byte(b[:])
	c.value = binary.LittleEndian.Uint64(b[32:])
	return true, nil
}
