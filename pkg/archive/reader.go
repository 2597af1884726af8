package archive

import (
	"fmt"
	"io"
	"math"
	"sync"

	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

const defaultCache = 20 << 20 // with it, a program that restores stays below 64 MiB

// Options of a Reader. The zero value works. Beside CacheBytes, the entries of thin archives take up to
// two fifths of it, and pages of the index 12 MiB.
type Options struct {
	Identities seal.Opener    // to open an encrypted archive; without any, the archive is locked
	CacheBytes int64          // limit for decoded segments, with those of parents; 0 is 20 MiB
	Threads    int            // decoders that may run at a time; 0 is one for each CPU
	Codecs     codec.Decoders // of codecs that package codec does not have

	// Find finds the parents of a thin archive, when they are needed. Without Find they are
	// missing.
	Find FindFunc
}

// Reader reads an archive at random. All methods are safe for concurrent use.
//
// All results were verified: the index against the id, each segment against its digest in the
// index, each chunk against its hash. Damage to a range is an ErrCorrupt for that range, and for
// nothing else.
//
// Without an identity, only the stored bytes and the signatures of an encrypted archive can be
// checked. Everything else is a LockedError, and Info is empty.
type Reader struct {
	*index.Index
	decoder *codec.Decoder
	caches  *caches
	parents parentList
	self    func() stream.Parent // r as a parent
	other   *otherOrder          // of a parent that was found by its content; or nil
	checked sync.Map             // of stream.Entry: nodes whose digest was found to be right
}

// NewReader opens the archive of size bytes on src.
func NewReader(src io.ReaderAt, size int64, o Options) (*Reader, error) {
	return newReader(src, size, newFamily(o))
}

func newReader(src io.ReaderAt, size int64, f *family) (*Reader, error) {
	x, err := index.Open(src, size, index.ArchiveMagic, f.o.Identities, f.caches.pages)
	if err != nil {
		return nil, err
	}
	r := &Reader{Index: x, caches: f.caches, parents: parentList{f, x.Root.Info.Parents}}
	r.self = sync.OnceValue(func() stream.Parent { return stream.Parent{ID: x.ID(), Content: x.Info().Root()} })
	if x.Locked() != nil {
		return r, nil
	}
	return r, r.loadDecoder()
}

// NewDecoder returns a decoder for the codecs of o and of package codec.
func NewDecoder(o Options) (*codec.Decoder, error) {
	d, err := codec.NewDecoder(o.Threads)
	if err == nil {
		d.Others = o.Codecs
	}
	return d, err
}

// loadDecoder makes a decoder that has the dictionaries of the archive. Archives without
// dictionaries share the decoder of the family.
func (r *Reader) loadDecoder() (err error) {
	if len(r.Root.Dicts) == 0 {
		r.decoder, err = r.parents.family.decoder()
		return err
	}
	if r.decoder, err = NewDecoder(r.parents.family.o); err != nil {
		return err
	}
	return loadDicts(r.decoder, r.Index)
}

// CheckDicts reads the dictionaries of an archive that is unlocked. A damaged one is an ErrCorrupt.
// An exported index has no dictionaries to read.
func CheckDicts(x *index.Index) error {
	if len(x.Root.Dicts) == 0 {
		return nil
	}
	d, err := NewDecoder(Options{Threads: 1})
	if err != nil {
		return err
	}
	return loadDicts(d, x)
}

// loadDicts adds the dictionaries of an archive to a decoder.
func loadDicts(d *codec.Decoder, x *index.Index) error {
	for _, at := range x.Root.Dicts {
		raw, err := x.ReadExtent(at.Extent, "dictionary")
		if err != nil {
			return err
		}
		var dict *stream.Dict
		if raw, err = x.Plain(raw); err == nil {
			dict, err = stream.ParseDict(raw)
		}
		if err == nil && (dict.ID != at.Id || at.Id > math.MaxUint32) {
			err = index.Corruptf("it has the id %d, the index says %d", dict.ID, at.Id)
		}
		if err == nil {
			err = d.AddDict(uint32(dict.ID), dict.Bytes)
		}
		if err != nil {
			return fmt.Errorf("dictionary at byte %d: %w", at.Pos, index.Corrupt(err))
		}
	}
	return nil
}
