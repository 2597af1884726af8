package carve

import (
	"bytes"
	"io"
	"maps"
	"math"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// openIndex finds the root and sets s.index. If bytes were removed from the file or inserted, all
// positions in the index are off by as much as the position of the root.
func (s *Carver) openIndex() IndexState {
	start := max(s.size-index.TailSize, 0)
	tail := make([]byte, s.size-start)
	if s.win.err = readFull(s.src, tail, start); s.win.err != nil {
		return IndexNone
	}
	// With this start, FindTrailer accepts any position of the root, which is checked below.
	t, err := index.FindTrailer(tail, math.MaxInt64/2, index.ArchiveMagic)
	if err != nil && (t.Root.Len < 1 || t.Root.Len > index.MaxIndexFrame) {
		return IndexMissing
	}
	for _, pos := range s.rootPositions(t.Root, tail, start) {
		raw := make([]byte, t.Root.Len)
		if err := readFull(s.src, raw, pos); err != nil || blake.Sum(raw) != t.Root.Digest {
			continue
		}
		shift := pos - t.Root.Pos
		if s.index = index.FromRoot(raw, t.Root, shifted{s.src, shift}, s.size-shift, s.ciphers); s.index != nil {
			s.shift = shift
			for no := range s.index.Root.Info.Streams {
				s.numbers[s.index.Root.Info.Streams[no].ID] = no
			}
			return IndexIntact
		}
	}
	return IndexDamaged
}

// maxRootPositions bounds the number of positions where the root is looked for.
const maxRootPositions = 16

// rootPositions returns where the root may be: where the trailer says, right before the first
// trailer, and right before signatures.
func (s *Carver) rootPositions(want index.Extent, tail []byte, start int64) []int64 {
	var positions []int64
	add := func(pos int64) {
		if pos >= 0 && pos <= s.size-want.Len && len(positions) < maxRootPositions {
			positions = append(positions, pos)
		}
	}
	add(want.Pos)
	whole := index.Trailer{Root: want, Magic: index.ArchiveMagic}.Append(nil)
	first := bytes.Index(tail, whole)
	if first < 0 { // the trailer is damaged
		first = bytes.LastIndex(tail, whole[:2+len(index.ArchiveMagic)])
	}
	add(start + int64(first) - want.Len)
	for at := 0; at < first; at++ { // signatures stand after the root
		i := bytes.Index(tail[at:first], []byte{0x93, byte(index.KindSignature)})
		if i < 0 {
			break
		}
		at += i
		add(start + int64(at) - want.Len)
	}
	return positions
}

// shifted is a file in which the byte for position p is at p + by.
type shifted struct {
	io.ReaderAt
	by int64
}

func (f shifted) ReadAt(p []byte, pos int64) (int, error) {
	if pos < -f.by {
		return 0, io.EOF
	}
	return f.ReaderAt.ReadAt(p, pos+f.by)
}

// testimony is what the index says about a segment.
type testimony int

const (
	silent   testimony = iota // the index, or its part for the segment, is lost
	confirms                  // the segment has the digest of the index
	denies                    // the index has another segment there, or none
)

// vouch compares the frame of a segment with the index: by its content, and not by its position in
// the file. Without raw, the bytes of the frame, vouch only checks that the index has a segment
// there.
func (s *Carver) vouch(seg *stream.Segment, raw []byte) testimony {
	if s.index == nil {
		return silent
	}
	no, ok := s.numbers[seg.Stream]
	at := index.Position{Stream: no, Offset: seg.Offset}
	if !ok || s.index.Pages() == 0 || at.Less(s.index.Begin()) {
		return denies
	}
	number, err := s.index.FindOffset(no, seg.Offset)
	if err != nil {
		return silent // the page is damaged
	}
	ref, _, err := s.index.SegmentAt(number)
	if err != nil {
		return silent
	}
	if ref.Stream != no || ref.Offset != seg.Offset {
		return denies
	}
	if raw != nil && (int64(len(raw)) != ref.Len || blake.Sum(raw) != ref.Digest) {
		return denies
	}
	return confirms
}

// disowned reports whether the index shows that f is no frame of this archive, or a damaged one. It
// does not need the payload of f.
func (s *Carver) disowned(f stream.Frame) bool {
	if s.index == nil {
		return false
	}
	info := s.index.Info()
	streams := info.Streams
	switch f := f.(type) {
	case *stream.Header:
		meta := maps.Clone(f.Meta)
		delete(meta, index.SealedKey)
		return !bytes.Equal(encoded(meta), encoded(info.Meta))
	case *stream.Parent:
		return f.Index >= int64(len(info.Parents)) || *f != info.Parents[f.Index]
	case *stream.Open:
		no, ok := s.numbers[f.ID]
		return !ok || streams[no].Name != f.Name
	case *stream.Close:
		no, ok := s.numbers[f.ID]
		return !ok || streams[no].Size != f.Size || streams[no].Root != f.Root
	case *stream.Segment:
		return s.vouch(f, nil) == denies
	}
	return false
}

func encoded(m stream.Meta) []byte {
	w := wire.NewWriter()
	w.Meta(m)
	return w.Written()
}

// Entries calls visit for the entries that the index has of a stream between two offsets, as far as
// the pages of the index are right. id is that of the stream. References have no hash.
func (s *Carver) Entries(id, from, to int64, visit func(off int64, e *stream.Entry) error) error {
	no, ok := s.numbers[id]
	if s.index == nil || !ok {
		return nil
	}
	n, err := s.index.FirstPage(no, from)
	if err != nil {
		n = 0 // a page above is damaged
	}
	for ; n < s.index.Pages(); n++ {
		first, err := s.index.PageAt(n)
		if err != nil {
			continue // the page above is damaged
		}
		if !first.Position.Less(index.Position{Stream: no, Offset: to}) {
			break
		}
		for seg, err := range s.index.SegmentsOf(n) {
			if err != nil {
				break // the page is damaged from here on
			}
			at := seg.Offset
			for i := range seg.Entries {
				e := &seg.Entries[i]
				if seg.Stream == no && at >= from && e.Len <= to-at {
					if err := visit(at, e); err != nil {
						return err
					}
				}
				at += e.Len
			}
		}
	}
	return nil
}
