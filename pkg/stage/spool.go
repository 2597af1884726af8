package stage

import (
	"fmt"
	"io"
	"os"
	"slices"

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
	pos     int64
	len     int32
	patched bool // what a patch made: no base of another
}

func newSpool(dir, pattern string) (*spool, error) {
	f, err := tempFile(dir, pattern)
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

// write appends bytes, and returns where they are.
func (s *spool) write(p []byte) (pos int64, err error) {
	pos = s.size
	n, err := s.file.WriteAt(p, pos)
	s.size += int64(n)
	return pos, err
}

// note remembers where the bytes of a chunk are. The first of a hash counts.
func (s *spool) note(e *stream.Entry, pos int64) error {
	_, added, err := s.index.Add(e.Hash)
	if added && err == nil {
		s.places = append(s.places, place{pos, int32(e.Len), e.Kind == stream.Patched})
	}
	return err
}

// put keeps the bytes of a chunk.
func (s *spool) put(e *stream.Entry, p []byte) error {
	pos, err := s.write(p)
	if err == nil {
		err = s.note(e, pos)
	}
	return err
}

// find returns where the chunk is that a reference or a base names.
func (s *spool) find(hash stream.Hash) (place, error) {
	n, ok := s.index.Lookup(hash)
	if !ok {
		return place{}, fmt.Errorf("%w: reference to the chunk %v, which did not come before it", stream.ErrCorrupt, hash)
	}
	return s.places[n], nil
}

// get appends the bytes of the chunk that a reference names to dst.
func (s *spool) get(dst []byte, ref *stream.Entry) ([]byte, error) {
	at, err := s.find(ref.Hash)
	if err != nil {
		return dst, err
	}
	if int64(at.len) != ref.Len {
		return dst, fmt.Errorf("%w: reference of %d bytes to the chunk %v of %d bytes", stream.ErrCorrupt, ref.Len, ref.Hash, at.len)
	}
	return s.read(dst, at)
}

// base returns the bytes of a base, for archive.BuildPatch.
func (s *spool) base(b *stream.Base) ([]byte, func(), error) {
	at, err := s.find(b.Hash)
	if err == nil && at.patched {
		err = fmt.Errorf("%w: the base %v is patched itself", stream.ErrCorrupt, b.Hash)
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := s.read(nil, at)
	return p, func() {}, err
}

// read appends what is at a place to dst.
func (s *spool) read(dst []byte, at place) ([]byte, error) {
	n := len(dst)
	dst = slices.Grow(dst, int(at.len))[:n+int(at.len)]
	_, err := s.file.ReadAt(dst[n:], at.pos)
	return dst, err
}

// randomAccess returns the bytes of src, from where it stands, for reading at random: a file as it
// is, and all else by way of a temporary file. close takes that away.
func randomAccess(src io.Reader, dir string) (at io.ReaderAt, size int64, close func(), err error) {
	close = func() {}
	if f := fileOf(src); f != nil {
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

// fileOf returns the file that v is or wraps, or nil.
func fileOf(v any) *os.File {
	switch v := v.(type) {
	case *os.File:
		return v
	case interface{ File() *os.File }:
		return v.File()
	}
	return nil
}
