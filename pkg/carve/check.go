package carve

import (
	"errors"
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// Checked tells what of a segment is right.
type Checked struct {
	*stream.Segment
	Raw  []byte // the decoded payload, if any of it is right
	Good []bool // for each entry that has bytes in the payload: whether they are right as far as can be told; nil if all are
	Sure bool   // by the index or the key; or else entries without bytes are only what they say
	Err  error  // why something is not right

	// Opaque: there is no decoder for its codec, but the index or the key vouches for it.
	// Raw is nil then. The payload can only be kept or lost as a whole.
	Opaque bool

	sizes []int // of each entry: its bytes in the payload
}

var errDigest = errors.New("the segment is damaged")

// Check decodes a segment that Next has returned, and compares all that can be compared. Safe for
// concurrent use.
func (s *Carver) Check(f *Found) *Checked {
	c := &Checked{Segment: f.Frame.(*stream.Segment)}
	v := s.vouch(c.Segment, f.raw)
	c.Sure = v == right || v == unknown && s.ciphers != nil
	if v == wrong {
		c.Err = errDigest
	}
	raw, err := c.Payload, error(nil)
	if c.Codec != stream.RawCodec {
		raw, err = s.decoder.Decode(nil, c.Codec, c.Payload, c.RawLen)
	}
	var unknown *codec.UnknownError
	if c.Sure && errors.As(err, &unknown) { // or its name may be what is damaged
		c.Opaque, err = true, nil
	}
	good := make([]bool, len(c.Entries))
	c.sizes = make([]int, len(c.Entries))
	all, at := true, 0
	for i := range c.Entries {
		e := &c.Entries[i]
		n := e.PayloadLen()
		c.sizes[i] = n
		switch e.Kind {
		case stream.Data:
			good[i] = err == nil && (c.Opaque || blake.Sum(raw[at:at+n]) == e.Hash)
		case stream.Patched: // whether it makes the chunk is known only with its bases
			good[i] = err == nil && v != wrong
		default:
			good[i] = true
		}
		all = all && good[i]
		at += n
	}
	if err != nil {
		c.Err = err
	} else if c.Raw = raw; !all && c.Err == nil {
		c.Err = errors.New("a chunk does not have its hash")
	}
	if !all {
		for i := range good { // nothing vouches for patches of a payload that is damaged elsewhere
			good[i] = good[i] && c.Entries[i].Kind != stream.Patched
		}
		c.Good = good
	}
	return c
}

// Lose makes all entries that have bytes ones that are not Good.
func (c *Checked) Lose(why error) {
	c.Good, c.Err = make([]bool, len(c.Entries)), why
}

// Drop makes an entry that has bytes one that is not Good.
func (c *Checked) Drop(i int) {
	if c.Good == nil {
		c.Good = slices.Repeat([]bool{true}, len(c.Entries))
	}
	c.Good[i] = false
}

// Keep makes the segment one of what is Good, not encoded. The entries that are not have been
// replaced by some without bytes.
func (c *Checked) Keep() {
	var kept []byte
	at := 0
	for i, n := range c.sizes {
		if n > 0 && c.Good[i] {
			kept = append(kept, c.Raw[at:at+n]...)
		}
		at += n
	}
	c.Codec, c.RawLen, c.Payload = stream.RawCodec, len(kept), kept
}
