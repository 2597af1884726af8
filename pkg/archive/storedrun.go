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
			err := r.parents.node(e, level, locating, func() int64 { return skip }, func(from *Reader) (err error) {
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
