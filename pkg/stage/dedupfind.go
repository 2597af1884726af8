package stage

import (
	"errors"
	"fmt"

	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/fold"
	"hexz/pkg/stream"
)

// load reads the parents. They take up to half of the memory, and the chunks of the stream the rest.
func (d *deduper) load() error {
	temp := func() (dedup.File, error) { return flow.TempFile(d.o.TempDir, "hexz-dedup-*") }
	room := d.o.MaxMemory
	if room > 0 {
		room = max(room, 1<<20)
	}
	d.known = newParentTable(room/2, temp)
	for _, p := range d.o.Parents {
		if err := d.known.load(p, d.o.Find); err != nil {
			return err
		}
		if p.Index.NodesOnly() && d.nodes == nil {
			d.nodes = newNodeWindow(d)
		}
	}
	if room > 0 && len(d.o.Parents) > 0 {
		room = max(room-d.known.bytes(), room/2)
	}
	if d.known.loaded(room/4, temp) {
		room -= room / 4
		d.note(fmt.Sprintf("the parents have many chunks: in memory is one in %d, and copies of few chunks in a row may be overlooked", d.known.chunks.Rate()))
	}
	if err := d.known.Err(); err != nil {
		d.note(fmt.Sprintf("what the parents have in a row takes more than one entry: %v", err))
	}
	if d.known.Absent > 0 {
		d.note(fmt.Sprintf("%d bytes of the parents stand in parents of theirs that were not found, and are stored again: put these archives beside the parents", d.known.Absent))
	}
	d.file = dedup.NewFileStore(temp, dedup.Layout[struct{}]{})
	d.seen = dedup.NewSparse(room, seenPage, d.file)
	if len(d.o.Parents) > 0 {
		d.fold = fold.NewFolder(d.known.Table, func(off int64, entries []stream.Entry) error { return d.out.WriteEntries(d.id, off, entries) })
	}
	return nil
}

// seenPage is how many hashes are read from the file at a time.
const seenPage = 512

func (d *deduper) close() {
	if d.known != nil {
		d.known.close()
	}
	if d.file != nil {
		d.file.Close()
	}
}

// lookAhead brings the pages with chunks of s into memory, if not every chunk leads to its page: then
// those before the first one that does are found, too.
func (d *deduper) lookAhead(s *stream.Segment) error {
	if d.known.chunks.Rate() == 1 && d.seen.Rate() == 1 {
		return nil
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if !e.Kind.IsStored() {
			continue
		}
		_, ok, err := d.known.chunks.Lookup(e.Hash)
		if err == nil && !ok {
			_, _, err = d.seen.Lookup(e.Hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBases returns an ErrBaseDropped if an own base of a patch is not on the output.
func (d *deduper) checkBases(p *stream.Patch) error {
	for _, base := range p.Bases {
		took, err := d.known.took(base)
		if took && err == nil {
			// It may also have been overlooked once, and stored.
			if _, stored, failed := d.seen.Lookup(base.Hash); !stored {
				err = errors.Join(ErrBaseDropped, failed)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find makes e a reference if its chunk is known, or remembers it.
func (d *deduper) find(e *stream.Entry) (known bool, err error) {
	if known, err = d.known.refer(e); known || err != nil {
		return known, err
	}
	known, err = d.seen.Add(e.Hash, struct{}{})
	if !d.noted {
		d.noteLoss()
	}
	if known && err == nil {
		e.Kind, e.Ordinal, e.Patch = stream.Ref, stream.NoOrdinal, nil
	}
	return known, err
}

// noteLoss says, once, that chunks may be overlooked from here on.
func (d *deduper) noteLoss() {
	if err := d.seen.Err(); err != nil {
		d.noted = true
		d.note(fmt.Sprintf("from here on only copies of the first %d chunks are found: %v", d.seen.Len(), err))
	} else if d.seen.Rate() > 1 {
		d.noted = true
		d.note(fmt.Sprintf("there are more than %d chunks: from here on copies of few chunks in a row may be overlooked", d.seen.Len()))
	}
}
