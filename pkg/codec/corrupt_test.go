package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// allocated returns the bytes that f allocates. They are those of the whole process, and do not
// depend on the collector, unless f uses a pool: see keepPools.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestWrongLength(t *testing.T) {
	dec := newDecoder(t)
	src := text(3, 10000)
	for _, name := range names {
		got, out := newEncoder(t, Options{Name: name}).Encode(nil, src)
		if got != name {
			t.Fatal(got)
		}
		for _, n := range []int{-1, 0, 1, len(src) - 1, len(src) + 1, 2 * len(src), MaxSize, MaxSize + 1, 1 << 40} {
			if _, err := dec.Decode(nil, name, out, n); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s as %d bytes: %v", name, n, err)
			}
		}
		for _, tail := range [][]byte{{0}, {0, 0, 0}, make([]byte, 16), out, []byte("\x50\x2a\x4d\x18\x00\x00\x00\x00")} {
			if _, err := dec.Decode(nil, name, append(bytes.Clone(out), tail...), len(src)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s with %d bytes behind: %v", name, len(tail), err)
			}
		}
		if _, err := dec.Decode(nil, name, nil, 5); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
}

// Damage gives an error or other bytes of the right length, never a panic.
func TestDamage(t *testing.T) {
	dec := newDecoder(t)
	dict := readFile(t, "text.dict")
	if err := dec.AddDict(70000, dict); err != nil {
		t.Fatal(err)
	}
	src := text(4, 3000)
	for _, o := range []Options{{}, {Level: 9}, {Level: 9, Dict: dict}, {Name: LZ4}, {Name: LZ4, Level: 9}, {Name: S2}, {Name: S2, Level: 4}} {
		name, out := newEncoder(t, o).Encode(nil, src)
		if name == None {
			t.Fatal("not compressed")
		}
		for n := range len(out) {
			if _, err := dec.Decode(nil, name, out[:n:n], len(src)); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s cut to %d of %d: %v", name, n, len(out), err)
			}
		}
		for i := range len(out) * 8 {
			bad := bytes.Clone(out)
			bad[i/8] ^= 1 << (i % 8)
			raw, err := dec.Decode(nil, name, bad, len(src))
			if err == nil && len(raw) != len(src) || err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s, bit %d: %d bytes, %v", name, i, len(raw), err)
			}
		}
	}
}

// Small inputs that promise much must not get the memory.
func TestBombs(t *testing.T) {
	frame := func(size uint64) []byte { // single segment, 8-byte size, one block of 'a'
		b := append([]byte("\x28\xb5\x2f\xfd\xe0"), binary.LittleEndian.AppendUint64(nil, size)...)
		return append(b, 1|1<<1|8<<3, 0, 0, 'a')
	}
	zw, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zeros := zw.EncodeAll(make([]byte, MaxSize), nil)
	_, s2Zeros := newEncoder(t, Options{Name: S2}).Encode(nil, make([]byte, 8<<20))
	_, lz4Zeros := newEncoder(t, Options{Name: LZ4}).Encode(nil, make([]byte, 8<<20))
	// The same zeros as a stream, which does not state its size.
	var stream bytes.Buffer
	zs, err := zstd.NewWriter(&stream, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zs.Write(make([]byte, 4<<20))
	zs.Flush()
	zs.Write(make([]byte, 4<<20))
	zs.Close()
	for _, c := range []struct {
		what, name string
		src        []byte
		rawLen     int
	}{
		{"1 GiB", Zstd, frame(1 << 30), 1 << 30},
		{"2^62", Zstd, frame(1 << 62), 1 << 62},
		{"2^63", Zstd, frame(1 << 63), 1000},
		{"frame of 64 MiB with 8 bytes in it", Zstd, frame(MaxSize), MaxSize},
		{"64 MiB of zeros", Zstd, zeros, 1000},
		{"stream of zeros", Zstd, stream.Bytes(), 1000},
		{"window of 2 TiB", Zstd, []byte("\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00"), 0},
		{"block of 64 MiB", LZ4, lz4Zeros[:100], MaxSize},
		{"zeros", LZ4, lz4Zeros, 1000},
		{"zeros", S2, s2Zeros, 1000},
		{"header of 4 GiB", S2, []byte("\xff\xff\xff\xff\x0f\x00a"), 1000},
		{"endless header", S2, bytes.Repeat([]byte{0xff}, 20), 1000},
	} {
		dec := newDecoder(t)
		n := allocated(func() { _, err = dec.Decode(nil, c.name, c.src, c.rawLen) })
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s, %s: %v", c.name, c.what, err)
		}
		if n > 1<<20 {
			t.Errorf("%s, %s: allocates %d bytes", c.name, c.what, n)
		}
	}
	dec := newDecoder(t)
	for _, n := range []int{8<<20 - 1, 8 << 20, 8<<20 + 1} {
		got := allocated(func() { _, err = dec.Decode(nil, Zstd, stream.Bytes(), n) })
		if (err == nil) != (n == 8<<20) || got > uint64(n+n/4+1<<20) {
			t.Errorf("stream as %d bytes: %v, allocates %d", n, err, got)
		}
	}
}
