package archive

import (
	"fmt"
	"io"

	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

// Source tells where bytes of a stream are stored, so that a patch may copy them: in which archive,
// and from which offset of what a data entry or patch has in its payload.
type Source struct {
	Len     int
	Archive Hash // zero if they are zeros, and nowhere
	Ordinal int64
	Offset  int
}

// ReadSources fills p as ReadAt does, and appends where the bytes are stored to dst: what a patch
// makes, in its bases and its program. It compares no hashes of data chunks.
func (r *Reader) ReadSources(dst []Source, streamNo int, p []byte, off int64) ([]Source, int, error) {
	if err := r.Locked(); err != nil {
		return dst, 0, err
	}
	done := 0
	err := r.walk(streamNo, off, len(p), func(b *block, i int, skip int64, n int) error {
		to := p[done : done+n]
		done += n
		if e := &b.entries[i]; e.Kind == stream.Zero || e.Kind == stream.Hole {
			clear(to)
			dst = append(dst, Source{Len: n})
			return nil
		}
		h, err := r.home(b, i)
		if err == nil {
			dst, err = h.sources(dst, to, int(skip))
			r.release(h.held)
		}
		return err
	})
	if err == nil && done < len(p) {
		err = io.EOF
	}
	return dst, done, err
}

// sources fills p with the bytes of the chunk from offset skip on.
func (h *home) sources(dst []Source, p []byte, skip int) ([]Source, error) {
	b, e := h.block, &h.block.entries[h.entry]
	payload := b.data[b.places[h.entry]:][:e.PayloadLen()]
	own := Source{len(p), h.r.ID(), b.ordinal(h.entry), skip}
	if e.Kind == stream.Data {
		copy(p, payload[skip:])
		return append(dst, own), nil
	}
	made, err := h.r.stored(b, h.entry)
	if err != nil {
		return dst, err
	}
	copy(p, made[skip:])
	runs, err := delta.Runs(nil, payload, int(e.Len))
	if err != nil {
		return dst, fmt.Errorf("patch at offset %d: %w", b.starts[h.entry], corrupt(err))
	}
	at := 0
	for _, run := range runs {
		from, to := max(at, skip), min(at+run.Len, skip+len(p))
		if from < to {
			s := Source{to - from, own.Archive, own.Ordinal, run.Offset + from - at}
			if run.Base >= 0 {
				base := &e.Patch.Bases[run.Base]
				s.Ordinal = base.Ordinal
				if base.Parent != stream.OwnBase {
					s.Archive = h.r.root.info.Parents[base.Parent].ID
				}
			}
			dst = append(dst, s)
		}
		at += run.Len
	}
	return dst, nil
}

// FindChunk looks for a chunk in a stream, from offset off to at most reach bytes before and behind
// it, and returns where the nearest begins. The chunk is given by the number of the parent that
// holds it, or -1, and its ordinal there.
func (r *Reader) FindChunk(streamNo int, off, reach int64, parent int, ordinal int64) (at int64, ok bool, err error) {
	if err := r.Locked(); err != nil {
		return 0, false, err
	}
	from := max(off-reach, 0)
	err = r.walk(streamNo, from, int(off+reach+1-from), func(b *block, i int, _ int64, _ int) error {
		e, found := &b.entries[i], false
		switch e.Kind {
		case stream.Data, stream.Patched:
			found = parent < 0 && b.ordinal(i) == ordinal
		case stream.Ref:
			found = parent < 0 && e.Ordinal == ordinal
		case stream.ParentRef:
			found = int(e.Parent) == parent && e.Ordinal == ordinal
		}
		if d := b.starts[i] - off; found && max(d, -d) <= reach && (!ok || max(d, -d) < max(at-off, off-at)) {
			at, ok = b.starts[i], true
		}
		return nil
	})
	return at, ok, err
}

// Where returns where the chunk of an ordinal stands: the number of the stream, and an offset in it.
func (r *Reader) Where(ordinal int64) (streamNo int, offset int64, err error) {
	if err := r.Locked(); err != nil {
		return 0, 0, err
	}
	b, held, err := r.holder(nil, ordinal)
	if err != nil {
		return 0, 0, err
	}
	defer r.release(held)
	i, err := b.entryOf(ordinal)
	if err != nil {
		return 0, 0, err
	}
	return b.stream, b.starts[i], nil
}
