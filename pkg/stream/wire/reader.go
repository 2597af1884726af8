// Package wire reads and writes the msgpack subset of hexz: arrays, maps with string keys,
// integers from 0 to 2^63-1, strings, byte strings, booleans, nil.
//
// Every length is checked against a limit before anything is allocated, and positions are counted.
// Errors are sticky, so that a frame is parsed in straight lines and checked once. A Reader accepts
// any valid msgpack form of a value (an integer may be longer than necessary). A Writer always
// writes the shortest form.
//
// The codes are those of vmihailenco/msgpack, with which the tests compare this package. Its
// decoder is not used here: it decodes values of any type by reflection, and would make each binary
// some 300 kB larger.
package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// ErrFormat means that the bytes are not msgpack, are not of the expected type, or exceed a limit.
var ErrFormat = errors.New("invalid input")

// MaxInt is the largest integer of the format.
const MaxInt = 1<<63 - 1

// growStep bounds the memory for a declared length before its bytes have arrived.
const growStep = 1 << 20

// Reader reads values from a byte stream. After the first error every call returns a zero
// value, and Err returns that error. Not safe for concurrent use.
type Reader struct {
	in  input
	err error
	raw io.Reader // the reader below the buffer; nil for bytes
}

// NewReader returns a Reader on r, which it reads through a buffer of 64 KiB.
func NewReader(r io.Reader) *Reader {
	w := newReader(bufio.NewReaderSize(r, 64<<10))
	w.raw = r
	return w
}

// NewSourceReader returns a Reader on src, which has a buffer of its own.
func NewSourceReader(src interface {
	io.Reader
	io.ByteScanner
}) *Reader {
	return newReader(src)
}

// NewBytesReader returns a Reader on b.
func NewBytesReader(b []byte) *Reader { return newReader(bytes.NewReader(b)) }

func newReader(src byteReader) *Reader {
	return &Reader{in: input{src: src}}
}

// Pos returns the number of bytes consumed.
func (r *Reader) Pos() int64 { return r.in.pos }

// Err returns the first error: an ErrFormat, io.ErrUnexpectedEOF if the input ended within or
// before a value, or the error of the underlying reader.
func (r *Reader) Err() error { return r.err }

// More reports whether there is another byte. A read error is kept for Err.
func (r *Reader) More() bool {
	if r.err != nil {
		return false
	}
	if _, err := r.in.ReadByte(); err != nil {
		if err != io.EOF {
			r.err = err
		}
		return false
	}
	r.in.UnreadByte()
	return true
}

// Head returns a copy of up to n of the next bytes, as many as are buffered. Without a buffer it
// returns nil.
func (r *Reader) Head(n int) []byte {
	b, ok := r.in.src.(*bufio.Reader)
	if !ok {
		return nil
	}
	p, _ := b.Peek(min(n, b.Buffered())) // cannot fail
	return bytes.Clone(p)
}

// Tee copies all bytes consumed after this call to w, and ignores the errors of w. Tee of nil ends
// that. Once Tee returns, the former w has all of its bytes.
func (r *Reader) Tee(w io.Writer) {
	r.in.flush()
	r.in.tee = w
}

// Failf makes an ErrFormat the error of r, unless it has one.
func (r *Reader) Failf(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
}

func (r *Reader) fail(err error) {
	switch {
	case r.err != nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.err = io.ErrUnexpectedEOF
	case r.in.failed != nil:
		r.err = r.in.failed
	default:
		r.Failf("%s", err)
	}
}

// code returns the first byte of the next value without consuming it.
func (r *Reader) code() (byte, bool) {
	if r.err != nil {
		return 0, false
	}
	c, err := r.in.ReadByte()
	if err != nil {
		r.fail(err)
		return 0, false
	}
	r.in.UnreadByte()
	return c, true
}

// number consumes the first byte of a value, and returns the number in the size bytes after it.
func (r *Reader) number(size int) uint64 {
	r.in.ReadByte()
	var n uint64
	for range size {
		c, err := r.in.ReadByte()
		if err != nil {
			r.fail(err)
			return 0
		}
		n = n<<8 | uint64(c)
	}
	return n
}

// IsNil consumes a nil and returns true, or consumes nothing.
func (r *Reader) IsNil() bool {
	c, ok := r.code()
	if !ok || c != msgpcode.Nil {
		return false
	}
	r.in.ReadByte()
	return true
}

// IsBytes reports whether the next value is a byte string. It consumes nothing.
func (r *Reader) IsBytes() bool {
	c, ok := r.code()
	return ok && isBin(c)
}

// Int reads an integer from 0 to limit.
func (r *Reader) Int(limit int64) int64 {
	c, ok := r.code()
	if !ok {
		return 0
	}
	if !isInt(c) {
		r.Failf("type 0x%02x where an integer was expected", c)
		return 0
	}
	n := r.integer(c)
	if r.err == nil && (n < 0 || n > limit) {
		r.Failf("integer %d is out of range 0 to %d", n, limit)
		return 0
	}
	return n
}

// Array reads the head of an array and returns its length, at most limit.
func (r *Reader) Array(limit int) int { return r.head("array", isArray, limit) }

// Map reads the head of a map and returns its length, at most limit.
func (r *Reader) Map(limit int) int { return r.head("map", isMap, limit) }

// String reads a string of at most limit bytes.
func (r *Reader) String(limit int) string {
	n := r.head("string", isString, limit)
	return string(r.read(nil, n))
}

// Bytes reads a byte string of at most limit bytes.
func (r *Reader) Bytes(limit int) []byte {
	return r.read(nil, r.BytesLen(limit))
}

// Rest reads the n bytes of a byte string whose head was read by BytesLen, using the capacity
// of dst.
func (r *Reader) Rest(dst []byte, n int) []byte { return r.read(dst[:0], n) }

// Forward copies the next n bytes, which are part of a byte string, to dst. It copies buffered
// bytes first. direct copies the others from the reader below the buffer. Nothing is copied to a
// Tee. Forward returns an error of dst, which does not become an error of r.
func (r *Reader) Forward(dst io.Writer, n int64, direct func(dst io.Writer, src io.Reader, n int64) (read int64, err error)) error {
	if r.err != nil {
		return nil
	}
	buffered := r.in.src.(interface {
		Buffered() int
		Peek(int) ([]byte, error)
		Discard(int) (int, error)
	})
	if k := int(min(n, int64(buffered.Buffered()))); k > 0 {
		p, _ := buffered.Peek(k)
		_, err := dst.Write(p)
		buffered.Discard(k)
		r.in.pos += int64(k)
		if n -= int64(k); err != nil {
			return err
		}
	}
	if n == 0 {
		return nil
	}
	got, err := direct(dst, r.raw, n)
	r.in.pos += got
	if err == nil && got < n {
		r.fail(io.ErrUnexpectedEOF)
	}
	return err
}

// ReadAll returns the rest of the input, but at most limit bytes.
func (r *Reader) ReadAll(limit int64) []byte {
	if r.err != nil {
		return nil
	}
	p, err := io.ReadAll(io.LimitReader(&r.in, limit))
	if err != nil {
		r.fail(err)
	}
	return p
}

// BytesLen reads the head of a byte string and returns its length, at most limit.
func (r *Reader) BytesLen(limit int) int {
	return r.head("byte string", isBin, limit)
}

// Fixed reads a byte string of exactly len(dst) bytes.
func (r *Reader) Fixed(dst []byte) {
	n := r.head("byte string", isBin, len(dst))
	if r.err != nil {
		return
	}
	if n != len(dst) {
		r.Failf("byte string of %d bytes where %d were expected", n, len(dst))
		return
	}
	if _, err := io.ReadFull(&r.in, dst); err != nil {
		r.fail(err)
	}
}

func (r *Reader) head(what string, is func(byte) bool, limit int) int {
	c, ok := r.code()
	if !ok {
		return 0
	}
	if !is(c) {
		r.Failf("type 0x%02x where a value of type %s was expected", c, what)
		return 0
	}
	n := r.length(c)
	if n < 0 || n > limit { // below 0 if an int has 32 bits
		r.Failf("%s of length %d, the limit is %d", what, n, limit)
		return 0
	}
	return n
}

// read appends n bytes to dst, growing it only as they arrive.
func (r *Reader) read(dst []byte, n int) []byte {
	if r.err != nil {
		return dst
	}
	for len(dst) < n {
		have := len(dst)
		if cap(dst) < n {
			want := min(n, max(growStep, 2*have))
			if want > cap(dst) {
				dst = append(make([]byte, 0, want), dst...)
			}
		}
		dst = dst[:min(n, cap(dst))]
		got, err := io.ReadFull(&r.in, dst[have:])
		if err != nil {
			r.fail(err)
			return dst[:have+got]
		}
	}
	return dst
}
