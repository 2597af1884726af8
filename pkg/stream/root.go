package stream

import (
	"encoding/binary"

	"hexz/pkg/blake"
)

// Root computes the root of a stream: BLAKE3 over `len (u64 LE) || hash` of its entries in order.
// Neighbouring zero and hole runs count as one entry with a zero hash. The root does not depend on
// dedup, on codecs or on the bounds of segments. The zero Root is ready for use.
type Root struct {
	h   blake.Hasher
	run int64 // length of a zero or hole run that may go on
}

// Add adds an entry.
func (r *Root) Add(e *Entry) {
	if e.Kind.IsRun() {
		r.run += e.Len
		return
	}
	r.flush()
	r.write(e.Len, &e.Hash)
}

// Sum returns the root of all entries added and starts anew.
func (r *Root) Sum() Hash {
	r.flush()
	sum := r.h.Sum()
	r.h.Reset()
	return sum
}

func (r *Root) flush() {
	if r.run > 0 {
		r.write(r.run, &Hash{})
		r.run = 0
	}
}

func (r *Root) write(n int64, hash *Hash) {
	var rec [8 + blake.Size]byte
	binary.LittleEndian.PutUint64(rec[:], uint64(n))
	copy(rec[8:], hash[:])
	r.h.Write(rec[:])
}

// EndRoot computes the root of the End frame: BLAKE3 over
//
//	name length (u64 LE) || name || size (u64 LE) || root
//
// of the streams in order. The zero EndRoot is ready for use.
type EndRoot struct{ h blake.Hasher }

// Add adds a stream.
func (r *EndRoot) Add(name string, size int64, root Hash) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(name)))
	r.h.Write(n[:])
	r.h.Write([]byte(name))
	binary.LittleEndian.PutUint64(n[:], uint64(size))
	r.h.Write(n[:])
	r.h.Write(root[:])
}

// Sum returns the root of all streams added.
func (r *EndRoot) Sum() Hash { return r.h.Sum() }
