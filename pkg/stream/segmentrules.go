package stream

// The rules for the content of a segment.

// CheckParents returns an error unless e refers only to the first n parents.
func CheckParents(e *Entry, n int) error {
	last := int32(-1)
	switch e.Kind {
	case ParentRef, NodeRef:
		last = e.Parent
	case Patched:
		for i := range e.Patch.Bases {
			last = max(last, e.Patch.Bases[i].Parent)
		}
	}
	if int(last) >= n {
		return corruptf("chunk of parent %d, there are %d parents", last, n)
	}
	return nil
}

// check returns an error unless the parts of a segment fit together.
func (s *Segment) check() error {
	if len(s.Entries) == 0 || len(s.Entries) > MaxEntries {
		return corruptf("segment of %d entries", len(s.Entries))
	}
	raw, made, bases, at := 0, int64(0), 0, s.Offset
	for i := range s.Entries {
		e := &s.Entries[i]
		switch e.Kind {
		case Data, Ref, ParentRef, Patched:
			if e.Len < 1 || e.Len > MaxChunk {
				return corruptf("chunk of %d bytes, the limit is %d", e.Len, MaxChunk)
			}
			if e.Kind == Patched {
				if err := e.Patch.check(e.Len); err != nil {
					return err
				}
				made += e.Len
				bases += len(e.Patch.Bases)
			}
		case Zero, Hole:
			if e.Len < 1 {
				return corruptf("run of %d bytes", e.Len)
			}
		case NodeRef:
			if err := e.CheckNode(); err != nil {
				return err
			}
		default:
			return corruptf("entry of unknown kind %d", int(e.Kind))
		}
		if e.Len > MaxSize-at {
			return corruptf("stream is longer than %d bytes", int64(MaxSize))
		}
		at += e.Len
		raw += e.PayloadLen()
		if raw > MaxPayload || made > MaxPayload {
			return corruptf("segment of more than %d bytes", MaxPayload)
		}
		if bases > MaxEntries-len(s.Entries) {
			return corruptf("segment of %d entries with %d bases", len(s.Entries), bases)
		}
	}
	switch {
	case raw != s.RawLen:
		return corruptf("raw length %d, but its entries have %d bytes", s.RawLen, raw)
	case s.PayloadLen() > MaxPayload:
		return corruptf("payload of %d bytes, the limit is %d", s.PayloadLen(), MaxPayload)
	case s.Codec == RawCodec && s.PayloadLen() != raw:
		return corruptf("payload of %d bytes, not encoded, with a raw length of %d", s.PayloadLen(), raw)
	case raw == 0 && s.Codec != RawCodec:
		return corruptf("empty payload with the codec %q", s.Codec)
	}
	return nil
}

// CheckNode returns an error if e is an entry for a node, and cannot stand for one.
func (e *Entry) CheckNode() error {
	switch {
	case e.Kind != NodeRef:
		return nil
	case e.Len < 1:
		return corruptf("node of %d bytes", e.Len)
	case e.Level > MaxLevel:
		return corruptf("node of level %d, the limit is %d", e.Level, MaxLevel)
	case e.Holes < 0:
		return corruptf("node with the holes %d", e.Holes)
	case e.Offset > MaxSize-e.Len:
		return corruptf("node of %d bytes at offset %d of a parent", e.Len, e.Offset)
	}
	return nil
}

// check returns an error unless p can be the patch of a chunk of n bytes.
func (p *Patch) check(n int64) error {
	if p == nil || len(p.Bases) < 1 || len(p.Bases) > MaxBases {
		return corruptf("patch without a base, or with more than %d", MaxBases)
	}
	for i := range p.Bases {
		if (p.Bases[i].Parent == OwnBase) != p.Own() {
			return corruptf("patch with bases of parents and others")
		}
	}
	if p.Len < 1 || int64(p.Len) >= n {
		return corruptf("patch of %d bytes for a chunk of %d", p.Len, n)
	}
	return nil
}
