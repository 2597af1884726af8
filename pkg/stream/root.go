package stream

import (
	"encoding/binary"

	"hexz/pkg/blake"
)

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
