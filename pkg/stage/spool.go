package stage

import (
	"fmt"
	"io"
	"os"

	"hexz/pkg/dedup"
	"hexz/pkg/stream"
)

// spool keeps chunks in an unlinked temporary file.
type spool struct {
	file   *os.File
	size   int64
	index  dedup.Index
	places []place // of the distinct chunks, in the order of the index
}

type place struct {
	pos int64
	len int64
}

func newSpool(dir string) (*spool, error) {
	f, err := tempFile(dir, "hexz-cat-*")
	return &spool{file: f}, err
}

// tempFile makes a file without a name.
func tempFile(dir, pattern string) (*os.File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *spool) close() { s.file.Close() }

// put keeps the data chunks of a segment, whose bytes are raw.
func (s *spool) put(entries []stream.Entry, raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	at := s.size
	for i := range entries {
		e := &entries[i]
		if e.Kind != stream.Data {
			continue
		}
		_, added, err := s.index.Add(e.Hash)
		if err != nil {
			return err
		}
		if added {
			s.places = append(s.places, place{at, e.Len})
		}
		at += e.Len
	}
	n, err := s.file.WriteAt(raw, s.size)
	s.size += int64(n)
	return err
}

// get returns the bytes of the chunk that a reference names.
func (s *spool) get(ref *stream.Entry) ([]byte, error) {
	n, ok := s.index.Lookup(ref.Hash)
	if !ok {
		return nil, fmt.Errorf("%w: reference to the chunk %v, which did not come before it", stream.ErrCorrupt, ref.Hash)
	}
	at := s.places[n]
	if at.len != ref.Len {
		return nil, fmt.Errorf("%w: reference of %d bytes to the chunk %v of %d bytes", stream.ErrCorrupt, ref.Len, ref.Hash, at.len)
	}
	p := make([]byte, at.len)
	_, err := s.file.ReadAt(p, at.pos)
	return p, err
}

// randomAccess returns the bytes of src, from where it stands, for reading at random: a file as it
// is, and all else by way of a temporary file. close takes that away.
func randomAccess(src io.Reader, dir string) (at io.ReaderAt, size int64, close func(), err error) {
	close = func() {}
	if f, ok := src.(*os.File); ok {
		pos, err := f.Seek(0, io.SeekCurrent)
		if err == nil {
			size, err = f.Seek(0, io.SeekEnd)
		}
		if info, statErr := f.Stat(); err == nil && statErr == nil && (size > 0 || info.Mode().IsRegular()) {
			_, err = f.Seek(pos, io.SeekStart)
			size = max(size-pos, 0)
			return io.NewSectionReader(f, pos, size), size, close, err
		}
	}
	f, err := tempFile(dir, "hexz-salvage-*")
	if err != nil {
		return nil, 0, close, err
	}
	size, err = io.Copy(f, src)
	return f, size, func() { f.Close() }, err
}
