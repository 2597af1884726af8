package archive

import (
	"fmt"
	"io"

	"hexz/pkg/delta"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// StoredRun says where a run of bytes of a stream is stored, so that a patch may copy them: in
// which archive, in which data chunk or patch, and from which offset of its stored bytes.
type StoredRun struct {
	Len     int
	Archive index.Hash // zero if they are stored nowhere, or are not worth a copy
	Ordinal int64
	Offset  int
}

// StoredRuns are the runs of a part of a stream, in order.
type StoredRuns []StoredRun

// add appends a run. Runs shorter than delta.MinCopy are merged into one "nowhere", which
// bounds the list for any patch.
func (s *StoredRuns) add(next StoredRun) {
	if next.Len < delta.MinCopy {
		next = StoredRun{Len: next.Len}
	}
	if k := len(*s) - 1; k >= 0 && next.Archive == (index.Hash{}) && (*s)[k].Archive == (index.Hash{}) {
		(*s)[k].Len += next.Len
		return
	}
	*s = append(*s, next)
}

// ReadStored fills p as ReadAt does, and returns where the bytes are stored. The output of a patch
// is stored in its bases and its program. Zeros are nowhere. ReadStored does not compare the
// hashes of data chunks.
func (r *Reader) ReadStored(streamNo int, p []byte, off int64) (StoredRuns, int, error) {
	if err := r.Locked(); err != nil {
		return nil, 0, err
	}
	list, done, err := r.readStoredBelow(index.AnyLevel, streamNo, p, off)
	if err == nil && done < len(p) {
		err = io.EOF
	}
	return list, done, err
}

// readStoredBelow is ReadStored for nodes below a level. At the end of the stream it returns no
// error.
func (r *Reader) readStoredBelow(level, streamNo int, p []byte, off int64) (list StoredRuns, done int, err error) {
	err = r.walk(streamNo, off, len(p), func(b *block, i int, skip int64, n int) error {
		to := p[done : done+n]
		done += n
		e := &b.entries[i]
		switch e.Kind {
		case stream.Zero, stream.Hole:
			clear(to)
			list.add(StoredRun{Len: n})
			return nil
		case stream.NodeRef:
			var below StoredRuns
			err := r.parents.node(e, level, func(from *Reader) (err error) {
				below, _, err = from.readStoredBelow(int(e.Level), int(e.Stream), to, e.Offset+skip)
				return err
			})
			for _, s := range below {
				list.add(s)
			}
			return err
		}
		h, err := r.home(b, i)
		if err == nil {
			err = h.readStored(&list, to, int(skip))
			r.release(h.held)
		}
		return err
	})
	return list, done, err
}

// readStored fills p with the bytes of the chunk from offset skip on, and adds where they are
// stored to list.
func (h *home) readStored(list *StoredRuns, p []byte, skip int) error {
	b, e := h.block, &h.block.entries[h.entry]
	payload := b.data[b.places[h.entry]:][:e.PayloadLen()]
	own := StoredRun{len(p), h.r.ID(), b.ordinal(h.entry), skip}
	if e.Kind == stream.Data {
		copy(p, payload[skip:])
		list.add(own)
		return nil
	}
	made, held, err := h.made()
	if err != nil {
		return err
	}
	copy(p, made[skip:])
	h.r.release(held)
	at := 0
	err = delta.Runs(payload, int(e.Len), func(run delta.Run) {
		from, to := max(at, skip), min(at+run.Len, skip+len(p))
		if from < to {
			s := StoredRun{to - from, own.Archive, own.Ordinal, run.Offset + from - at}
			if run.Base >= 0 {
				base := &e.Patch.Bases[run.Base]
				s.Ordinal = base.Ordinal
				if base.Parent != stream.OwnBase {
					s.Archive = h.r.Root.Info.Parents[base.Parent].ID
				}
			}
			list.add(s)
		}
		at += run.Len
	})
	if err != nil {
		err = fmt.Errorf("patch at offset %d: %w", b.starts[h.entry], index.Corrupt(err))
	}
	return err
}

// Range is a part of a stream.
type Range struct {
	Stream   int   // number of the stream
	From, To int64 // offsets in it
}

// OffsetsOf returns the offsets in a range at which a chunk begins, in order. The chunk is given as
// a base of a patch in this archive is: by Parent and Ordinal.
func (r *Reader) OffsetsOf(chunk stream.Base, in Range) ([]int64, error) {
	if err := r.Locked(); err != nil {
		return nil, err
	}
	var offsets []int64
	err := r.walk(in.Stream, in.From, int(in.To-in.From), func(b *block, i int, skip int64, _ int) error {
		if skip == 0 && b.isChunk(i, chunk) {
			offsets = append(offsets, b.starts[i])
		}
		return nil
	})
	return offsets, err
}

// isChunk reports whether entry i is that chunk, or a reference to it.
func (b *block) isChunk(i int, chunk stream.Base) bool {
	e := &b.entries[i]
	switch e.Kind {
	case stream.Data, stream.Patched:
		return chunk.Parent == stream.OwnBase && b.ordinal(i) == chunk.Ordinal
	case stream.Ref:
		return chunk.Parent == stream.OwnBase && e.Ordinal == chunk.Ordinal
	case stream.ParentRef:
		return chunk.Parent == e.Parent && e.Ordinal == chunk.Ordinal
	}
	return false
}

// Where returns where the chunk that has an ordinal stands: the number of the stream, and the
// offset in that stream.
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
