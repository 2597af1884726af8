package archive

import (
	"fmt"

	"hexz/pkg/stream"
)

// Chunk is a chunk that an archive holds, or one of its parents.
type Chunk struct {
	Hash    Hash
	Len     int64
	Parent  int   // number of the parent that holds it, or -1
	Ordinal int64 // number of the data chunk in the archive that holds it
}

// Chunks calls visit for all chunks of an archive: those that it holds, and those of its parents
// that it refers to, as often as it does. It reads the entry pages.
func (r *Reader) Chunks(visit func(Chunk) error) error {
	if err := r.Locked(); err != nil {
		return err
	}
	next := int64(0)
	for n, at := range r.root.entries {
		raw, err := r.readSpan(at, "entry page")
		if err == nil {
			err = parseEntryPage(raw, n, r.ciphers, func(_ int, entries []stream.Entry) error {
				for i := range entries {
					e := &entries[i]
					c := Chunk{Hash: e.Hash, Len: e.Len, Parent: -1, Ordinal: next}
					switch e.Kind {
					case stream.Data:
						next++
					case stream.ParentRef:
						c.Parent, c.Ordinal = int(e.Parent), e.Ordinal
						if c.Parent >= len(r.root.info.Parents) {
							return corruptf("chunk of parent %d, there are %d", c.Parent, len(r.root.info.Parents))
						}
					default:
						continue
					}
					if err := visit(c); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			return fmt.Errorf("entry page at byte %d: %w", at.pos, err)
		}
	}
	if want := r.root.info.Totals.Data.N; next != want {
		return corruptf("entry pages have %d data chunks, the root says %d", next, want)
	}
	return nil
}
