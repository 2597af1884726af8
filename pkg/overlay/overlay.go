// Package overlay tells what has changed in an image since its base was made: the data extents
// of a sparse file, the ranges of a map that another program made, or the clusters of a qcow2
// file with a backing file.
package overlay

import (
	"errors"
	"fmt"
	"io"
)

// Change is a range of an image whose bytes are not those of the base.
type Change struct {
	Offset, Length int64 // bytes; Length is not 0
	Zero           bool  // it is all zero: there is nothing to read
}

// End returns the offset behind the change.
func (c Change) End() int64 { return c.Offset + c.Length }

// Image is an image of which some ranges have changed. It is for one goroutine.
type Image interface {
	// Size is that of the image as it is now.
	Size() int64

	// Next returns the changes in order, without overlaps and within Size, and io.EOF behind
	// the last.
	Next() (Change, error)

	// ReadAt reads bytes within changes that are not Zero. What it returns of other ranges
	// has no meaning.
	io.ReaderAt
}

// ErrInvalid means that a map or a qcow2 file is damaged, or is none, or has what this version lacks.
var ErrInvalid = errors.New("invalid overlay")

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// readFull reads p at off, all of it.
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
