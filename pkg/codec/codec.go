// Package codec encodes and decodes payloads: byte strings of up to 64 MiB
// that are compressed as a whole and whose decoded length is known from
// elsewhere.
//
// There are four codecs, named on the wire by the constants below.
//
//	none  the bytes themselves
//	zstd  exactly one Zstandard frame (RFC 8878), no skippable frames
//	lz4   one raw LZ4 block, without any frame around it
//	      (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md)
//	s2    one S2 block: Snappy's block format with repeat offsets
//	      (https://github.com/klauspost/compress/tree/master/s2)
//
// None of them carries a checksum here: whoever stores payloads is expected to
// have digests of their own. A decoder therefore promises that hostile input
// is cheap and never panics, and that the length is right; it does not promise
// that damaged input is noticed.
//
// An encoding depends on the bytes, the options, the version of this package's
// dependencies and possibly the processor's architecture. It does not depend
// on the number of threads, on the caller's buffers or on what was encoded
// before.
package codec

import "errors"

// Names of the codecs as they stand on the wire.
const (
	None = "none"
	Zstd = "zstd"
	LZ4  = "lz4"
	S2   = "s2"
)

// MaxSize is the greatest length of a payload, decoded and encoded.
const MaxSize = 64 << 20

// MaxDictSize is the greatest length of a dictionary.
const MaxDictSize = 1 << 20

// ErrCorrupt is wrapped by the errors of a [Decoder] for input that is damaged, is
// not what its description says, or needs a dictionary that is not there.
var ErrCorrupt = errors.New("corrupt payload")

// Bound returns a capacity with which [Encoder.Encode] needs no buffer of its
// own for a payload of n bytes.
func Bound(n int) int {
	return n + n/4096 + 64
}

// grow returns a slice of n bytes, in dst's memory if that is large enough.
// What was in dst is not kept.
func grow(dst []byte, n int) []byte {
	if cap(dst) < n {
		return make([]byte, n)
	}
	return dst[:n]
}
