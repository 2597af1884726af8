package codec

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	// smallWindow holds any usual payload. Encoders keep a window of memory,
	// so the usual case should not pay for a payload of MaxSize.
	smallWindow = 2 << 20
	// largeWindow is the window that every decoder should support according
	// to RFC 8878, section 3.1.1.1.2.
	largeWindow = 8 << 20

	zstdBlockSize = 128 << 10 // decoded, at most; RFC 8878, section 3.1.1.2.4
	zstdOverAlloc = 16        // bytes of slack that let the decoder copy in words
)

// A zstdEncoder has one encoder for payloads up to smallWindow and one for
// larger ones. Either allocates its states with its first payload.
type zstdEncoder struct {
	small, large *zstd.Encoder
}

func newZstdEncoder(level, threads int, dict []byte) (*zstdEncoder, error) {
	if level == 0 {
		level = 3
	}
	opts := []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(threads), // also the number of EncodeAll calls at once
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true),
	}
	if dict != nil {
		if _, err := DictID(dict); err != nil {
			return nil, fmt.Errorf("codec: %w", err)
		}
		opts = append(opts, zstd.WithEncoderDict(dict))
	}
	// A single segment states its size and needs no window beyond it.
	small, err := zstd.NewWriter(nil, append(opts[:len(opts):len(opts)],
		zstd.WithWindowSize(smallWindow), zstd.WithSingleSegment(true))...)
	if err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	large, err := zstd.NewWriter(nil, append(opts[:len(opts):len(opts)],
		zstd.WithWindowSize(largeWindow))...)
	if err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	return &zstdEncoder{small: small, large: large}, nil
}

func (z *zstdEncoder) encode(dst, src []byte) []byte {
	if len(src) <= smallWindow {
		return z.small.EncodeAll(src, dst[:0])
	}
	return z.large.EncodeAll(src, dst[:0])
}

// newZstdDecoder returns a decoder which fills the capacity of its output and
// no more, threads payloads at a time.
func newZstdDecoder(threads int) (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(threads),
		zstd.WithDecoderMaxMemory(MaxSize+zstdOverAlloc),
		zstd.WithDecoderMaxWindow(MaxSize),
		zstd.WithDecodeAllCapLimit(true),
	)
}

func (d *Decoder) decodeZstd(dst, src []byte, rawLen int) ([]byte, error) {
	dictID, err := checkFrame(src, rawLen)
	if err != nil {
		return nil, fmt.Errorf("%w: zstd: %w", ErrCorrupt, err)
	}
	dst = grow(dst, rawLen+zstdOverAlloc)
	out, err := d.zstd.DecodeAll(src, dst[:0:len(dst)])
	if errors.Is(err, zstd.ErrUnknownDictionary) {
		return nil, fmt.Errorf("%w: zstd: dictionary %d is missing", ErrCorrupt, dictID)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: zstd: %w", ErrCorrupt, err)
	}
	return checkLen(Zstd, out, rawLen)
}

// checkFrame reports whether src is exactly one frame that can decode to
// rawLen bytes, judging by its headers and those of its blocks, and returns
// the frame's dictionary id (0: none). It costs nothing beside the decoding
// and finds what a lenient decoder accepts, such as further frames, and most
// false lengths before anything is allocated.
func checkFrame(src []byte, rawLen int) (dictID uint32, err error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return 0, err
	}
	if h.Skippable {
		return 0, errors.New("skippable frame")
	}
	if h.HasFCS && h.FrameContentSize != uint64(rawLen) {
		return 0, fmt.Errorf("frame of %d bytes, not %d", h.FrameContentSize, rawLen)
	}
	most := 0 // decoded size at most; src's limit keeps it below 2^41
	rest := src[h.HeaderSize:]
	for last := false; !last; {
		if len(rest) < 3 {
			return 0, errors.New("frame is cut short")
		}
		b := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
		size, stored := b>>3, b>>3
		last = b&1 != 0
		switch b >> 1 & 3 {
		case 0: // raw
		case 1: // one byte, repeated
			stored = 1
		case 2: // compressed
			size = zstdBlockSize
		default:
			return 0, errors.New("reserved block type")
		}
		if len(rest) < 3+stored {
			return 0, errors.New("frame is cut short")
		}
		most += size
		rest = rest[3+stored:]
	}
	trailer := 0
	if h.HasCheckSum {
		trailer = 4
	}
	if len(rest) != trailer {
		return 0, fmt.Errorf("%d bytes behind the last block, not %d", len(rest), trailer)
	}
	if most < rawLen {
		return 0, fmt.Errorf("frame of at most %d bytes, not %d", most, rawLen)
	}
	return h.DictionaryID, nil
}
