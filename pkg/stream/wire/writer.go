package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Writer appends values to a buffer in their shortest form. The zero Writer is ready for use. A
// Writer cannot fail: its callers write only values of the format. It is not safe for concurrent
// use.
type Writer struct{ buf []byte }

// NewWriter returns a Writer with an empty buffer.
func NewWriter() *Writer { return &Writer{} }

// Reset empties the buffer.
func (w *Writer) Reset() { w.buf = w.buf[:0] }

// Written returns the bytes that were written since Reset. They are valid until the next call.
func (w *Writer) Written() []byte { return w.buf }

// Nil writes a nil.
func (w *Writer) Nil() { w.buf = append(w.buf, msgpcode.Nil) }

// Int writes an integer, which must not be negative.
func (w *Writer) Int(n int64) {
	switch {
	case n <= math.MaxInt8:
		w.buf = append(w.buf, byte(n))
	case n <= math.MaxUint8:
		w.buf = append(w.buf, msgpcode.Uint8, byte(n))
	case n <= math.MaxUint16:
		w.head16(msgpcode.Uint16, int(n))
	case n <= math.MaxUint32:
		w.head32(msgpcode.Uint32, int(n))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, msgpcode.Uint64), uint64(n))
	}
}

// Array writes the head of an array of n values.
func (w *Writer) Array(n int) {
	w.head(n, msgpcode.FixedArrayLow, int(msgpcode.FixedArrayMask), msgpcode.Array16, msgpcode.Array32)
}

// Map writes the head of a map of n pairs.
func (w *Writer) Map(n int) {
	w.head(n, msgpcode.FixedMapLow, int(msgpcode.FixedMapMask), msgpcode.Map16, msgpcode.Map32)
}

// The three below are not inlined: each value of a frame calls one of them, and copies of them took 60
// KB of each binary.

// head writes the code of a value of length n, and n. If n is at most most, it is part of the code.
//
//go:noinline
func (w *Writer) head(n int, fixed byte, most int, code16, code32 byte) {
	switch {
	case n <= most:
		w.buf = append(w.buf, fixed|byte(n))
	case n <= math.MaxUint16:
		w.head16(code16, n)
	default:
		w.head32(code32, n)
	}
}

//go:noinline
func (w *Writer) head16(code byte, n int) {
	w.buf = binary.BigEndian.AppendUint16(append(w.buf, code), uint16(n))
}

//go:noinline
func (w *Writer) head32(code byte, n int) {
	w.buf = binary.BigEndian.AppendUint32(append(w.buf, code), uint32(n))
}

// String writes a string.
func (w *Writer) String(s string) {
	most := int(msgpcode.FixedStrMask)
	if n := len(s); n > most && n <= math.MaxUint8 {
		w.buf = append(w.buf, msgpcode.Str8, byte(n))
	} else {
		w.head(n, msgpcode.FixedStrLow, most, msgpcode.Str16, msgpcode.Str32)
	}
	w.buf = append(w.buf, s...)
}

// Bytes writes a byte string.
func (w *Writer) Bytes(p []byte) {
	w.BytesHead(len(p))
	w.buf = append(w.buf, p...)
}

// BytesHead writes the head of a byte string of n bytes, which the caller writes elsewhere.
func (w *Writer) BytesHead(n int) {
	if n <= math.MaxUint8 {
		w.buf = append(w.buf, msgpcode.Bin8, byte(n))
	} else {
		w.head(n, 0, -1, msgpcode.Bin16, msgpcode.Bin32)
	}
}

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

func (w *Writer) bool(v bool) {
	code := msgpcode.False
	if v {
		code = msgpcode.True
	}
	w.buf = append(w.buf, code)
}

func (w *Writer) value(v any) {
	switch v := v.(type) {
	case nil:
		w.Nil()
	case bool:
		w.bool(v)
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
