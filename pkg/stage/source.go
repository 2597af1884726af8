package stage

import (
	"errors"
	"fmt"
	"io"
	"os"

	"hexz/pkg/chunker"
	"hexz/pkg/overlay"
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

// extent is a hole of at least chunker.ZeroRun bytes, or data to read to its end.
type extent struct {
	hole  int64
	data  io.Reader
	edges chunker.Edges
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
	case mode.IsRegular() && info.Size() > 0: // those of /proc have more than they say
		// What was consumed of standard input before is not part of it.
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at == 0 {
			return fileSource(name, f, info.Size()), nil
		}
	}
	return ReaderSource(name, f), nil
}

func fileSource(name string, f *os.File, size int64) Source {
	adviseSequential(f)
	afterHole := false
	return Source{Name: name, Size: size, next: func(at int64) (extent, error) {
		if at >= size {
			return extent{}, io.EOF
		}
		start, end := dataFrom(f, at, size)
		if start > at {
			// Behind the end of a file that has shrunk everything looks like a hole.
			if info, err := f.Stat(); err != nil || info.Mode().IsRegular() && info.Size() < start {
				return extent{}, errShrunk
			}
			afterHole = true
			return extent{hole: start - at}, nil
		}
		edges := chunker.Edges{HoleBefore: afterHole, HoleAfter: end < size}
		afterHole = false
		return extent{data: &exactReader{io.NewSectionReader(f, at, end-at), end - at}, edges: edges}, nil
	}}
}

// dataFrom returns where the next data at or behind at begins and ends. Holes shorter than a
// zero run count as data.
func dataFrom(f *os.File, at, size int64) (start, end int64) {
	start, end, err := overlay.DataExtent(f, at)
	if err != nil {
		return at, size
	}
	start, end = min(start, size), min(end, size)
	if start-at < chunker.ZeroRun {
		start = at
	}
	for end < size {
		next, nextEnd, err := overlay.DataExtent(f, end)
		if err != nil {
			return start, size
		}
		if next = min(next, size); next-end >= chunker.ZeroRun {
			break
		}
		end = min(nextEnd, size)
	}
	return start, end
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
