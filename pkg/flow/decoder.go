package flow

import (
	"errors"
	"fmt"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// Decoder decodes segments. Safe for concurrent use.
type Decoder struct{ *codec.Decoder }

func NewDecoder(threads int, others codec.Decoders) (Decoder, error) {
	d, err := codec.NewDecoder(max(threads, 1))
	if err != nil {
		return Decoder{}, err
	}
	d.Others = others
	return Decoder{d}, nil
}

// Add adds a dictionary.
func (d Decoder) Add(f *stream.Dict) error {
	if f.ID > 1<<32-1 {
		return fmt.Errorf("%w: dictionary id %d", stream.ErrCorrupt, f.ID)
	}
	if err := d.AddDict(uint32(f.ID), f.Bytes); err != nil {
		return fmt.Errorf("%w: %w", stream.ErrCorrupt, err)
	}
	return nil
}

// DecodeSegment returns the decoded payload of s, in new memory, or the payload itself if it is
// raw.
func (d Decoder) DecodeSegment(s *stream.Segment) ([]byte, error) {
	if s.Codec == stream.RawCodec {
		return s.Payload, nil
	}
	raw, err := d.Decode(nil, s.Codec, s.Payload, s.RawLen)
	switch {
	case errors.Is(err, codec.ErrCorrupt):
		return nil, fmt.Errorf("%w: segment at offset %d: %w", stream.ErrCorrupt, s.Offset, err)
	case err != nil:
		return nil, fmt.Errorf("segment at offset %d: %w", s.Offset, err)
	}
	return raw, nil
}
