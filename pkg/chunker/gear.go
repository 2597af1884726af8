package chunker

import (
	"encoding/binary"

	"lukechampine.com/blake3"
)

// The context strings of the key derivation below.
const (
	gearContext      = "hexz fastcdc-v1 gear table"
	keyedGearContext = "hexz fastcdc-v1 keyed gear table"
)

// newGear derives the gear table: the 2048 bytes that BLAKE3 in its key derivation mode returns for
// a context string and the key, read as 256 little-endian numbers. Without a key, the key is empty,
// and the context string is a different one.
func newGear(key []byte) *[256]uint64 {
	context := gearContext
	if key != nil {
		context = keyedGearContext
	}
	var raw [256 * 8]byte
	blake3.DeriveKey(raw[:], context, key)
	var gear [256]uint64
	for i := range gear {
		gear[i] = binary.LittleEndian.Uint64(raw[i*8:])
	}
	return &gear
}
