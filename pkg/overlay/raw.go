package overlay

import (
	"errors"
	"io"
	"os"
)

// sparse is a regular file whose data extents are the changes.
type sparse struct {
	*os.File
	size, at int64
}

// NewSparse returns the image of a regular file. The data that the file system reports has changed,
// and the holes have not. The unit is a block of the file system.
func NewSparse(f *os.File) (Image, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("only a regular file has holes that tell what has not changed")
	}
	s := &sparse{File: f, size: info.Size()}
	if s.size > 0 {
		if _, _, err := DataExtent(f, 0); err != nil {
			return nil, errors.New("the file system does not tell where holes are")
		}
	}
	return s, nil
}

func (s *sparse) Size() int64 { return s.size }

func (s *sparse) Next() (Change, error) {
	if s.at >= s.size {
		return Change{}, io.EOF
	}
	start, end, err := DataExtent(s.File, s.at)
	if err != nil {
		return Change{}, err
	}
	start, end = min(start, s.size), min(end, s.size)
	if start >= end {
		// A file that has shrunk has no data after its end either.
		if info, err := s.Stat(); err != nil || info.Size() < s.size {
			return Change{}, errors.Join(err, errors.New("file became shorter while it was read"))
		}
		s.at = s.size
		return Change{}, io.EOF
	}
	s.at = end
	return Change{Offset: start, Length: end - start}, nil
}

// mapped is a file or device with a map of changes.
type mapped struct {
	io.ReaderAt
	size    int64
	changes *Map
}

// NewMapped returns the image of size bytes on r with the changes of a map. Reading the image uses
// up the map.
func NewMapped(r io.ReaderAt, size int64, changes *Map) Image {
	return &mapped{r, size, changes}
}

func (m *mapped) Size() int64 { return m.size }

func (m *mapped) Next() (Change, error) { return m.changes.next() }
