package carve

import (
	"errors"
	"io"
)

// windowSize is the number of bytes that a window reads at once. It holds the head of most
// segments.
const windowSize = 32 << 10

// window reads a file through one buffer, from any position. Reading buffered bytes again costs no
// read of the file. The first error of the file stays, unless it is the end of the file.
type window struct {
	src   io.ReaderAt
	size  int64
	pos   int64 // of the next byte
	buf   []byte
	start int64 // position of buf
	err   error
}

func newWindow(src io.ReaderAt, size int64) *window {
	return &window{src: src, size: size, buf: make([]byte, 0, windowSize)}
}

// at moves to a position.
func (w *window) at(pos int64) *window {
	w.pos = pos
	return w
}

// peek returns n bytes from a position, or fewer at the end of the file. The bytes are valid until
// the next call of w. n is at most windowSize.
func (w *window) peek(pos int64, n int) []byte {
	n = int(min(int64(n), w.size-pos))
	if n <= 0 || w.err != nil {
		return nil
	}
	if pos < w.start || pos+int64(n) > w.start+int64(len(w.buf)) {
		w.start, w.buf = pos, w.buf[:min(windowSize, w.size-pos)]
		if w.err = readFull(w.src, w.buf, pos); w.err != nil {
			w.buf = w.buf[:0]
			return nil
		}
	}
	return w.buf[pos-w.start:][:n]
}

// ahead returns the buffered bytes from a position on: at least n, or fewer at the end of the file.
func (w *window) ahead(pos int64, n int) []byte {
	if b := w.peek(pos, n); len(b) > 0 {
		return w.buf[pos-w.start:]
	}
	return nil
}

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if w.err == nil && len(p) > windowSize {
		n := int(min(int64(len(p)), w.size-w.pos))
		if n <= 0 {
			return 0, io.EOF
		}
		w.err = readFull(w.src, p[:n], w.pos)
		w.pos += int64(n)
		return n, w.err
	}
	b := w.peek(w.pos, len(p))
	if len(b) == 0 && len(p) > 0 {
		return 0, w.end()
	}
	w.pos += int64(len(b))
	return copy(p, b), nil
}

// ReadByte implements io.ByteReader.
func (w *window) ReadByte() (byte, error) {
	b := w.peek(w.pos, 1)
	if len(b) == 0 {
		return 0, w.end()
	}
	w.pos++
	return b[0], nil
}

// UnreadByte implements io.ByteScanner.
func (w *window) UnreadByte() error {
	w.pos--
	return nil
}

func (w *window) end() error {
	if w.err != nil {
		return w.err
	}
	return io.EOF
}

// readFull fills p from a position.
func readFull(src io.ReaderAt, p []byte, pos int64) error {
	n, err := src.ReadAt(p, pos)
	switch {
	case n == len(p):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF // the file has shrunk
	}
	return err
}
