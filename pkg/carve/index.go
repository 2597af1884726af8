package carve

import (
	"bytes"
	"io"
	"maps"
	"math"
	"sort"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// openIndex finds the root and sets s.index. In a file that bytes were taken out of, or put into,
// what the index says of positions is off by as much as the root itself.
func (s *Carver) openIndex() IndexState {
	start := max(s.size-index.TailSize, 0)
	tail := make([]byte, s.size-start)
	if s.win.err = readFull(s.src, tail, start); s.win.err != nil {
		return IndexNone
	}
	t, err := index.FindTrailer(tail, math.MaxInt64/2, index.ArchiveMagic) // where the root stands is looked at below
	if err != nil && (t.Root.Len < 1 || t.Root.Len > index.MaxIndexFrame) {
		return IndexMissing
	}
	for _, pos := range s.rootPlaces(t.Root, tail, start) {
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

// maxRootPlaces bounds how often a root is looked for elsewhere.
const maxRootPlaces = 16

// rootPlaces returns where the root may be: where the trailer says; right in front of the first
// trailer; in front of signatures.
func (s *Carver) rootPlaces(want index.Extent, tail []byte, start int64) []int64 {
	var places []int64
	add := func(pos int64) {
		if pos >= 0 && pos <= s.size-want.Len && len(places) < maxRootPlaces {
			places = append(places, pos)
		}
	}
	add(want.Pos)
	whole := index.Trailer{Root: want, Magic: index.ArchiveMagic}.Append(nil)
	first := bytes.Index(tail, whole)
	if first < 0 { // it is damaged
		first = bytes.LastIndex(tail, whole[:2+len(index.ArchiveMagic)])
	}
	add(start + int64(first) - want.Len)
	for at := 0; at < first; at++ { // signatures stand behind the root
		i := bytes.Index(tail[at:first], []byte{0x93, byte(index.KindSignature)})
		if i < 0 {
			break
		}
		at += i
		add(start + int64(at) - want.Len)
	}
	return places
}

// shifted is a file whose bytes are by bytes behind where they are looked for.
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

// verdict is what the index says of a segment.
type verdict int

const (
	unknown verdict = iota // it is lost, or that part of it
	right                  // it has the digest
	wrong                  // there is another segment there, or none
)

// vouch compares the frame of a segment with the index: by what it is, and not by where it stands.
// Without the bytes of the frame it only tells whether there is one.
func (s *Carver) vouch(seg *stream.Segment, raw []byte) verdict {
	if s.index == nil {
		return unknown
	}
	no, ok := s.numbers[seg.Stream]
	firsts := s.index.Root.Firsts
	if !ok || len(firsts) == 0 || (index.Position{Stream: no, Offset: seg.Offset, Ordinal: 0}).Less(firsts[0].Position) {
		return wrong
	}
	number, err := s.index.FindOffset(no, seg.Offset)
	if err != nil {
		return unknown // the page is damaged
	}
	ref, _, err := s.index.SegmentAt(number)
	if err != nil {
		return unknown
	}
	if ref.Stream != no || ref.Offset != seg.Offset {
		return wrong
	}
	if raw != nil && (int64(len(raw)) != ref.Len || blake.Sum(raw) != ref.Digest) {
		return wrong
	}
	return right
}

// disowned tells whether the index knows that f is no frame of this archive, or a damaged one, by
// what can be seen without its payload.
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
		return s.vouch(f, nil) == wrong
	}
	return false
}

func encoded(m stream.Meta) []byte {
	w := wire.NewWriter()
	w.Meta(m)
	return w.Written()
}

// Entries calls visit for what the index says of a stream, given by its id, between two offsets: for
// all entries that lie there, as far as the pages of the index are right. References have no hash.
func (s *Carver) Entries(id, from, to int64, visit func(off int64, e *stream.Entry) error) error {
	no, ok := s.numbers[id]
	if s.index == nil || !ok {
		return nil
	}
	firsts := s.index.Root.Firsts
	n := sort.Search(len(firsts), func(i int) bool {
		return (index.Position{Stream: no, Offset: from, Ordinal: 0}).Less(firsts[i].Position)
	})
	for n = max(n-1, 0); n < len(firsts) && firsts[n].Position.Less(index.Position{Stream: no, Offset: to, Ordinal: 0}); n++ {
		var failed error
		s.index.EntriesOf(n, func(place index.Place, entries []stream.Entry) error {
			at := place.Offset
			for i := range entries {
				if place.Stream == no && at >= from && entries[i].Len <= to-at && failed == nil {
					failed = visit(at, &entries[i])
				}
				at += entries[i].Len
			}
			return failed
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}
