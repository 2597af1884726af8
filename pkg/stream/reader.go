package stream

import (
	"errors"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/stream/wire"
)

// headSize is the most bytes of the input that a NotStreamError holds.
const headSize = 512

// maxAncillary is the greatest length of a frame that is skipped, in bytes.
const maxAncillary = MaxPayload + MaxMeta

// Reader reads a stream of frames and holds it to the rules of the format. Errors are sticky.
// Except for io.EOF and an AbortError, each is a FrameError: an ErrCorrupt, an ErrTruncated, or an
// error of the underlying reader. A Reader is not safe for concurrent use.
type Reader struct {
	in    *wire.Reader
	rules rules
	err   error
	index int64
	start int64 // position of the current frame

	head    []byte // the first bytes of the input, as far as they came at once
	printed []byte // Printed of an AbortError that may follow

	digests bool
	leaving bool // payloads are left unread
	hasher  blake.Hasher
	digest  Hash
}

// NewReader returns a Reader on r.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: wire.NewReader(r)}
}

// KeepDigests sets whether the Reader keeps the digests of the frames after this call.
func (r *Reader) KeepDigests(on bool) {
	r.digests = on
	r.in.Tee(nil)
}

// Digest returns the BLAKE3 digest of the last frame, as stored in the input.
func (r *Reader) Digest() Hash { return r.digest }

// LeavePayloads sets whether Next leaves payloads unread, for a caller that passes payloads on or skips
// them. Load or Forward must take a payload before the next call of Next. There are no digests
// then.
func (r *Reader) LeavePayloads(on bool) { r.leaving = on }

// Load reads the outstanding payload of s, the last segment.
func (r *Reader) Load(s *Segment) error {
	s.load(r.in)
	return r.taken()
}

// Forward copies the next n bytes of the outstanding payload of the last segment to dst. direct moves
// the bytes that are not buffered. An error of the input is sticky, an error of dst is not.
func (r *Reader) Forward(dst io.Writer, n int, direct Mover) error {
	if err := r.in.Forward(dst, int64(n), direct); err != nil {
		return err
	}
	return r.taken()
}

// Mover copies up to n bytes from src to dst, and returns how many were read. Fewer than n bytes
// without an error mean that src has ended.
type Mover func(dst io.Writer, src io.Reader, n int64) (read int64, err error)

// taken makes an error of the input the error of the reader.
func (r *Reader) taken() error {
	if err := r.wireErr(); err != nil && r.err == nil {
		r.err = &FrameError{Kind: KindSegment, Index: r.index - 1, Offset: r.start, Err: err}
	}
	return r.err
}

// Range returns the position and length of the last frame.
func (r *Reader) Range() (pos, length int64) { return r.start, r.in.Pos() - r.start }

// Wire gives access to the input after the End frame: nothing, or the index of an archive.
func (r *Reader) Wire() *wire.Reader { return r.in }

// Next returns the next frame, and io.EOF after End at the end of the input. A *Segment belongs to
// the caller, who gives it back by Release. Other frames are never reused. An Abort frame is
// returned as an AbortError. The caller skips an *Ancillary frame.
func (r *Reader) Next() (Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	f, kind, err := r.next()
	if err == io.EOF {
		r.err = io.EOF
	} else if err != nil {
		var aborted *AbortError
		if r.err = err; !errors.As(err, &aborted) {
			r.err = &FrameError{Kind: kind, Index: r.index, Offset: r.start, Err: err}
		}
	}
	r.index++
	return f, r.err
}

func (r *Reader) next() (Frame, Kind, error) {
	r.start = r.in.Pos()
	if !r.in.More() {
		return nil, KindUnknown, r.ending()
	}
	if r.start == 0 {
		r.head = r.in.Head(headSize)
	}
	if r.digests {
		r.hasher.Reset()
		r.in.Tee(&r.hasher)
	}
	kind, n := readHead(r.in)
	f, err := r.frame(kind, n)
	if r.digests {
		r.in.Tee(nil)
		r.digest = r.hasher.Sum()
	}
	return f, kind, err
}

// ending returns the error for the end of the input.
func (r *Reader) ending() error {
	if err := r.in.Err(); err != nil {
		return err
	}
	if r.rules.state == ended {
		return io.EOF
	}
	if r.start == 0 {
		return &emptyError{}
	}
	return ErrTruncated
}

// emptyError is an ErrTruncated.
type emptyError struct{}

func (*emptyError) Error() string        { return "no input: the upstream stage wrote nothing" }
func (*emptyError) Is(target error) bool { return target == ErrTruncated }

func (r *Reader) frame(kind Kind, arity int) (Frame, error) {
	if r.in.Err() == nil && r.rules.state == wantHeader && kind != KindHeader {
		return nil, &NotStreamError{r.head}
	}
	if kind == kindPrinted && arity == 2 && r.in.IsBytes() {
		r.printed = r.in.Bytes(maxConsole)
		return &Ancillary{kind}, r.wireErr()
	}
	if r.in.Err() == nil && r.rules.state == ended {
		return nil, corruptf("a %s frame where nothing more was expected", kind)
	}
	if kind >= FirstAncillary {
		skipRest(r.in, arity)
		return &Ancillary{kind}, r.wireErr()
	}
	if kind >= FirstIndex {
		return nil, corruptf("an index frame (%s) inside a stream", kind)
	}
	var seg *Segment
	if kind == KindSegment {
		seg = NewSegment()
	}
	f := readBody(r.in, kind, seg)
	if seg != nil && !r.leaving {
		seg.load(r.in)
	}
	if err := r.wireErr(); err != nil {
		seg.Release()
		return nil, err
	}
	if a, ok := f.(*Abort); ok {
		return nil, &AbortError{Stage: a.Stage, Message: a.Message, Printed: r.printed}
	}
	if err := r.rules.check(f); err != nil {
		seg.Release()
		return nil, err
	}
	return f, nil
}

// skipRest skips the elements of a frame after its kind.
func skipRest(in *wire.Reader, arity int) {
	end := in.Pos() + maxAncillary
	for ; arity > 1 && in.Err() == nil; arity-- {
		in.Skip(end - in.Pos())
	}
}

// wireErr translates the error of the wire into one of this package. Input that does not begin as a
// stream gets a NotStreamError, whatever is wrong with its first bytes.
func (r *Reader) wireErr() error {
	err := r.in.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case errors.Is(err, ErrCorrupt) && r.rules.state == wantHeader && r.in.Pos() <= 2:
		return &NotStreamError{r.head}
	}
	return err
}
