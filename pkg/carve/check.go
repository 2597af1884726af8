package carve

import (
	"errors"
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// Checked says which parts of a segment are right.
type Checked struct {
	*stream.Segment
	Raw []byte // the decoded payload, if any of it is right
	// Good says for each entry whether its bytes in the payload are right, as far as can be checked.
	// It is nil if all are.
	Good []bool
	// Sure: the index or the key vouches for the segment. If false, entries without payload are
	// unverified.
	Sure bool
	Err  error // why a part is not right

	// Opaque means that there is no decoder for the codec of the segment, but the index or the key
	// vouches for it. Raw is nil then. The payload can only be kept or lost as a whole.
	Opaque bool

	sizes []int // of each entry: its bytes in the payload
}

var errDigest = errors.New("the segment is damaged")

// Check decodes a segment that Next has returned, and checks everything that can be checked. Check
// is safe for concurrent use.
func (s *Carver) Check(f *Found) *Checked {
	c := &Checked{Segment: f.Frame.(*stream.Segment)}
	v := s.vouch(c.Segment, f.raw)
	c.Sure = v == confirms || v == silent && s.ciphers != nil
	if v == denies {
		c.Err = errDigest
	}
	raw, err := c.Payload, error(nil)
	if c.Codec != stream.RawCodec {
		raw, err = s.decoder.Decode(nil, c.Codec, c.Payload, c.RawLen)
	}
	var unknown *codec.UnknownError
	if c.Sure && errors.As(err, &unknown) { // otherwise the name of the codec may be damaged
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
		case stream.Patched: // only its bases can show whether its output is right
			good[i] = err == nil && v != denies
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
		for i := range good { // nothing vouches for patches in a payload with damage elsewhere
			good[i] = good[i] && c.Entries[i].Kind != stream.Patched
		}
		c.Good = good
	}
	return c
}

// Lose marks all entries as not Good, and sets Err to why.
func (c *Checked) Lose(why error) {
	c.Good, c.Err = make([]bool, len(c.Entries)), why
}

// Drop marks entry i as not Good.
func (c *Checked) Drop(i int) {
	if c.Good == nil {
		c.Good = slices.Repeat([]bool{true}, len(c.Entries))
	}
	c.Good[i] = false
}

// Keep reduces the payload to the bytes of Good entries, not encoded. The caller has replaced the
// other entries by entries without bytes.
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

// Split takes all up to entry i out of c, and returns the entries before it as a segment. Entry i
// has no bytes in the payload. c must not be Opaque.
func (c *Checked) Split(i int) *stream.Segment {
	if c.Good == nil {
		c.Good = slices.Repeat([]bool{true}, len(c.Entries))
	}
	n := 0
	for _, size := range c.sizes[:i] {
		n += size
	}
	n = min(n, len(c.Raw)) // less if none of it is right
	before := &Checked{
		Segment: &stream.Segment{Stream: c.Stream, Offset: c.Offset, Entries: c.Entries[:i]},
		Raw:     c.Raw[:n], Good: c.Good[:i], sizes: c.sizes[:i],
	}
	before.Keep()
	c.Segment = &stream.Segment{Stream: c.Stream, Offset: c.Offset + before.Size() + c.Entries[i].Len, Entries: c.Entries[i+1:]}
	c.Raw, c.Good, c.sizes = c.Raw[n:], c.Good[i+1:], c.sizes[i+1:]
	return before.Segment
}
