package archive

import (
	"encoding/binary"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// refCheck checks that the references of an archive are to chunks before them, for a reader from
// front to back.
type refCheck struct {
	hashed bool     // whether to check also that the chunk has the hash of the reference
	hashes []uint64 // if hashed: the beginning of the hash of each chunk
	next   int64    // number of chunks so far
}

// segment checks the references of a segment.
func (c *refCheck) segment(entries []stream.Entry) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == stream.Ref && !c.isBefore(e.Ordinal, e.Hash) {
			return index.Corruptf("a reference to chunk %d, which does not come before it or has another hash", e.Ordinal)
		}
		if e.Kind == stream.Patched {
			for _, b := range e.Patch.Bases {
				if b.Parent == stream.OwnBase && !c.isBefore(b.Ordinal, b.Hash) {
					return index.Corruptf("a patch based on chunk %d, which does not come before it or has another hash", b.Ordinal)
				}
			}
		}
		if e.Kind.IsStored() {
			if c.next++; c.hashed {
				c.hashes = append(c.hashes, beginning(e.Hash))
			}
		}
	}
	return nil
}

func (c *refCheck) isBefore(ordinal int64, hash index.Hash) bool {
	return ordinal >= 0 && ordinal < c.next && (!c.hashed || c.hashes[ordinal] == beginning(hash))
}

func beginning(h index.Hash) uint64 { return binary.LittleEndian.Uint64(h[:]) }
