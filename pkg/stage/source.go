package stage

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Source is one stream to be packed.
type Source struct {
	Name string
	Size int64 // bytes, or -1 if not known

	next  func(at int64) (extent, error) // what lies at a position; io.EOF at the end
	close func()                         // or nil
}

// Close ends what the source has started. It closes no file.
func (s *Source) Close() {
	if s.close != nil {
		s.close()
	}
}

// extent is a hole, or data to read to its end.
type extent struct {
	hole int64
	data io.Reader
}

// ReaderSource packs all that r has.
func ReaderSource(name string, r io.Reader) Source {
	done := false
	return Source{Name: name, Size: -1, next: func(int64) (extent, error) {
		if done {
			return extent{}, io.EOF
		}
		done = true
		return extent{data: r}, nil
	}}
}

// FileSource packs f: a regular file or a block device from its start to the size that it has
// now, with the holes that the file system reports, or else all that can be read from it.
// f is read by position; nothing else may be reading from it.
func FileSource(name string, f *os.File) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return Source{}, err
	}
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return Source{}, fmt.Errorf("%s is a directory", f.Name())
	case mode&os.ModeDevice != 0 && mode&os.ModeCharDevice == 0:
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return Source{}, err
		}
		return fileSource(name, f, size), nil
	case mode.IsRegular():
		// What was consumed of standard input before is not part of it.
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at == 0 {
			return fileSource(name, f, info.Size()), nil
		}
	}
	return ReaderSource(name, f), nil
}

func fileSource(name string, f *os.File, size int64) Source {
	adviseSequential(f)
	return Source{Name: name, Size: size, next: func(at int64) (extent, error) {
		if at >= size {
			return extent{}, io.EOF
		}
		data, hole := at, size
		if start, end, err := dataExtent(f, at); err == nil {
			data, hole = min(start, size), min(end, size)
		}
		if data > at {
			// Behind the end of a file that has shrunk everything looks like a hole.
			if info, err := f.Stat(); err != nil || info.Mode().IsRegular() && info.Size() < data {
				return extent{}, errShrunk
			}
			return extent{hole: data - at}, nil
		}
		return extent{data: &exactReader{io.NewSectionReader(f, at, hole-at), hole - at}}, nil
	}}
}

// exactReader fails when r has fewer bytes than promised.
type exactReader struct {
	r    io.Reader
	left int64
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		err = errShrunk
	}
	return n, err
}
