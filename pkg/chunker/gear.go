package chunker

import (
	"encoding/binary"

	"lukechampine.com/blake3"
)

// gearContext is the context string of the key derivation below.
const gearContext = "hexz fastcdc-v1 gear table"

// newGear derives the gear table: the 2048 bytes that BLAKE3 in its key derivation mode gives
// for the context string and the key, read as 256 little-endian numbers. Without a key the
// key is empty.
func newGear(key []byte) *[256]uint64 {
	var raw [256 * 8]byte
	blake3.DeriveKey(raw[:], gearContext, key)
	var gear [256]uint64
	for i := range gear {
		gear[i] = binary.LittleEndian.Uint64(raw[i*8:])
	}
	return &gear
}
