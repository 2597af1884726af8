package archive

import (
	"sync"

	"hexz/pkg/dedup"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// otherOrder maps hashes to the places where an archive has its chunks. It belongs to a Reader of
// an archive that has the content of a parent, but another id. If such an archive was compressed or
// encrypted anew, its chunks keep their ordinals. If it was deduplicated anew or flattened, its
// chunks have other ordinals. The list is read once a chunk is not where its ordinal says, and
// takes up to 80 bytes for each chunk.
type otherOrder struct {
	mu     sync.Mutex
	loaded bool
	index  dedup.Index
	places []chunkPlace // by the number of the chunk in index
}

// chunkPlace is where an archive has a chunk: as its own, or in a parent of its own.
type chunkPlace struct {
	parent  int32 // number of the parent, or -1
	ordinal int64
}

// homeOfHash returns where r, a parent, stores the chunk that a ParentRef stands for.
func (r *Reader) homeOfHash(e *stream.Entry) (home, error) {
	h, err := r.homeOf(nil, e)
	if err == nil || r.other == nil {
		return h, err
	}
	at, ok, lookupErr := r.other.find(r, e.Hash)
	if lookupErr != nil || !ok || at.parent < 0 && at.ordinal == e.Ordinal {
		return h, worse(err, lookupErr)
	}
	moved := *e
	moved.Parent, moved.Ordinal = at.parent, at.ordinal
	if at.parent < 0 {
		return r.homeOf(nil, &moved)
	}
	err = r.parents.with(int(at.parent), func(from *Reader) error {
		h, err = from.homeOf(nil, &moved) // no deeper: archives may name each other
		return err
	})
	return h, err
}

// find returns where r has a chunk.
func (o *otherOrder) find(r *Reader, hash index.Hash) (at chunkPlace, ok bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.loaded {
		o.index, o.places = dedup.Index{}, nil
		for c, err := range r.Chunks() {
			var added bool
			if err == nil {
				_, added, err = o.index.Add(c.Hash)
			}
			if err != nil {
				return at, false, err
			}
			if added {
				o.places = append(o.places, chunkPlace{int32(c.Parent), c.Ordinal})
			}
		}
		o.loaded = true
	}
	n, ok := o.index.Lookup(hash)
	if ok {
		at = o.places[n]
	}
	return at, ok, nil
}
