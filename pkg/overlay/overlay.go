// Package overlay finds the changes of an image since its base was made. They are the data extents
// of a sparse file, the ranges of a map that another program made, or the clusters of a qcow2 file
// with a backing file.
package overlay

import (
	"errors"
	"fmt"
	"io"
)

// Change is a range of an image whose bytes differ from those of the base.
type Change struct {
	Offset, Length int64 // bytes; Length is not 0
	Zero           bool  // all bytes are zero: there is nothing to read
}

// End returns the offset after the change.
func (c Change) End() int64 { return c.Offset + c.Length }

// Image is an image with some changed ranges. It is for one goroutine.
type Image interface {
	// Size is the present size of the image.
	Size() int64

	// Next returns the changes in order, without overlaps and within Size, and io.EOF after the
	// last.
	Next() (Change, error)

	// ReadAt reads bytes within changes that are not Zero. The bytes it returns for other ranges
	// have no meaning.
	io.ReaderAt
}

// ErrInvalid means that a map or a qcow2 file is damaged, or is none.
var ErrInvalid = errors.New("invalid overlay")

// ErrUnsupported means that a qcow2 file, which may well be sound, has what is not read here.
var ErrUnsupported = errors.New("not supported")

func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// readFull reads all of p at off.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("file ends at byte %d: %w", off+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}
