package archive

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"sync/atomic"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// block is a decoded segment, or the output of a patch, which has only data and memory. After
// loading only verified changes.
type block struct {
	number   int64   // of the segment
	bare     bool    // there is no data
	memory   *[]byte // of a Reader's buffers; data is in it; nil if there is none
	stream   int
	first    int64 // ordinal of its first data chunk
	entries  []stream.Entry
	starts   []int64 // offset in the stream of each entry, and of the end
	data     []byte  // the decoded payload
	places   []int   // where the bytes of each entry begin in data, for stored entries
	chunks   []int   // entry of each stored chunk
	verified []atomic.Bool
	bases    int // of all patches, and one more for each patch
}

// getBuffer returns memory of n bytes, which putBuffer takes back.
func (r *Reader) getBuffer(n int) *[]byte {
	p, ok := r.caches.buffers.Get().(*[]byte)
	if !ok {
		p = new([]byte)
	}
	if cap(*p) < n {
		*p = make([]byte, n)
	}
	*p = (*p)[:n]
	return p
}

func (r *Reader) putBuffer(p *[]byte) { r.caches.buffers.Put(p) }

// loadSegment reads, verifies and decodes the segment of that number, for the cache. If bare is set,
// it leaves out the payload.
func (r *Reader) loadSegment(number int64, bare bool) (*block, int64, error) {
	ref, next, err := r.SegmentAt(number)
	if err != nil {
		return nil, 0, err
	}
	frame, s, err := r.readSegment(ref)
	if err != nil {
		return nil, 0, err
	}
	b := &block{number: number, bare: bare, stream: ref.Stream, first: ref.Ordinal, entries: s.Entries}
	b.layOut(s)
	if end := r.EndOf(ref.Position, next); b.end() != end || ref.Ordinal+int64(len(b.chunks)) != next.Ordinal {
		return nil, 0, fmt.Errorf("segment at byte %d: %w", ref.Pos, index.Corruptf("it ends at offset %d, the index says %d", b.end(), end))
	}
	cost := int64(entryMemory*len(b.entries) + 56*b.bases + 200)
	if bare {
		r.putBuffer(frame)
		return b, cost, nil
	}
	if err := r.decode(b, s, frame); err != nil {
		return nil, 0, fmt.Errorf("segment at byte %d: %w", ref.Pos, err)
	}
	return b, cost + int64(cap(*b.memory)), nil
}

// entryMemory is what an entry takes in a block, in bytes.
const entryMemory = 136

// readSegment reads and verifies the segment that the index has at ref. The payload of the segment
// is in the memory of the frame, which the caller puts back.
func (r *Reader) readSegment(ref index.SegmentRef) (frame *[]byte, s *stream.Segment, err error) {
	if ref.Pos > r.FileSize-ref.Len {
		return nil, nil, index.Damagedf(ref.Extent, "segment at byte %d ends after the archive", ref.Pos)
	}
	frame = r.getBuffer(int(ref.Len))
	if err := r.ReadBytes(*frame, ref.Pos); err != nil {
		return nil, nil, err
	}
	if blake.Sum(*frame) != ref.Digest {
		return nil, nil, index.Damagedf(ref.Extent, "segment at byte %d is damaged", ref.Pos)
	}
	if s, err = r.parseSegment(ref, *frame); err != nil {
		return nil, nil, fmt.Errorf("segment at byte %d: %w", ref.Pos, err)
	}
	return frame, s, nil
}

// parseSegment parses the frame of a segment. The digest of the frame was right, so a fault found
// here is the writer's.
func (r *Reader) parseSegment(ref index.SegmentRef, frame []byte) (*stream.Segment, error) {
	plain, err := r.Plain(frame)
	if err != nil {
		return nil, index.Corrupt(err)
	}
	s, err := stream.ParseSegment(plain)
	if err != nil {
		return nil, index.Corrupt(err)
	}
	info := &r.Root.Info.Streams[ref.Stream]
	if s.Stream != info.ID || s.Offset != ref.Offset {
		return nil, index.Corruptf("it is of stream %d at offset %d, the index says stream %d at offset %d", s.Stream, s.Offset, info.ID, ref.Offset)
	}
	return s, nil
}

// decode decodes the payload of a segment. The block keeps the memory of the frame, or decode puts that
// memory back.
func (r *Reader) decode(b *block, s *stream.Segment, frame *[]byte) (err error) {
	if s.Codec == stream.RawCodec {
		b.data, b.memory = s.Payload, frame
		return nil
	}
	b.memory = r.getBuffer(0)
	b.data, err = r.decoder.Decode(*b.memory, s.Codec, s.Payload, s.RawLen)
	*b.memory = b.data
	r.putBuffer(frame)
	if errors.Is(err, codec.ErrCorrupt) {
		err = index.Corrupt(err)
	}
	return err
}

func (b *block) layOut(s *stream.Segment) {
	b.starts = make([]int64, 0, len(s.Entries)+1)
	b.places = make([]int, len(s.Entries))
	at, place := s.Offset, 0
	for i := range s.Entries {
		e := &s.Entries[i]
		b.starts = append(b.starts, at)
		at += e.Len
		if e.Kind.IsStored() {
			b.places[i] = place
			place += e.PayloadLen()
			b.chunks = append(b.chunks, i)
		}
		if e.Kind == stream.Patched {
			b.bases += 1 + len(e.Patch.Bases)
		}
	}
	b.starts = append(b.starts, at)
	b.verified = make([]atomic.Bool, len(b.entries))
}

// from returns the first entry that begins at offset off or after it.
func (b *block) from(off int64) int {
	return sort.Search(len(b.entries), func(i int) bool { return b.starts[i] >= off })
}

func (b *block) end() int64 { return b.starts[len(b.entries)] }

// ordinal returns the ordinal of entry i, which must be a stored entry.
func (b *block) ordinal(i int) int64 { return b.first + int64(sort.SearchInts(b.chunks, i)) }

// chunk returns the verified bytes of data entry i.
func (b *block) chunk(i int) ([]byte, error) {
	e := &b.entries[i]
	p := b.data[b.places[i]:][:e.Len]
	if !b.verified[i].Load() {
		if blake.Sum(p) != e.Hash {
			return nil, index.Corruptf("chunk at offset %d does not have its hash %v", b.starts[i], e.Hash)
		}
		b.verified[i].Store(true)
	}
	return p, nil
}

// ReadAt fills p with the bytes of a stream from offset off, as io.ReaderAt describes. The
// stream is given by its number in Info.
func (r *Reader) ReadAt(streamNo int, p []byte, off int64) (int, error) {
	if err := r.Locked(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fmt.Errorf("negative offset %d", off)
	}
	done, err := r.readBelow(index.AnyLevel, streamNo, p, off)
	if err == nil && done < len(p) {
		err = io.EOF
	}
	return done, err
}

// readBelow fills p with the bytes of a stream from offset off, up to the end of the stream. Nodes
// must be below level.
func (r *Reader) readBelow(level, streamNo int, p []byte, off int64) (done int, err error) {
	err = r.walk(streamNo, off, len(p), func(b *block, i int, skip int64, n int) error {
		to := p[done : done+n]
		switch b.entries[i].Kind {
		case stream.Zero, stream.Hole:
			clear(to)
		case stream.NodeRef:
			if err := r.readNode(level, &b.entries[i], to, skip); err != nil {
				return err
			}
		default:
			data, it, err := r.bytes(b, i)
			if err != nil {
				return err
			}
			copy(to, data[skip:])
			r.release(it)
		}
		done += n
		return nil
	})
	return done, err
}

// walk calls visit for the entries of a stream from offset off on, for up to n bytes. Each call is
// for size bytes of entry i of b, from byte skip of the entry.
func (r *Reader) walk(streamNo int, off int64, n int, visit func(b *block, i int, skip int64, size int) error) error {
	for n > 0 && off < r.Root.Info.Streams[streamNo].Size {
		number, err := r.FindOffset(streamNo, off)
		if err != nil {
			return err
		}
		b, it, err := r.entriesOf(number)
		if err != nil {
			return err
		}
		done, err := b.walk(off, n, visit)
		r.release(it)
		if err != nil {
			return err
		}
		off += int64(done)
		n -= done
	}
	return nil
}

// walk visits the entries of this block alone, and returns the bytes covered.
func (b *block) walk(off int64, n int, visit func(b *block, i int, skip int64, size int) error) (int, error) {
	if off < b.starts[0] || off >= b.end() {
		return 0, index.Corruptf("no segment holds offset %d", off)
	}
	done := 0
	i := sort.Search(len(b.entries), func(i int) bool { return b.starts[i+1] > off })
	for ; i < len(b.entries) && done < n; i++ {
		skip := off - b.starts[i]
		size := int(min(b.entries[i].Len-skip, int64(n-done)))
		if err := visit(b, i, skip, size); err != nil {
			return done, err
		}
		done += size
		off += int64(size)
	}
	return done, nil
}
