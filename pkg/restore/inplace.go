package restore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/overlay"
)

// inPlaceBlock is how many bytes are written because of one byte that differs.
const inPlaceBlock = 4 << 10

// InPlaceOutput is an archive.Output over a regular file or block device that already has most of
// the content. It reads the old content and writes the blocks of 4 KiB that differ. If it is
// stopped, some of the old content is left, and it can be run again.
type InPlaceOutput struct {
	f       *os.File
	sparse  Sparse
	size    int64 // original size of the file or device
	regular bool
	at      int64
	written int64
	buf     []byte
	bad     []bool // blocks of buf that could not be read
	badSum  int64
}

// NewInPlaceOutput returns an InPlaceOutput on f from its start. sparse says which blocks of a
// regular file are freed when they become zero. Call Flush at the end.
func NewInPlaceOutput(f *os.File, sparse Sparse) (*InPlaceOutput, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return &InPlaceOutput{f: f, sparse: sparse, size: size, regular: info.Mode().IsRegular(), buf: make([]byte, flow.DefaultBlock)}, nil
}

func (o *InPlaceOutput) capacity() int64 {
	if o.regular {
		return math.MaxInt64
	}
	return o.size
}

// Unreadable returns the number of bytes so far that were written because their old content could
// not be read.
func (o *InPlaceOutput) Unreadable() int64 { return o.badSum }

// Written returns the number of bytes written or freed so far.
func (o *InPlaceOutput) Written() int64 { return o.written }

// Write writes the blocks of p that differ from the file, or that cannot be read.
func (o *InPlaceOutput) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, len(o.buf))
		if err := o.update(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// update is Write for a p no longer than the buffer.
func (o *InPlaceOutput) update(p []byte) error {
	old := o.old(len(p))
	err := eachDifference(o.at, len(p), func(i, j int) bool {
		return j <= len(old) && bytes.Equal(old[i:j], p[i:j]) && !o.unread(i)
	}, func(i, j int) error {
		n, err := o.f.WriteAt(p[i:j], o.at+int64(i))
		o.written += int64(n)
		return err
	})
	o.at += int64(len(p))
	return err
}

// old returns the next n bytes of the old content, or those up to its end. Blocks that cannot be
// read are marked.
func (o *InPlaceOutput) old(n int) []byte {
	n = int(max(min(int64(n), o.size-o.at), 0))
	o.bad = o.bad[:0]
	got, err := o.f.ReadAt(o.buf[:n], o.at)
	if got == n || errors.Is(err, io.EOF) {
		return o.buf[:got]
	}
	for i := 0; i < n; {
		j := min(n, blockEnd(o.at, i))
		got, err := o.f.ReadAt(o.buf[i:j], o.at+int64(i))
		if got < j-i && errors.Is(err, io.EOF) {
			return o.buf[:i+got]
		}
		o.bad = append(o.bad, got < j-i)
		if got < j-i {
			o.badSum += int64(j - i)
		}
		i = j
	}
	return o.buf[:n]
}

// unread reports whether the block that begins at byte i of the buffer could not be read.
func (o *InPlaceOutput) unread(i int) bool {
	n := int((o.at+int64(i))/inPlaceBlock - o.at/inPlaceBlock)
	return n < len(o.bad) && o.bad[n]
}

// blockEnd returns the end of the block that holds byte i, counted from position at.
func blockEnd(at int64, i int) int { return i + inPlaceBlock - int((at+int64(i))%inPlaceBlock) }

// eachDifference calls write for each run of differing blocks among the next n bytes at position
// at.
func eachDifference(at int64, n int, same func(i, j int) bool, write func(i, j int) error) error {
	from := -1
	for i := 0; i < n; {
		j := min(n, blockEnd(at, i))
		switch {
		case !same(i, j) && from < 0:
			from = i
		case same(i, j) && from >= 0:
			if err := write(from, i); err != nil {
				return err
			}
			from = -1
		}
		i = j
	}
	if from >= 0 {
		return write(from, n)
	}
	return nil
}

// Zeros makes the next n bytes zero.
func (o *InPlaceOutput) Zeros(n int64) error { return o.zero(n, o.regular && o.sparse == SparseAlways) }

// Hole makes the next n bytes zero and, except with SparseNever, frees their space in a regular
// file.
func (o *InPlaceOutput) Hole(n int64) error { return o.zero(n, o.regular && o.sparse != SparseNever) }

func (o *InPlaceOutput) zero(n int64, free bool) error {
	end := o.at + n
	if end < o.at {
		return fmt.Errorf("stream is longer than any file")
	}
	for o.at < min(end, o.size) {
		start, stop := o.at, min(end, o.size)
		if o.regular {
			start, stop = o.data(stop)
		}
		if o.at = start; start == stop {
			continue
		}
		if err := o.zeroData(stop, free); err != nil {
			return err
		}
	}
	o.at = end
	if !o.regular && end > o.size { // a device cannot grow
		_, err := o.f.WriteAt([]byte{0}, end-1)
		return err
	}
	return nil
}

// data returns the range of the next data of the file, up to stop.
func (o *InPlaceOutput) data(stop int64) (start, end int64) {
	start, end, err := overlay.DataExtent(o.f, o.at)
	if err != nil {
		return o.at, stop
	}
	return min(start, stop), min(end, stop)
}

// zeroData makes the bytes up to stop zero where they are not.
func (o *InPlaceOutput) zeroData(stop int64, free bool) error {
	for o.at < stop {
		old := o.old(int(min(stop-o.at, int64(len(o.buf)))))
		if len(old) == 0 {
			return fmt.Errorf("%s became shorter while it was written", o.f.Name())
		}
		err := eachDifference(o.at, len(old), func(i, j int) bool {
			return chunker.LeadingZeros(old[i:j]) == j-i && !o.unread(i)
		}, func(i, j int) error {
			o.written += int64(j - i)
			if free && punch(o.f, o.at+int64(i), int64(j-i)) == nil {
				return nil
			}
			return archive.WriteZeros(io.NewOffsetWriter(o.f, o.at+int64(i)), int64(j-i))
		})
		if err != nil {
			return err
		}
		o.at += int64(len(old))
	}
	return nil
}

// Flush gives a regular file its size. The bytes of a device after the content stay.
func (o *InPlaceOutput) Flush() error {
	if !o.regular || o.at == o.size {
		return nil
	}
	return o.f.Truncate(o.at)
}
