package stage

import (
	"errors"
	"fmt"
	"io"
	"os"

	"hexz/internal/patient"
	"hexz/pkg/chunker"
	"hexz/pkg/overlay"
)

// Source is one stream to be packed.
type Source struct {
	Name string
	Size int64 // bytes, or -1 if not known

	open  func() (Source, error)         // or nil: makes the fields below
	next  func(at int64) (extent, error) // the extent at a position; io.EOF at the end
	close func()                         // or nil
}

// Close stops the work that the source has started. It closes no file.
func (s *Source) Close() {
	if s.close != nil {
		s.close()
	}
}

// extent is data to read to its end, or a part of a run of at least chunker.ZeroRun zeros, which
// need not be read.
type extent struct {
	run   int64
	hole  bool // the run is a hole
	data  io.Reader
	edges chunker.Edges
}

// LaterSource packs the source that open returns. It calls open when the turn of the source has
// come, so that only one file has to be open at a time. open may be called on another goroutine.
// size is the size as far as it is known until then.
func LaterSource(name string, size int64, open func() (Source, error)) Source {
	return Source{Name: name, Size: size, open: open}
}

// Closing returns a source whose Close also calls also.
func (s Source) Closing(also func()) Source {
	first := s.close
	s.close = func() {
		if first != nil {
			first()
		}
		also()
	}
	return s
}

// ReaderSource packs all bytes of r.
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

// FileSource packs f. A regular file or a block device is packed from its position to the size that
// it has now, with the holes that the file system reports. The position is not 0 if another process
// has read from standard input before. Of any other file all that can be read is packed. A block
// device of size 0 is an error. f is read by position; nothing else may be reading from it.
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
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return Source{}, err
		}
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return Source{}, err
		}
		if size == 0 {
			return Source{}, fmt.Errorf("%s is empty: the device has no medium, or is not connected", f.Name())
		}
		return fileSource(name, f, min(at, size), size), nil
	case mode.IsRegular() && hasLast(f, info.Size()):
		// Bytes of standard input that were consumed before are not part of the stream.
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at < info.Size() {
			return fileSource(name, f, at, info.Size()), nil
		}
	}
	return ReaderSource(name, patient.New(f)), nil
}

// hasLast reports whether a file has the last of the bytes that its size promises. Files of /proc
// have size 0 and some bytes. Files of /sys have the size of a page and fewer bytes. A file that
// became shorter just now has another size.
func hasLast(f *os.File, size int64) bool {
	if size == 0 {
		return false
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); !errors.Is(err, io.EOF) {
		return true // the error comes again at a place that can report it
	}
	info, err := f.Stat()
	return err != nil || info.Size() != size
}

// fileSource packs the bytes of f from one position to another.
func fileSource(name string, f *os.File, from, to int64) Source {
	adviseSequential(f)
	size := to - from
	extent := func(at int64) (int64, overlay.Kind, error) {
		start, end, err := overlay.DataExtent(f, at+from)
		start, end = start-from, end-from
		switch {
		case err != nil:
			return size, overlay.Data, nil
		case start == at:
			return min(end, size), overlay.Data, nil
		}
		// After the end of a file that has shrunk everything looks like a hole.
		if info, err := f.Stat(); err != nil || info.Mode().IsRegular() && info.Size()-from < min(start, size) {
			return 0, overlay.Hole, ErrShrunk
		}
		return min(start, size), overlay.Hole, nil
	}
	return extentSource(name, size, io.NewSectionReader(f, from, size), extent)
}

// Content is an input that knows its zeros and holes, as overlay.Content does.
type Content interface {
	io.ReaderAt
	Size() int64
	// Extent returns the kind of the bytes at an offset below Size, and where these end.
	Extent(off int64) (end int64, kind overlay.Kind, err error)
}

// ContentSource packs c. Its holes and zeros are not read.
func ContentSource(name string, c Content) Source {
	return extentSource(name, c.Size(), c, c.Extent)
}

// extents returns the kind of the bytes of r at a position below its size, and where these end.
type extents func(at int64) (end int64, kind overlay.Kind, err error)

// extentSource packs size bytes of r. It does not read known runs of zeros.
func extentSource(name string, size int64, r io.ReaderAt, kindOf extents) Source {
	runEnd := int64(0) // of the last run of zeros
	return Source{Name: name, Size: size, next: func(at int64) (extent, error) {
		if at >= size {
			return extent{}, io.EOF
		}
		end, err := kindOf.run(at, size)
		if err != nil {
			return extent{}, err
		}
		if end-at >= chunker.ZeroRun {
			runEnd = max(runEnd, end)
		}
		if at < runEnd {
			end, kind, err := kindOf(at)
			return extent{run: min(end, runEnd) - at, hole: kind == overlay.Hole}, err
		}
		if end, err = kindOf.data(end, size); err != nil {
			return extent{}, err
		}
		edges := chunker.Edges{HoleBefore: at > 0 && at == runEnd, HoleAfter: end < size}
		return extent{data: &exactReader{io.NewSectionReader(r, at, end-at), end - at}, edges: edges}, nil
	}}
}

// run returns the end of the zeros that begin at a position. It may stop after chunker.ZeroRun of
// them.
func (x extents) run(at, size int64) (int64, error) {
	end := at
	for end < size && end-at < chunker.ZeroRun {
		next, kind, err := x(end)
		if err != nil {
			return 0, err
		}
		if kind == overlay.Data {
			break
		}
		end = next
	}
	return end, nil
}

// data returns the start of the next run of at least chunker.ZeroRun zeros at or after a position,
// or size.
func (x extents) data(at, size int64) (int64, error) {
	for at < size {
		end, err := x.run(at, size)
		if err != nil {
			return 0, err
		}
		if end-at >= chunker.ZeroRun {
			return at, nil
		}
		if at = end; at < size {
			if at, _, err = x(at); err != nil {
				return 0, err
			}
		}
	}
	return size, nil
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
		err = ErrShrunk
	}
	return n, err
}
