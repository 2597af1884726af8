package codec

import (
	"fmt"

	"github.com/pierrec/lz4/v4"
)

// lz4Level maps a level of Options to 1 (fast) or 2..9 (HC).
func lz4Level(level int) int {
	return min(max(level, 1), 9)
}

// newLZ4Compressor returns a *lz4.Compressor for level 1 and otherwise a
// *lz4.CompressorHC.
func newLZ4Compressor(level int) any {
	if level == 1 {
		return new(lz4.Compressor)
	}
	// lz4.Level1 is 512 and each level doubles it.
	return &lz4.CompressorHC{Level: lz4.Level1 << (level - 1)}
}

// encodeLZ4 returns the block, or nil if it is not smaller than src.
func (e *Encoder) encodeLZ4(dst, src []byte) []byte {
	// Room for one byte less than src makes the compressor stop by itself
	// when there is nothing to gain.
	dst = grow(dst, len(src)-1)
	c := e.lz4.Get()
	defer e.lz4.Put(c)
	var n int
	var err error
	switch c := c.(type) {
	case *lz4.Compressor:
		n, err = c.CompressBlock(src, dst)
	case *lz4.CompressorHC:
		n, err = c.CompressBlock(src, dst)
	}
	if err != nil {
		return nil // the only error is that dst is too small
	}
	return dst[:n]
}

func decodeLZ4(dst, src []byte, rawLen int) ([]byte, error) {
	// A byte of a block stands for 255 bytes at most.
	if len(src) == 0 || rawLen > 255*len(src) {
		return nil, fmt.Errorf("%w: lz4: %d bytes cannot hold %d", ErrCorrupt, len(src), rawLen)
	}
	dst = grow(dst, rawLen)
	n, err := lz4.UncompressBlock(src, dst[:rawLen:rawLen])
	if err != nil {
		return nil, fmt.Errorf("%w: lz4: malformed, or longer than %d bytes", ErrCorrupt, rawLen)
	}
	return checkLen(LZ4, dst[:n], rawLen)
}
