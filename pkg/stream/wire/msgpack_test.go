package wire

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// A Writer writes values as vmihailenco/msgpack does, and a Reader reads them back.
func TestSameBytesAsMsgpack(t *testing.T) {
	var want bytes.Buffer
	enc := msgpack.NewEncoder(&want)
	same := func(what string, n int, write func(*Writer), read func(*Reader) bool) {
		t.Helper()
		w := NewWriter()
		if write(w); !bytes.Equal(w.Written(), want.Bytes()) {
			t.Errorf("%s %d: wrote %.20x, want %.20x", what, n, w.Written(), want.Bytes())
		}
		r := NewBytesReader(want.Bytes())
		if !read(r) || r.Err() != nil || r.More() {
			t.Errorf("%s %d: not read back from %.20x: %v", what, n, want.Bytes(), r.Err())
		}
		want.Reset()
	}
	for shift := range 63 {
		for _, n := range []int64{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			enc.EncodeUint(uint64(n))
			same("integer", int(n), func(w *Writer) { w.Int(n) }, func(r *Reader) bool { return r.Int(MaxInt) == n })
		}
	}
	for _, n := range []int{0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 65535, 65536, 100000} {
		s := strings.Repeat("x", n)
		enc.EncodeString(s)
		same("string", n, func(w *Writer) { w.String(s) }, func(r *Reader) bool { return r.String(n) == s })
		enc.EncodeBytes([]byte(s))
		same("bytes", n, func(w *Writer) { w.Bytes([]byte(s)) }, func(r *Reader) bool { return string(r.Bytes(n)) == s })
		enc.EncodeArrayLen(n)
		same("array", n, func(w *Writer) { w.Array(n) }, func(r *Reader) bool { return r.Array(n) == n })
		enc.EncodeMapLen(n)
		same("map", n, func(w *Writer) { w.Map(n) }, func(r *Reader) bool { return r.Map(n) == n })
	}
	enc.EncodeMulti(nil, true, false)
	same("constants", 0, func(w *Writer) { w.Nil(); w.bool(true); w.bool(false) },
		func(r *Reader) bool { r.Skip(1); return r.value(100, 0) == true && r.value(100, 0) == false })
}

// A Reader agrees with vmihailenco/msgpack on the value of every integer, and on the end of every
// value.
func TestReadsAsMsgpack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		p := make([]byte, 1+random.IntN(12))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		src := bytes.NewReader(p)
		want, err := msgpack.NewDecoder(src).DecodeInt64()
		r := NewBytesReader(p)
		if n := r.Int(MaxInt); r.Err() == nil && (err != nil || n != want || r.Pos() != int64(len(p)-src.Len())) {
			t.Errorf("%x: read the integer %d of %d bytes, want %d of %d, %v", p, n, r.Pos(), want, len(p)-src.Len(), err)
		} else if isInt(p[0]) && err == nil && want >= 0 && r.Err() != nil {
			t.Errorf("%x: %v, want %d", p, r.Err(), want)
		}
		src.Reset(p)
		err = msgpack.NewDecoder(src).Skip()
		r = NewBytesReader(p)
		if r.Skip(100); r.Err() == nil && (err != nil || r.Pos() != int64(len(p)-src.Len())) {
			t.Errorf("%x: skipped %d bytes, want %d, %v", p, r.Pos(), len(p)-src.Len(), err)
		}
	}
}
