package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Any msgpack form of an integer is read; the shortest is written.
func TestIntForms(t *testing.T) {
	for _, tt := range []struct {
		hex   string
		want  int64
		short string
	}{
		{"00", 0, "00"},
		{"7f", 127, "7f"},
		{"cc05", 5, "05"},
		{"cc80", 128, "cc80"},
		{"cd0100", 256, "cd0100"},
		{"ce00000001", 1, "01"},
		{"cf0000000000000001", 1, "01"},
		{"d005", 5, "05"},
		{"d10005", 5, "05"},
		{"d200010000", 65536, "ce00010000"},
		{"d37fffffffffffffff", MaxInt, "cf7fffffffffffffff"},
	} {
		r := NewBytesReader(unhex(t, tt.hex))
		if got := r.Int(MaxInt); got != tt.want || r.Err() != nil {
			t.Errorf("%s: got %d, %v; want %d", tt.hex, got, r.Err(), tt.want)
		}
		w := NewWriter()
		w.Int(tt.want)
		if got := hex.EncodeToString(w.Written()); got != tt.short {
			t.Errorf("%d: wrote %s, want %s", tt.want, got, tt.short)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, hex string
		read      func(*Reader)
		want      error
	}{
		{"negative fixnum", "ff", func(r *Reader) { r.Int(MaxInt) }, ErrFormat},
		{"negative int64", "d3ffffffffffffffff", func(r *Reader) { r.Int(MaxInt) }, ErrFormat},
		{"integer of 2^63", "cf8000000000000000", func(r *Reader) { r.Int(MaxInt) }, ErrFormat},
		{"float for an integer", "ca3f800000", func(r *Reader) { r.Int(MaxInt) }, ErrFormat},
		{"nil for an integer", "c0", func(r *Reader) { r.Int(MaxInt) }, ErrFormat},
		{"over the limit", "0b", func(r *Reader) { r.Int(10) }, ErrFormat},
		{"nothing", "", func(r *Reader) { r.Int(10) }, io.ErrUnexpectedEOF},
		{"cut integer", "cd01", func(r *Reader) { r.Int(MaxInt) }, io.ErrUnexpectedEOF},
		{"array too long", "dc0011", func(r *Reader) { r.Array(16) }, ErrFormat},
		{"array of 2^32-1", "ddffffffff", func(r *Reader) { r.Array(1 << 20) }, ErrFormat},
		{"map for an array", "80", func(r *Reader) { r.Array(16) }, ErrFormat},
		{"nil for an array", "c0", func(r *Reader) { r.Array(16) }, ErrFormat},
		{"bytes for a string", "c40161", func(r *Reader) { r.String(4) }, ErrFormat},
		{"string for bytes", "a161", func(r *Reader) { r.Bytes(4) }, ErrFormat},
		{"string too long", "a568656c6c6f", func(r *Reader) { r.String(4) }, ErrFormat},
		{"cut string", "a56865", func(r *Reader) { r.String(10) }, io.ErrUnexpectedEOF},
		{"bytes of 2^32-1", "c6ffffffff", func(r *Reader) { r.Bytes(1 << 26) }, ErrFormat},
		{"fixed too short", "c40100", func(r *Reader) { r.Fixed(make([]byte, 2)) }, ErrFormat},
		{"reserved code", "c1", func(r *Reader) { r.Skip(100) }, ErrFormat},
		{"extension", "d40000", func(r *Reader) { r.Skip(100) }, ErrFormat},
		{"skip over the limit", "a568656c6c6f", func(r *Reader) { r.Skip(5) }, ErrFormat},
		{"skip of deep arrays", strings.Repeat("91", 100) + "00", func(r *Reader) { r.Skip(1000) }, ErrFormat},
		{"meta of deep arrays", "81a161" + strings.Repeat("91", 100) + "00", func(r *Reader) { r.Meta() }, ErrFormat},
		{"meta of deep maps", strings.Repeat("81a161", 100) + "c0", func(r *Reader) { r.Meta() }, ErrFormat},
		{"meta that is no map", "90", func(r *Reader) { r.Meta() }, ErrFormat},
		{"meta with a key twice", "82a161c0a161c0", func(r *Reader) { r.Meta() }, ErrFormat},
		{"meta with a float", "81a161ca3f800000", func(r *Reader) { r.Meta() }, ErrFormat},
		{"meta with many keys and no bytes", "df000fffff", func(r *Reader) { r.Meta() }, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewBytesReader(unhex(t, tt.hex))
			tt.read(r)
			if !errors.Is(r.Err(), tt.want) {
				t.Fatalf("got the error %v, want %v", r.Err(), tt.want)
			}
			first := r.Err()
			r.Int(1)
			r.Skip(1)
			if r.Err() != first || r.String(1) != "" || r.More() {
				t.Error("the error did not stick")
			}
		})
	}
}

func TestReadErrorIsKept(t *testing.T) {
	boom := errors.New("boom")
	r := NewReader(io.MultiReader(bytes.NewReader(unhex(t, "93a5")), iotest.ErrReader(boom)))
	r.Array(3)
	r.String(10)
	if !errors.Is(r.Err(), boom) {
		t.Errorf("got %v, want %v", r.Err(), boom)
	}
}

func TestMetaRoundTrip(t *testing.T) {
	m := Meta{
		"name": "x", "n": int64(1 << 40), "yes": true, "nil": nil, "raw": []byte{1, 2},
		"list": []any{int64(1), "two", []any{}, Meta{}},
	}
	w := NewWriter()
	w.Meta(m)
	r := NewReader(iotest.OneByteReader(bytes.NewReader(w.Written())))
	if got := r.Meta(); !reflect.DeepEqual(got, m) || r.Err() != nil {
		t.Errorf("got %v, %v", got, r.Err())
	}
	if r.Pos() != int64(len(w.Written())) || r.More() {
		t.Errorf("read %d of %d bytes", r.Pos(), len(w.Written()))
	}
	for range 20 {
		again := NewWriter()
		again.Meta(m)
		if !bytes.Equal(again.Written(), w.Written()) {
			t.Fatal("the same map gave other bytes")
		}
	}
}

func TestTee(t *testing.T) {
	w := NewWriter()
	w.Array(4)
	w.Int(300)
	w.String("text")
	w.Bytes(make([]byte, 100000))
	w.Meta(Meta{"a": []any{strings.Repeat("x", 3*teeStep)}})
	first := len(w.Written())
	w.Int(7)
	r := NewBytesReader(w.Written())
	var got bytes.Buffer
	r.Tee(&got)
	r.Array(4)
	r.Int(MaxInt)
	r.String(10)
	r.Rest(nil, r.BytesLen(1<<20))
	r.More()
	r.Meta()
	r.IsBytes()
	r.Tee(nil)
	r.Int(10)
	if r.Err() != nil || !bytes.Equal(got.Bytes(), w.Written()[:first]) {
		t.Errorf("got %d of %d bytes, %v", got.Len(), first, r.Err())
	}
}

// A length that lies costs no more memory than the bytes that are there.
func TestLyingLengthsAllocateLittle(t *testing.T) {
	for name, read := range map[string]func(*Reader){
		"payload": func(r *Reader) { r.Rest(nil, r.BytesLen(1<<32-1)) },
		"string":  func(r *Reader) { r.String(1<<32 - 1) },
		"skip":    func(r *Reader) { r.Skip(1 << 40) },
	} {
		in := append(unhex(t, "c6f0000000"), make([]byte, 1000)...)
		if name == "string" {
			in[0] = 0xdb // a str 32
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read(NewBytesReader(in))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 3<<20 {
			t.Errorf("%s: a declared length of 4 GB allocated %d bytes", name, n)
		}
	}
}

func FuzzSkipAndMeta(f *testing.F) {
	for _, s := range []string{"81a161c0", "93010203", "c403010203", "82a16101a162c2", strings.Repeat("91", 30)} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r := NewBytesReader(p)
		if r.Skip(1 << 20); r.Err() == nil && r.Pos() > int64(len(p)) {
			t.Fatal("skipped more than there is")
		}
		r = NewBytesReader(p)
		m := r.Meta()
		if r.Err() != nil {
			return
		}
		w := NewWriter()
		w.Meta(m)
		again := NewBytesReader(w.Written())
		if got := again.Meta(); !reflect.DeepEqual(got, m) {
			t.Fatalf("%v became %v", m, got)
		}
	})
}
