package salvage

import (
	"hexz/pkg/archive"
	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/stream"
)

// chunkList has the chunks that were found so far.
type chunkList struct {
	index dedup.Index
	sizes []uint32    // of the distinct chunks, with noBase for patched ones
	data  *flow.Spool // their bytes, to try patches by; nil if the index has no patches
}

// noBase marks the size of a chunk that cannot be an own base.
const noBase = 1 << 31

// keepData makes the list keep the bytes of data chunks, in a temporary file.
func (l *chunkList) keepData(dir string) (err error) {
	l.data, err = flow.NewSpool(dir, "hexz-unseal-*")
	return err
}

func (l *chunkList) close() {
	if l.data != nil {
		l.data.Close()
	}
}

// add adds a chunk.
func (l *chunkList) add(e *stream.Entry) error {
	size := uint32(e.Len)
	if e.Kind == stream.Patched {
		size |= noBase
	}
	_, added, err := l.index.Add(e.Hash)
	if added {
		l.sizes = append(l.sizes, size)
	}
	return err
}

// addData adds a chunk, and keeps its bytes if they may be needed.
func (l *chunkList) addData(e *stream.Entry, p []byte) error {
	if l.data != nil && e.Kind == stream.Data {
		if err := l.data.Put(e, p); err != nil {
			return err
		}
	}
	return l.add(e)
}

// has reports whether the chunk of a reference was found.
func (l *chunkList) has(ref *stream.Entry) bool {
	n, ok := l.index.Lookup(ref.Hash)
	return ok && int64(l.sizes[n]&^noBase) == ref.Len
}

// hasBase reports whether a chunk was found that can be an own base.
func (l *chunkList) hasBase(hash stream.Hash) bool {
	n, ok := l.index.Lookup(hash)
	return ok && l.sizes[n]&noBase == 0
}

// try makes the chunk of a patch that neither the index nor a key vouches for. If that fails, it
// returns a lossError.
func (l *chunkList) try(e *stream.Entry, program []byte) error {
	if l.data == nil {
		return &lossError{"a patch that the index does not vouch for"}
	}
	if _, err := archive.BuildPatch(nil, e, program, l.data.Base); err != nil {
		return &lossError{"a patch that does not make its chunk"}
	}
	return nil
}
