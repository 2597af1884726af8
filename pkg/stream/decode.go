package stream

import (
	"math"
	"slices"

	"hexz/pkg/stream/wire"
)

const (
	maxFeatures = 64
	maxDigests  = 16
	maxDigest   = 64
	maxMessage  = 4 << 10

	maxEntryKind = 255
)

// arity gives the number of elements of each frame, the kind included.
func (k Kind) arity() int {
	switch k {
	case KindHeader:
		return 5 // kind, magic, version, features, meta; the first seven bytes are fixed
	case KindParent, KindOpen:
		return 5
	case KindSegment:
		return 7
	case KindDict, KindEnd, KindAbort:
		return 3
	case KindClose:
		return 5
	}
	return 0
}

// readHead reads the head of a frame: its array and its kind.
func readHead(in *wire.Reader) (Kind, int) {
	n := in.Array(MaxEntries)
	if in.Err() == nil && n == 0 {
		in.Failf("frame without a kind")
	}
	kind := Kind(in.Int(int64(maxKind)))
	if in.Err() != nil {
		return KindUnknown, 0
	}
	if want := kind.arity(); want != 0 && n != want {
		in.Failf("%s frame of %d elements, %d were expected", kind, n, want)
	}
	return kind, n
}

// readBody reads the elements after the kind. A segment's payload goes into seg's buffers.
func readBody(in *wire.Reader, kind Kind, seg *Segment) Frame {
	switch kind {
	case KindHeader:
		return readHeader(in)
	case KindParent:
		return readParent(in)
	case KindOpen:
		return readOpen(in)
	case KindSegment:
		readSegmentHead(in, seg)
		seg.outstanding = in.BytesLen(MaxPayload)
		return seg
	case KindDict:
		return &Dict{ID: in.Int(MaxSize), Bytes: in.Bytes(MaxDict)}
	case KindClose:
		return readClose(in)
	case KindEnd:
		f := &End{Totals: in.Meta()}
		in.Fixed(f.Root[:])
		return f
	case KindAbort:
		return &Abort{Stage: in.String(MaxName), Message: in.String(maxMessage)}
	}
	in.Failf("frame of unknown %s", kind)
	return nil
}

func readHeader(in *wire.Reader) *Header {
	f := &Header{}
	if magic := in.String(len(Magic)); magic != Magic {
		in.Failf("this is not a hexz stream")
	}
	if v := in.Int(MaxSize); v != Version {
		in.Failf("version %d of the format, this program knows version %d", v, Version)
	}
	for n := in.Array(maxFeatures); n > 0; n-- {
		f.Features = append(f.Features, in.String(MaxName))
	}
	f.Meta = in.Meta()
	return f
}

func readParent(in *wire.Reader) *Parent {
	f := &Parent{Index: in.Int(MaxParents)}
	in.Fixed(f.ID[:])
	f.Hint = in.String(MaxName)
	in.Fixed(f.Content[:])
	return f
}

func readOpen(in *wire.Reader) *Open {
	f := &Open{ID: in.Int(MaxSize), Name: in.String(MaxName), Size: -1}
	if !in.IsNil() {
		f.Size = in.Int(MaxSize)
	}
	f.Chunker = in.Meta()
	return f
}

func readClose(in *wire.Reader) *Close {
	f := &Close{ID: in.Int(MaxSize), Size: in.Int(MaxSize)}
	in.Fixed(f.Root[:])
	f.Digests = ReadDigests(in)
	return f
}

// ReadDigests reads a map of digests. It returns nil if the map is empty.
func ReadDigests(in *wire.Reader) map[string][]byte {
	n := in.Map(maxDigests)
	if n == 0 {
		return nil
	}
	digests := make(map[string][]byte, n)
	for ; n > 0 && in.Err() == nil; n-- {
		name := in.String(MaxCodecName)
		if _, twice := digests[name]; twice {
			in.Failf("two digests by %q", name)
		}
		digests[name] = in.Bytes(maxDigest)
	}
	return digests
}

// readSegmentHead reads the elements of a segment before its payload.
func readSegmentHead(in *wire.Reader, s *Segment) {
	s.Stream = in.Int(MaxSize)
	s.Offset = in.Int(MaxSize)
	s.Entries = ReadEntries(in, s.Entries[:0], true)
	s.Codec = in.String(MaxCodecName)
	s.RawLen = int(in.Int(MaxPayload))
}

// ReadEntries reads an array of entries and appends them to dst. If refHash is false, refs and own
// bases have no hash, as in the index of an archive.
func ReadEntries(in *wire.Reader, dst []Entry, refHash bool) []Entry {
	n := in.Array(MaxEntries)
	dst = slices.Grow(dst, min(n, 1024))
	for ; n > 0 && in.Err() == nil; n-- {
		dst = append(dst, readEntry(in, refHash))
	}
	return dst
}

func readEntry(in *wire.Reader, refHash bool) Entry {
	arity := in.Array(8)
	e := Entry{Kind: EntryKind(in.Int(maxEntryKind)), Ordinal: NoOrdinal}
	want := 0
	switch e.Kind {
	case Data:
		want = 3
		e.Len = in.Int(MaxChunk)
		in.Fixed(e.Hash[:])
	case Zero, Hole:
		want = 2
		e.Len = in.Int(MaxSize)
	case Ref:
		want = 4
		e.Len = in.Int(MaxChunk)
		if !refHash {
			want = 3
		} else {
			in.Fixed(e.Hash[:])
		}
		if !in.IsNil() {
			e.Ordinal = in.Int(MaxSize)
		}
	case ParentRef:
		want = 5
		e.Len = in.Int(MaxChunk)
		in.Fixed(e.Hash[:])
		e.Parent = int32(in.Int(MaxParents))
		e.Ordinal = in.Int(MaxSize)
	case Patched:
		want = 5
		e.Len = in.Int(MaxChunk)
		in.Fixed(e.Hash[:])
		e.Patch = &Patch{Bases: readBases(in, refHash)}
		e.Patch.Len = int(in.Int(MaxChunk))
	case NodeRef:
		want = 8
		e.Len = in.Int(MaxSize)
		in.Fixed(e.Hash[:])
		e.Level = uint8(in.Int(MaxLevel))
		e.Parent = int32(in.Int(MaxParents))
		e.Stream = uint16(in.Int(MaxStreams - 1))
		e.Offset = in.Int(MaxSize)
		e.Holes = in.Int(math.MaxInt64)
	default:
		in.Failf("entry of unknown kind %d", int(e.Kind))
	}
	if arity != want {
		in.Failf("entry of %d elements, %d were expected", arity, want)
	}
	return e
}

func readBases(in *wire.Reader, hash bool) []Base {
	bases := make([]Base, 0, 1)
	n := in.Array(MaxBases)
	if in.Err() == nil && n == 0 {
		in.Failf("patch without a base")
	}
	for ; n > 0 && in.Err() == nil; n-- {
		if got := in.Array(2); in.Err() == nil && got != 2 {
			in.Failf("base of %d elements, 2 were expected", got)
		}
		b := Base{Parent: OwnBase, Ordinal: NoOrdinal}
		switch {
		case !hash && in.IsNil():
		case hash && in.IsBytes():
			in.Fixed(b.Hash[:])
		default:
			b.Parent = int32(in.Int(MaxParents))
		}
		if b.Parent != OwnBase || !hash || !in.IsNil() {
			b.Ordinal = in.Int(MaxSize)
		}
		bases = append(bases, b)
	}
	return bases
}
