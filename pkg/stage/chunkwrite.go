package stage

import (
	"hash"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/overlay"
	"hexz/pkg/stream"
)

// write turns a step into frames.
func (c *packer) write(s step) error {
	switch {
	case s.open != nil:
		c.id, c.name, c.offset = s.open.ID, s.open.Name, 0
		c.digests = map[string]hash.Hash{}
		for _, name := range c.o.Digests {
			c.digests[name] = archive.NewDigest(name)
		}
		return c.out.Write(s.open)
	case s.batch != nil:
		defer c.give(s.batch)
		return c.writeBatch(s.batch)
	}
	if err := c.flush(c.carry); err != nil {
		return err
	}
	sums := map[string][]byte{}
	for name, h := range c.digests {
		sums[name] = h.Sum(nil)
	}
	return c.out.CloseStream(sums)
}

// writeBatch writes the segments of up to DefaultBlock bytes that a batch completes. The rest is
// kept for the next batch, so the end of a segment does not depend on batches.
func (c *packer) writeBatch(b *batch) error {
	data, from, at, chunk := b.Data, 0, 0, 0 // the segment has data[from:at], or c.carry
	c.look(b)
	flush := func() error {
		payload := c.carry
		if len(payload) == 0 {
			payload = data[from:at]
		}
		from = at
		return c.flush(payload)
	}
	for _, p := range b.Pieces {
		room := flow.NoBytes
		if !p.Zero {
			room = int(p.Len)
		}
		if flow.IsFull(len(c.entries), len(c.carry)+at-from, room, flow.DefaultBlock) {
			if err := flush(); err != nil {
				return err
			}
		}
		if p.Zero {
			kind := stream.Zero
			if p.Hole {
				kind = stream.Hole
			}
			c.digestZeros(p.Len)
			if n := len(c.entries); n > 0 && c.entries[n-1].Kind == kind {
				c.entries[n-1].Len += p.Len
			} else {
				c.entries = append(c.entries, stream.Entry{Kind: kind, Len: p.Len})
			}
			continue
		}
		c.entries = append(c.entries, stream.Entry{Kind: stream.Data, Len: p.Len, Hash: b.hashes[chunk]})
		chunk++
		at += int(p.Len)
		c.digest(data[at-int(p.Len) : at])
		if len(c.carry) > 0 {
			c.carry = append(c.carry, data[from:at]...)
			from = at
		}
	}
	c.carry = append(c.carry, data[from:at]...)
	return nil
}

// look looks for a known format in the first chunk of a stream.
func (c *packer) look(b *batch) {
	if c.o.Found == nil || c.offset > 0 || len(c.entries) > 0 || len(b.Pieces) == 0 || b.Pieces[0].Zero {
		return
	}
	if format := overlay.FormatOf(b.Data[:b.Pieces[0].Len]); format != "" {
		c.o.Found(c.name, format)
	}
}

// flush writes the entries that are pending, if there are any.
func (c *packer) flush(payload []byte) error {
	if len(c.entries) == 0 {
		return nil
	}
	err := c.segment(c.entries, payload)
	c.entries, c.carry = c.entries[:0], c.carry[:0]
	return err
}

func (c *packer) segment(entries []stream.Entry, payload []byte) error {
	s := &stream.Segment{Stream: c.id, Offset: c.offset, Entries: entries, Codec: stream.RawCodec, RawLen: len(payload), Payload: payload}
	c.offset += s.Size()
	return c.out.Write(s)
}

func (c *packer) digest(p []byte) {
	for _, h := range c.digests {
		h.Write(p)
	}
}

func (c *packer) digestZeros(n int64) {
	for _, h := range c.digests {
		archive.WriteZeros(h, n)
	}
}
