package wire

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Writer appends values to a buffer in their shortest form. The zero value is not usable; see
// NewWriter. It cannot fail: all that it is given is within the format. Not safe for
// concurrent use.
type Writer struct {
	buf buffer
	enc *msgpack.Encoder
}

// buffer is an io.Writer and io.ByteWriter that never fails.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

func (b *buffer) WriteByte(c byte) error {
	*b = append(*b, c)
	return nil
}

// NewWriter returns a Writer with an empty buffer.
func NewWriter() *Writer {
	w := &Writer{}
	w.enc = msgpack.NewEncoder(&w.buf)
	return w
}

// Reset empties the buffer.
func (w *Writer) Reset() { w.buf = w.buf[:0] }

// Written returns what was written since Reset. It is valid until the next call.
func (w *Writer) Written() []byte { return w.buf }

// Nil writes a nil.
func (w *Writer) Nil() { w.enc.EncodeNil() }

// Int writes an integer, which must not be negative.
func (w *Writer) Int(n int64) { w.enc.EncodeUint(uint64(n)) }

// Array writes the head of an array of n values.
func (w *Writer) Array(n int) { w.enc.EncodeArrayLen(n) }

// Map writes the head of a map of n pairs.
func (w *Writer) Map(n int) { w.enc.EncodeMapLen(n) }

// String writes a string.
func (w *Writer) String(s string) { w.enc.EncodeString(s) }

// Bytes writes a byte string.
func (w *Writer) Bytes(p []byte) {
	w.BytesHead(len(p))
	w.buf = append(w.buf, p...)
}

// BytesHead writes the head of a byte string of n bytes, which the caller writes elsewhere.
func (w *Writer) BytesHead(n int) { w.enc.EncodeBytesLen(n) }

// Raw appends values that are encoded already.
func (w *Writer) Raw(p []byte) { w.buf = append(w.buf, p...) }

// Meta writes m with its keys in order.
func (w *Writer) Meta(m Meta) {
	w.Map(len(m))
	for _, k := range keys(m) {
		w.String(k)
		w.value(m[k])
	}
}

func (w *Writer) value(v any) {
	switch v := v.(type) {
	case nil:
		w.Nil()
	case bool:
		w.enc.EncodeBool(v)
	case int:
		w.Int(int64(v))
	case int64:
		w.Int(v)
	case string:
		w.String(v)
	case []byte:
		w.Bytes(v)
	case []any:
		w.Array(len(v))
		for _, e := range v {
			w.value(e)
		}
	case Meta:
		w.Meta(v)
	default:
		panic(fmt.Sprintf("wire: no msgpack form for %T", v))
	}
}
