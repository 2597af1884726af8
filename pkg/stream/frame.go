// Package stream reads and writes the chunk stream: the sequence of msgpack frames that hexz
// stages pass to each other, and that is the body of an archive. docs/format.md is its
// specification.
//
// A Reader and a Writer hold every stream to the same rules: the order of frames, contiguous
// segments, lengths that add up, and roots. So no stage can pass on or write a stream that is
// incomplete or out of order.
package stream

import (
	"fmt"

	"hexz/pkg/blake"
	"hexz/pkg/stream/wire"
)

// RawCodec is the codec of a payload that is not encoded.
const RawCodec = "none"

// Magic and Version stand in the Header frame.
const (
	Magic   = "hexz"
	Version = 1
)

// FeatureEncrypted stands in the Header of an encrypted archive: only Sealed frames follow.
const FeatureEncrypted = "encrypted"

// Limits of the format. A reader checks every length against its limit before it allocates.
const (
	MaxChunk     = 16 << 20 // bytes of a data chunk
	MaxPayload   = 64 << 20 // bytes of a segment's payload, raw and encoded
	MaxEntries   = 1 << 20  // entries of a segment
	MaxName      = 4 << 10  // bytes of a stream's name
	MaxCodecName = 32       // bytes of the name of a codec, or of a digest
	MaxMeta      = 1 << 20  // bytes of a map of parameters
	MaxDict      = 1 << 20  // bytes of a dictionary
	MaxDicts     = 16       // dictionaries of a stream of frames
	MaxStreams   = 1 << 16  // streams (Open frames)
	MaxParents   = 1 << 10  // parents (Parent frames)
	MaxBases     = 32       // chunks that a patch copies from
	MaxSize      = 1<<63 - 1
)

// Kind is the first element of a frame.
type Kind int

// The kinds of frames. Kinds from FirstIndex to FirstAncillary-1 stand only after the End frame of
// an archive. A reader skips ancillary frames whose kind it does not know.
const (
	KindUnknown Kind = -1
	KindHeader  Kind = 0
	KindParent  Kind = 1
	KindOpen    Kind = 2
	KindSegment Kind = 3
	KindDict    Kind = 4
	KindClose   Kind = 5
	KindEnd     Kind = 6
	KindAbort   Kind = 7
	KindSealed  Kind = 8 // an encrypted frame; package archive reads and writes it

	FirstIndex     Kind = 16
	FirstAncillary Kind = 128
	maxKind        Kind = 1 << 16

	kindPrinted Kind = 130 // ancillary: see Console
)

func (k Kind) String() string {
	switch k {
	case KindHeader:
		return "header"
	case KindParent:
		return "parent"
	case KindOpen:
		return "open"
	case KindSegment:
		return "segment"
	case KindDict:
		return "dict"
	case KindClose:
		return "close"
	case KindEnd:
		return "end"
	case KindAbort:
		return "abort"
	case KindSealed:
		return "sealed"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Meta is a map of parameters; see wire.Meta for the types of its values.
type Meta = wire.Meta

// Hash identifies a chunk by its content.
type Hash = blake.Hash

// Frame is one of *Header, *Parent, *Open, *Segment, *Dict, *Close, *End, *Abort and *Ancillary.
type Frame interface{ Kind() Kind }

// Header is the first frame.
type Header struct {
	Features []string // what a reader must know to read on: FeatureEncrypted, or nothing
	Meta     Meta     // "stages": a list of maps, one for each stage of the stream so far
}

// Parent names an archive whose chunks the streams refer to. Parents stand between the Header and
// the first Open.
type Parent struct {
	Index   int64  // its number, counted from 0
	ID      Hash   // archive id
	Hint    string // where it was found, for people and for a search; do not trust it
	Content Hash   // the root of all its streams, which identifies the content
}

// Open starts a stream.
type Open struct {
	ID      int64  // chosen by the producer, unique
	Name    string // unique, UTF-8, not empty
	Size    int64  // bytes to come, or -1 if not known
	Chunker Meta   // "name" and its parameters
}

// EntryKind is the first element of an entry.
type EntryKind uint8

// The kinds of entries.
const (
	Data      EntryKind = 0 // a chunk: the next bytes of the decoded payload
	Zero      EntryKind = 1 // a run of allocated zero bytes
	Hole      EntryKind = 2 // a run of unallocated bytes, which read as zero
	Ref       EntryKind = 3 // the same bytes as an earlier data chunk
	ParentRef EntryKind = 4 // the same bytes as a chunk of a parent
	Patched   EntryKind = 5 // a chunk that a program in the payload makes of other chunks
	NodeRef   EntryKind = 6 // the same content as a node of a parent's content tree
)

// IsRun reports whether an entry of that kind is a run of zero bytes, and not a chunk.
func (k EntryKind) IsRun() bool { return k == Zero || k == Hole }

// IsStored reports whether an entry of that kind has bytes in the payload. Stored entries are
// counted. The number of such an entry is its ordinal, by which references name it.
func (k EntryKind) IsStored() bool { return k == Data || k == Patched }

// NoOrdinal stands for an ordinal that is nil.
const NoOrdinal = -1

// Entry describes the next Len bytes of a stream.
type Entry struct {
	Kind    EntryKind
	Level   uint8  // of NodeRef: level of the node
	Stream  uint16 // of NodeRef: number of the stream in the parent, counted from 0
	Parent  int32  // of ParentRef and NodeRef: number of the parent
	Len     int64  // 1 to MaxChunk for chunks, 1 to MaxSize for runs and nodes
	Hash    Hash   // of chunks; of NodeRef: digest of the node
	Ordinal int64  // of ParentRef: in the parent; of Ref: in the archive, or NoOrdinal
	Offset  int64  // of NodeRef: where the node begins in the stream of the parent
	Holes   int64  // of NodeRef: which of its zeros are holes, see Node
	Patch   *Patch // of Patched
}

// Patch says how the bytes of a chunk are made: a program in the payload (see package delta) makes
// them from data chunks elsewhere.
type Patch struct {
	Len   int    // bytes of the program, less than those of the chunk
	Bases []Base // 1 to MaxBases
}

// Base is a source from which a patch copies. It is an earlier data chunk of the same stream of
// frames, or the stored bytes of a chunk of a parent. These are its data, or its program if it is a
// patch itself. So no program has to be run to get a base. Either all bases of a patch are of
// parents, or none is.
type Base struct {
	Parent  int32 // number of the parent, or OwnBase
	Hash    Hash  // of an own base
	Ordinal int64 // as in Entry
}

// Own reports whether the bases of p are chunks of the same stream of frames.
func (p *Patch) Own() bool { return p.Bases[0].Parent == OwnBase }

// OwnBase stands for the number of a parent if there is none.
const OwnBase = -1

// PayloadLen returns the number of bytes that e has in the payload of its segment.
func (e *Entry) PayloadLen() int {
	switch e.Kind {
	case Data:
		return int(e.Len)
	case Patched:
		return e.Patch.Len
	}
	return 0
}

// Segment is a run of entries, with the bytes of its data chunks and patches as one payload.
type Segment struct {
	Stream  int64
	Offset  int64 // position of the first entry in the stream
	Entries []Entry
	Codec   string // of Payload, see package codec
	RawLen  int    // bytes of the decoded payload: the sum of PayloadLen
	Payload []byte

	outstanding int // length of a payload that is not in Payload
}

// Outstanding returns the length of a payload that is not in Payload: one that Reader.LeavePayloads
// has left unread, or that was announced.
func (s *Segment) Outstanding() int { return s.outstanding }

// Announce announces a payload of n bytes, which Writer.Forward will write.
func (s *Segment) Announce(n int) { s.Payload, s.outstanding = s.Payload[:0], n }

// PayloadLen returns the length of the payload, in Payload or outstanding.
func (s *Segment) PayloadLen() int { return len(s.Payload) + s.outstanding }

// Size returns the number of bytes of the stream that s describes.
func (s *Segment) Size() int64 {
	var n int64
	for i := range s.Entries {
		n += s.Entries[i].Len
	}
	return n
}

// Dict carries a dictionary for the segments after it, in this stream and in later ones.
type Dict struct {
	ID    int64
	Bytes []byte
}

// Close ends a stream.
type Close struct {
	ID      int64
	Size    int64
	Root    Hash              // see Tree
	Digests map[string][]byte // digests of the whole stream by algorithm
}

// End ends the sequence of streams.
type End struct {
	Totals Meta // for information
	Root   Hash // over all streams
}

// Abort ends a stream of frames that failed.
type Abort struct {
	Stage   string
	Message string
}

// Ancillary is a frame of a kind from FirstAncillary on. A reader that does not know the kind skips
// the frame. The content is not kept.
type Ancillary struct{ kind Kind }

// Kind returns the kind of the frame.
func (a *Ancillary) Kind() Kind { return a.kind }

// Kind returns the kind of the frame.
func (*Header) Kind() Kind  { return KindHeader }
func (*Parent) Kind() Kind  { return KindParent }
func (*Open) Kind() Kind    { return KindOpen }
func (*Segment) Kind() Kind { return KindSegment }
func (*Dict) Kind() Kind    { return KindDict }
func (*Close) Kind() Kind   { return KindClose }
func (*End) Kind() Kind     { return KindEnd }
func (*Abort) Kind() Kind   { return KindAbort }

// AddStage records in h that the stream went through a stage.
func (h *Header) AddStage(name string, params Meta) {
	if h.Meta == nil {
		h.Meta = Meta{}
	}
	stage := Meta{"stage": name}
	for k, v := range params {
		stage[k] = v
	}
	list, _ := h.Meta["stages"].([]any)
	h.Meta["stages"] = append(list[:len(list):len(list)], stage)
}
