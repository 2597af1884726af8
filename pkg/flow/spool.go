package flow

import (
	"fmt"
	"io"
	"os"
	"slices"

	"hexz/pkg/dedup"
	"hexz/pkg/stream"
)

// Spool keeps chunks in an unlinked temporary file.
type Spool struct {
	file   *os.File
	size   int64
	Index  dedup.Index
	Places []place // of the distinct chunks, in the order of the index
}

type place struct {
	pos     int64
	len     int32
	patched bool // a patch made it, so it cannot be a base
}

func NewSpool(dir, pattern string) (*Spool, error) {
	f, err := TempFile(dir, pattern)
	return &Spool{file: f}, err
}

// TempFile makes a file without a name.
func TempFile(dir, pattern string) (*os.File, error) {
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

func (s *Spool) Close() { s.file.Close() }

// Write appends bytes, and returns their position.
func (s *Spool) Write(p []byte) (pos int64, err error) {
	pos = s.size
	n, err := s.file.WriteAt(p, pos)
	s.size += int64(n)
	return pos, err
}

// Note remembers the position of the bytes of a chunk. Only the first position for a hash counts.
func (s *Spool) Note(e *stream.Entry, pos int64) error {
	_, added, err := s.Index.Add(e.Hash)
	if added && err == nil {
		s.Places = append(s.Places, place{pos, int32(e.Len), e.Kind == stream.Patched})
	}
	return err
}

// Put keeps the bytes of a chunk.
func (s *Spool) Put(e *stream.Entry, p []byte) error {
	pos, err := s.Write(p)
	if err == nil {
		err = s.Note(e, pos)
	}
	return err
}

// find returns the place of the chunk that a reference or a base names.
func (s *Spool) find(hash stream.Hash) (place, error) {
	n, ok := s.Index.Lookup(hash)
	if !ok {
		return place{}, fmt.Errorf("%w: reference to the chunk %v, which did not come before it", stream.ErrCorrupt, hash)
	}
	return s.Places[n], nil
}

// Get appends to dst the bytes of the chunk that a reference names.
func (s *Spool) Get(dst []byte, ref *stream.Entry) ([]byte, error) {
	at, err := s.find(ref.Hash)
	if err != nil {
		return dst, err
	}
	if int64(at.len) != ref.Len {
		return dst, fmt.Errorf("%w: reference of %d bytes to the chunk %v of %d bytes", stream.ErrCorrupt, ref.Len, ref.Hash, at.len)
	}
	return s.Read(dst, at)
}

// Base returns the bytes of a base, for archive.BuildPatch.
func (s *Spool) Base(b *stream.Base) ([]byte, func(), error) {
	at, err := s.find(b.Hash)
	if err == nil && at.patched {
		err = fmt.Errorf("%w: the base %v is patched itself", stream.ErrCorrupt, b.Hash)
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := s.Read(nil, at)
	return p, func() {}, err
}

// Read appends the bytes of a place to dst.
func (s *Spool) Read(dst []byte, at place) ([]byte, error) {
	n := len(dst)
	dst = slices.Grow(dst, int(at.len))[:n+int(at.len)]
	_, err := s.file.ReadAt(dst[n:], at.pos)
	return dst, err
}

// RandomInput is an input that can be read at random.
type RandomInput struct {
	*io.SectionReader
	temp *os.File // nil if the input is a file itself
}

// RandomAccess returns the bytes of src, from its current position, for reading at random. A file
// is used itself; any other input is copied to a temporary file, which Close removes.
func RandomAccess(src io.Reader, dir string) (*RandomInput, error) {
	if section, err := sectionOf(src); section != nil || err != nil {
		return &RandomInput{SectionReader: section}, err
	}
	f, err := TempFile(dir, "hexz-salvage-*")
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(f, src)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &RandomInput{io.NewSectionReader(f, 0, size), f}, nil
}

// sectionOf returns the rest of src, from its current position, if it is a regular file or another
// that has a size; otherwise nil.
func sectionOf(src io.Reader) (*io.SectionReader, error) {
	f := FileOf(src)
	if f == nil {
		return nil, nil
	}
	pos, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, nil // a pipe
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, nil
	}
	if info, err := f.Stat(); err != nil || size == 0 && !info.Mode().IsRegular() {
		return nil, nil
	}
	_, err = f.Seek(pos, io.SeekStart)
	return io.NewSectionReader(f, pos, max(size-pos, 0)), err
}

// Close removes the temporary file, if there is one.
func (r *RandomInput) Close() {
	if r.temp != nil {
		r.temp.Close()
	}
}

// FileOf returns the file that v is or wraps, or nil.
func FileOf(v any) *os.File {
	switch v := v.(type) {
	case *os.File:
		return v
	case interface{ File() *os.File }:
		return v.File()
	}
	return nil
}
