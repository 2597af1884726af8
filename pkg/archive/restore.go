package archive

import (
	"context"
	"fmt"
	"io"

	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// Output takes the content of a stream from front to back.
type Output interface {
	io.Writer            // bytes of chunks
	Zeros(n int64) error // the next n bytes are allocated and zero
	Hole(n int64) error  // the next n bytes are unallocated and read as zero
}

// RestoreOptions choose what Restore writes. The zero value is the whole stream.
type RestoreOptions struct {
	Offset   int64            // first byte
	Length   *int64           // bytes; nil is all up to the end
	Threads  int              // segments decoded at a time; 0 is 1
	Progress func(done int64) // called with the bytes written so far; may be nil
}

// Restore writes a stream to out, in order. Segments are read and decoded in parallel. Every
// byte is verified before it is written; the first damaged range ends the restore.
func (r *Reader) Restore(ctx context.Context, streamNo int, out Output, o RestoreOptions) error {
	if err := r.Locked(); err != nil {
		return err
	}
	size := r.root.info.Streams[streamNo].Size
	if o.Offset < 0 || o.Offset > size {
		return fmt.Errorf("offset %d is outside of the stream of %d bytes", o.Offset, size)
	}
	end := size
	if o.Length != nil && *o.Length < size-o.Offset {
		end = o.Offset + *o.Length
	}
	if o.Offset >= end {
		return nil
	}
	return ordered.Map(ctx, o.Threads, func(emit func(int64) error) error {
		return r.eachSegment(streamNo, o.Offset, end, emit)
	}, func(number int64) (*restored, error) {
		return r.restoreSegment(streamNo, number, o.Offset, end)
	}, func(d *restored) error {
		err := d.write(out, o.Offset, end)
		if err == nil && o.Progress != nil {
			o.Progress(min(d.b.end(), end) - o.Offset)
		}
		r.releaseAll(d)
		return err
	})
}

// eachSegment calls do with the numbers of the segments that hold a range of a stream.
func (r *Reader) eachSegment(streamNo int, from, to int64, do func(int64) error) error {
	number, err := r.findOffset(streamNo, from)
	for err == nil {
		if err = do(number); err != nil {
			break
		}
		var next key
		if _, next, err = r.at(number); err != nil || next.stream != streamNo || next.offset >= to {
			break
		}
		number++
	}
	return err
}

// restored is a segment on its way to the output.
type restored struct {
	b     *block
	parts [][]byte     // verified bytes of each entry, nil for runs and for what is not asked for
	held  []*heldBlock // of the cache, whose memory parts are in
}

// restoreSegment reads a segment and verifies what lies from offset from to offset to.
func (r *Reader) restoreSegment(streamNo int, number, from, to int64) (*restored, error) {
	it, err := r.segment(number)
	if err != nil {
		return nil, err
	}
	b := it.value
	if b.stream != streamNo {
		return nil, corruptf("no segment holds offset %d", from)
	}
	d := &restored{b: b, parts: make([][]byte, len(b.entries)), held: []*heldBlock{it}}
	for i := range b.entries {
		if b.starts[i+1] <= from || b.starts[i] >= to || b.entries[i].Kind.IsRun() {
			continue
		}
		p, it, err := r.bytes(b, i)
		if err != nil {
			return nil, err
		}
		d.parts[i] = p
		if it != nil {
			d.held = append(d.held, it)
		}
	}
	return d, nil
}

// releaseAll gives back all memory of d.
func (r *Reader) releaseAll(d *restored) {
	for _, it := range d.held {
		r.release(it)
	}
}

// write writes what lies from offset from to offset to.
func (d *restored) write(out Output, from, to int64) error {
	return WriteEntries(out, d.b.starts[0], d.b.entries, d.parts, from, to)
}

// WriteEntries writes the part from offset from to offset to of a run of entries that begins
// at offset at. parts has the bytes of each entry that is not a run; neighbours in memory are
// written at once.
func WriteEntries(out Output, at int64, entries []stream.Entry, parts [][]byte, from, to int64) error {
	var pending []byte
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		_, err := out.Write(pending)
		pending = nil
		return err
	}
	for i := range entries {
		e := &entries[i]
		start, end := max(at, from), min(at+e.Len, to)
		skip := start - at
		at += e.Len
		if start >= end {
			continue
		}
		if !e.Kind.IsRun() {
			p := parts[i][skip : skip+end-start]
			if adjacent(pending, p) {
				pending = pending[:len(pending)+len(p)]
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			pending = p
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		write := out.Zeros
		if e.Kind == stream.Hole {
			write = out.Hole
		}
		if err := write(end - start); err != nil {
			return err
		}
	}
	return flush()
}

// adjacent tells whether p lies in memory right behind q, in the same slice.
func adjacent(q, p []byte) bool {
	return len(q) > 0 && cap(q) >= len(q)+len(p) && &q[:len(q)+1][len(q)] == &p[0]
}
