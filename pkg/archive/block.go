package archive

import (
	"fmt"
	"io"
	"sort"
	"sync/atomic"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// block is a decoded segment. It is not changed after loading but for verified.
type block struct {
	number   int64
	first    int64 // ordinal of its first data chunk
	entries  []stream.Entry
	starts   []int64 // offset in the stream of each entry, and of the end
	raw      []byte
	places   []int // where the bytes of each entry begin in raw, for data entries
	chunks   []int // entry of each data chunk
	verified []atomic.Bool
}

// loadSegment loads the segment of that number, for the cache.
func (r *Reader) loadSegment(number int64) (*block, int64, error) {
	b, _, err := r.readSegment(number, nil, nil)
	if err != nil {
		return nil, 0, err
	}
	return b, int64(len(b.raw) + 100*len(b.entries) + 200), nil
}

// readSegment reads, verifies and decodes a segment. buf and raw are used if they are large
// enough; buf is returned, the block keeps raw.
func (r *Reader) readSegment(number int64, buf, raw []byte) (*block, []byte, error) {
	ref, next, err := r.at(number)
	if err != nil {
		return nil, buf, err
	}
	if ref.pos > r.size-ref.len {
		return nil, buf, corruptf("segment at byte %d ends behind the archive", ref.pos)
	}
	if int64(cap(buf)) < ref.len {
		buf = make([]byte, ref.len)
	}
	buf = buf[:ref.len]
	if err := r.readAt(buf, ref.pos); err != nil {
		return nil, buf, err
	}
	if blake.Sum(buf) != ref.digest {
		return nil, buf, corruptf("segment at byte %d is damaged", ref.pos)
	}
	b, err := r.decodeSegment(ref, next, buf, raw)
	if err != nil {
		return nil, buf, fmt.Errorf("segment at byte %d: %w", ref.pos, corrupt(err))
	}
	b.number = number
	return b, buf, nil
}

// decodeSegment makes a block of a segment's frame. The digest of the frame was right, so a
// fault found here is one of the writer.
func (r *Reader) decodeSegment(ref segmentRef, next key, frame, raw []byte) (*block, error) {
	s, err := stream.ParseSegment(frame)
	if err != nil {
		return nil, err
	}
	info := &r.root.info.Streams[ref.stream]
	if s.Stream != info.ID || s.Offset != ref.offset {
		return nil, corruptf("it is of stream %d at offset %d, the index says stream %d at offset %d", s.Stream, s.Offset, info.ID, ref.offset)
	}
	b := &block{first: ref.ordinal, entries: s.Entries}
	b.layOut(s)
	end := info.Size
	if next.stream == ref.stream {
		end = next.offset
	}
	if b.end() != end || ref.ordinal+int64(len(b.chunks)) != next.ordinal {
		return nil, corruptf("it ends at offset %d, the index says %d", b.end(), end)
	}
	b.raw, err = r.decoder.Decode(raw, s.Codec, s.Payload, s.RawLen)
	return b, err
}

func (b *block) layOut(s *stream.Segment) {
	b.starts = make([]int64, 0, len(s.Entries)+1)
	b.places = make([]int, len(s.Entries))
	at, place := s.Offset, 0
	for i := range s.Entries {
		e := &s.Entries[i]
		b.starts = append(b.starts, at)
		at += e.Len
		if e.Kind == stream.Data {
			b.places[i] = place
			place += int(e.Len)
			b.chunks = append(b.chunks, i)
		}
	}
	b.starts = append(b.starts, at)
	b.verified = make([]atomic.Bool, len(b.entries))
}

func (b *block) end() int64 { return b.starts[len(b.entries)] }

// data returns the verified bytes of data entry i.
func (b *block) data(i int) ([]byte, error) {
	e := &b.entries[i]
	p := b.raw[b.places[i]:][:e.Len]
	if !b.verified[i].Load() {
		if blake.Sum(p) != e.Hash {
			return nil, corruptf("chunk at offset %d does not have its hash %v", b.starts[i], e.Hash)
		}
		b.verified[i].Store(true)
	}
	return p, nil
}

// bytes returns the bytes of entry i of b, which is Data or Ref.
func (r *Reader) bytes(b *block, i int) ([]byte, error) {
	if b.entries[i].Kind == stream.Data {
		return b.data(i)
	}
	return r.resolve(b, i)
}

// resolve returns the bytes that reference i of b stands for.
func (r *Reader) resolve(b *block, i int) ([]byte, error) {
	ref := &b.entries[i]
	if ref.Ordinal < 0 || ref.Ordinal >= r.root.info.Totals.Data.N {
		return nil, corruptf("reference at offset %d to chunk %d, there are %d", b.starts[i], ref.Ordinal, r.root.info.Totals.Data.N)
	}
	from := b
	if n := ref.Ordinal - b.first; n < 0 || n >= int64(len(b.chunks)) {
		number, _, err := r.find(func(k key) bool { return k.ordinal > ref.Ordinal })
		if err != nil {
			return nil, err
		}
		if from, err = r.segments.get(number); err != nil {
			return nil, fmt.Errorf("reference at offset %d: %w", b.starts[i], err)
		}
	}
	n := ref.Ordinal - from.first
	if n < 0 || n >= int64(len(from.chunks)) {
		return nil, corruptf("reference at offset %d: chunk %d is not where the index says", b.starts[i], ref.Ordinal)
	}
	target := from.chunks[n]
	if e := &from.entries[target]; e.Hash != ref.Hash || e.Len != ref.Len {
		return nil, corruptf("reference at offset %d: chunk %d has another hash or length", b.starts[i], ref.Ordinal)
	}
	return from.data(target)
}

// ReadAt fills p with the bytes of a stream from offset off, as io.ReaderAt describes. The
// stream is given by its number in Info.
func (r *Reader) ReadAt(streamNo int, p []byte, off int64) (int, error) {
	size := r.root.info.Streams[streamNo].Size
	if off < 0 {
		return 0, fmt.Errorf("negative offset %d", off)
	}
	done := 0
	for done < len(p) && off < size {
		number, _, err := r.findOffset(streamNo, off)
		if err != nil {
			return done, err
		}
		b, err := r.segments.get(number)
		if err != nil {
			return done, err
		}
		n, err := r.copyFrom(b, p[done:], off)
		done += n
		off += int64(n)
		if err != nil {
			return done, err
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// copyFrom fills p from offset off, as far as b reaches.
func (r *Reader) copyFrom(b *block, p []byte, off int64) (int, error) {
	if off < b.starts[0] || off >= b.end() {
		return 0, corruptf("no segment holds offset %d", off)
	}
	done := 0
	i := sort.Search(len(b.entries), func(i int) bool { return b.starts[i+1] > off })
	for ; i < len(b.entries) && done < len(p); i++ {
		e := &b.entries[i]
		skip := off - b.starts[i]
		n := int(min(e.Len-skip, int64(len(p)-done)))
		switch e.Kind {
		case stream.Zero, stream.Hole:
			clear(p[done : done+n])
		default:
			data, err := r.bytes(b, i)
			if err != nil {
				return done, err
			}
			copy(p[done:done+n], data[skip:])
		}
		done += n
		off += int64(n)
	}
	return done, nil
}
