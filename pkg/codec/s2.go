package codec

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

func encodeS2(dst, src []byte, level int) []byte {
	switch {
	case level == 1:
		return s2.Encode(dst, src)
	case level <= 3:
		return s2.EncodeBetter(dst, src)
	default:
		return s2.EncodeBest(dst, src)
	}
}

func decodeS2(dst, src []byte, rawLen int) ([]byte, error) {
	// The block starts with its decoded length; check it before s2 believes it.
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, fmt.Errorf("%w: s2: %w", ErrCorrupt, err)
	}
	if n != rawLen {
		return nil, lenError(S2, n, rawLen)
	}
	dst, err = s2.Decode(grow(dst, rawLen), src)
	if err != nil {
		return nil, fmt.Errorf("%w: s2: %w", ErrCorrupt, err)
	}
	return checkLen(S2, dst, rawLen)
}
