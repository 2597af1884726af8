package restore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
)

// PlainOutput is an archive.Output that writes every byte to an io.Writer: a pipe or a device.
type PlainOutput struct {
	w    *bufio.Writer
	room int64
}

// NewPlainOutput returns a PlainOutput on w. Call Flush at the end.
func NewPlainOutput(w io.Writer) *PlainOutput {
	return NewDeviceOutput(w, math.MaxInt64)
}

// NewDeviceOutput returns a PlainOutput on w, which takes room bytes.
func NewDeviceOutput(w io.Writer, room int64) *PlainOutput {
	return &PlainOutput{bufio.NewWriterSize(w, flow.DefaultBlock), room}
}

// ErrNoRoom means that a device is smaller than what is to be written to it.
var ErrNoRoom = errors.New("the device is too small")

// expect tells an output of limited size how many bytes are to come. It is called before the first
// of them, if the number is known.
func expect(out archive.Output, n int64) error {
	o, ok := out.(interface{ capacity() int64 })
	if ok && n > o.capacity() {
		return fmt.Errorf("%w: it takes %d bytes, and %d are to be written", ErrNoRoom, o.capacity(), n)
	}
	return nil
}

func (o *PlainOutput) capacity() int64 { return o.room }

// Write writes p.
func (o *PlainOutput) Write(p []byte) (int, error) { return o.w.Write(p) }

// Zeros writes n zero bytes.
func (o *PlainOutput) Zeros(n int64) error { return archive.WriteZeros(o.w, n) }

// Hole writes n zero bytes.
func (o *PlainOutput) Hole(n int64) error { return archive.WriteZeros(o.w, n) }

// Flush writes what is still buffered.
func (o *PlainOutput) Flush() error { return o.w.Flush() }

// Sparse says which ranges become holes of a regular file.
type Sparse int

const (
	SparseAuto   Sparse = iota // ranges that were holes
	SparseAlways               // also ranges that were zero
	SparseNever                // none
)

// FileOutput is an archive.Output at the end of a regular file.
type FileOutput struct {
	f      *os.File
	sparse Sparse
	at     int64
}

// NewFileOutput returns a FileOutput on f, which ends at its current position. Call Flush at the
// end.
func NewFileOutput(f *os.File, sparse Sparse) (*FileOutput, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	return &FileOutput{f, sparse, at}, err
}

// Write writes p. With SparseAlways it leaves out the blocks of 4 KiB that are zero.
func (o *FileOutput) Write(p []byte) (int, error) {
	if o.sparse != SparseAlways {
		return o.write(p)
	}
	zero := func(i, j int) bool { return chunker.LeadingZeros(p[i:j]) == j-i }
	start := o.at
	err := eachDifference(start, len(p), zero, func(i, j int) error {
		o.at = start + int64(i)
		_, err := o.write(p[i:j])
		return err
	})
	if err != nil {
		return int(o.at - start), err
	}
	o.at = start + int64(len(p))
	return len(p), nil
}

func (o *FileOutput) write(p []byte) (int, error) {
	n, err := o.f.WriteAt(p, o.at)
	o.at += int64(n)
	return n, err
}

// Zeros allocates n bytes, which read as zero; with SparseAlways it leaves them unallocated.
func (o *FileOutput) Zeros(n int64) error { return o.run(n, o.sparse == SparseAlways) }

// Hole leaves n bytes unallocated, except with SparseNever.
func (o *FileOutput) Hole(n int64) error { return o.run(n, o.sparse != SparseNever) }

func (o *FileOutput) run(n int64, hole bool) error {
	if !hole && allocate(o.f, o.at, n) != nil {
		return archive.WriteZeros(o, n)
	}
	o.at += n
	return nil
}

// Flush gives the file its size, and leaves its position at the end.
func (o *FileOutput) Flush() error {
	if err := o.f.Truncate(o.at); err != nil {
		return err
	}
	_, err := o.f.Seek(o.at, io.SeekStart)
	return err
}
