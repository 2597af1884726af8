package stream

import (
	"errors"
	"fmt"
	"io"

	"hexz/pkg/stream/wire"
)

// Writer writes a stream of frames and holds it to the rules of the format: a Reader accepts all
// that was written without an error. Errors are sticky. Each frame is one or two calls of the
// underlying Write. A Writer is not safe for concurrent use.
type Writer struct {
	dst     io.Writer
	buf     *wire.Writer
	rules   rules
	err     error
	broken  bool // the underlying writer failed
	written int64
}

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{dst: w, buf: wire.NewWriter()}
}

// Written returns the number of bytes written.
func (w *Writer) Written() int64 { return w.written }

// Write writes f. The Writer keeps no part of f.
func (w *Writer) Write(f Frame) error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.rules.check(f); w.err != nil {
		return w.err
	}
	return w.put(f)
}

// CloseStream writes the Close frame of the open stream, with the size and root of its segments.
func (w *Writer) CloseStream(digests map[string][]byte) error {
	return w.Write(&Close{ID: w.rules.open.ID, Size: w.rules.at, Root: w.rules.tree.Sum(), Digests: digests})
}

// End writes the End frame with the root of all streams.
func (w *Writer) End(totals Meta) error {
	return w.Write(&End{Totals: totals, Root: w.EndRoot()})
}

// EndRoot returns the root of all streams that were closed so far.
func (w *Writer) EndRoot() Hash { return w.rules.end.Sum() }

// Console is an underlying writer of a Writer whose owner prints errors for people. Console returns
// an id of the place where the errors appear, such as a terminal. It has up to 64 bytes, and is
// empty if the place is not known. Two stages have the same id if their messages appear in the same
// place. A Writer writes the id before an Abort frame, so that the stages after this one need not
// print the same message again.
type Console interface{ Console() []byte }

const maxConsole = 64

// Abort tells the consumer that this stage failed with err, or, if err is an AbortError, that the
// stage which err names failed. It does nothing once the stream has ended or the underlying writer
// failed.
func (w *Writer) Abort(stage string, err error) {
	if w.rules.state == ended {
		return
	}
	if w.rules.state == wantHeader {
		w.put(&Header{})
	}
	f := &Abort{Stage: stage, Message: err.Error()}
	var up *AbortError
	if errors.As(err, &up) {
		f.Stage, f.Message = up.Stage, up.Message
	}
	w.rules.state = ended
	if c, ok := w.dst.(Console); ok {
		w.printed(c.Console())
	}
	w.put(f)
}

// printed writes where the message of the Abort frame that follows is printed.
func (w *Writer) printed(id []byte) {
	if len(id) == 0 || len(id) > maxConsole {
		return
	}
	w.buf.Reset()
	w.buf.Array(2)
	w.buf.Int(int64(kindPrinted))
	w.buf.Bytes(id)
	w.write(w.buf.Written())
}

// Forward lets move write the next n bytes of the payload of the last segment, which was written
// with its payload outstanding.
func (w *Writer) Forward(n int, move func(dst io.Writer) error) error {
	if w.err != nil {
		return w.err
	}
	w.written += int64(n)
	if w.err = move(w.dst); w.err != nil {
		w.broken = true // within a frame no Abort can follow
	}
	return w.err
}

func (w *Writer) put(f Frame) error {
	w.buf.Reset()
	Append(w.buf, f)
	if w.err = reparse(f.Kind(), w.buf.Written()); w.err != nil {
		return w.err
	}
	w.write(w.buf.Written())
	if s, ok := f.(*Segment); ok && len(s.Payload) > 0 {
		w.write(s.Payload)
	}
	return w.err
}

// reparse returns an error if a reader would not accept a frame: its maps and strings may be too
// large.
func reparse(kind Kind, p []byte) error {
	if kind == KindSegment || kind == KindAbort {
		return nil // their limits were checked, or their text cut
	}
	in := wire.NewBytesReader(p)
	readHead(in)
	readBody(in, kind, nil)
	if in.Err() != nil {
		return fmt.Errorf("%s frame that was to be written: %w", kind, in.Err())
	}
	return nil
}

func (w *Writer) write(p []byte) {
	if w.broken {
		return
	}
	n, err := w.dst.Write(p)
	w.written += int64(n)
	if err != nil {
		w.err = err
		w.broken = true
	}
}
