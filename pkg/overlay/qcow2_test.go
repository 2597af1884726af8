package overlay

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// header holds the fields that differ between the qcow2 files of these tests.
type header struct {
	version, bits, crypt uint32
	size, backing        uint64
	name                 string // of the backing file
	format               string // of the backing file, if it is given
	incompatible         uint64
	l1Entries            uint32
	l1, l2               uint64 // where the tables are
	codec                byte
}

// made returns a qcow2 file with clusters of 512 bytes. The first L2 table has the given entries,
// and the data starts at byte 4096.
func made(change func(*header), entries []uint64, data []byte) []byte {
	h := header{version: 3, bits: 9, size: 64*512 + 100, backing: 256, name: "base", l1Entries: 2, l1: 1024, l2: 1536}
	if change != nil {
		change(&h)
	}
	p := make([]byte, 4096, 4096+len(data))
	copy(p, qcow2Magic)
	be := binary.BigEndian
	be.PutUint32(p[4:], h.version)
	be.PutUint64(p[8:], h.backing)
	be.PutUint32(p[20:], h.bits)
	be.PutUint64(p[24:], h.size)
	be.PutUint32(p[32:], h.crypt)
	be.PutUint32(p[36:], h.l1Entries)
	be.PutUint64(p[40:], h.l1)
	be.PutUint64(p[72:], h.incompatible)
	be.PutUint32(p[16:], uint32(len(h.name)))
	if h.backing == 256 {
		copy(p[256:], h.name)
	}
	end := 72
	if h.version == 3 {
		end = 112
		be.PutUint32(p[100:], 112)
		p[104] = h.codec
	}
	if h.format != "" {
		be.PutUint32(p[end:], 0x6803f857) // an extension before it, of 13 bytes
		be.PutUint32(p[end+4:], 13)
		be.PutUint32(p[end+24:], backingFormat)
		be.PutUint32(p[end+28:], uint32(len(h.format)))
		copy(p[end+32:], h.format)
	}
	if h.l1 == 1024 {
		be.PutUint64(p[1024:], h.l2|1<<63)
	}
	for i, e := range entries {
		be.PutUint64(p[1536+8*i:], e)
	}
	return append(p, data...)
}

func open(p []byte) (Image, error) { return NewQcow2(bytes.NewReader(p), int64(len(p))) }

// all returns the changes of an image, and its bytes with zeros in the unchanged ranges.
func all(img Image) (list []Change, p []byte, err error) {
	p = make([]byte, img.Size())
	for {
		c, err := img.Next()
		if errors.Is(err, io.EOF) {
			return list, p, nil
		}
		if err != nil {
			return list, p, err
		}
		list = append(list, c)
		if c.Zero {
			continue
		}
		if n, err := img.ReadAt(p[c.Offset:c.End()], c.Offset); n < int(c.Length) {
			return list, p, err
		}
	}
}

func packed(t testing.TB, codec byte, p []byte) []byte {
	var b bytes.Buffer
	if codec == 1 {
		e, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return e.EncodeAll(p, nil)
	}
	w, _ := flate.NewWriter(&b, 9)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func TestQcow2(t *testing.T) {
	text := bytes.Repeat([]byte("it is dull "), 50)[:512]
	noise := make([]byte, 512)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for codec := range byte(2) {
		z := packed(t, codec, text)
		other := bytes.ToUpper(text)
		data := slices.Concat(noise, z, make([]byte, 512-len(z)), packed(t, codec, other), make([]byte, 1024))
		// Offset 4608, no additional sectors; clusters of 512 bytes leave one bit for these.
		entries := []uint64{
			4096 | 1<<63, 0, zeroFlag, zeroFlag | 4096, 1<<62 | 4608, 0, 4096, 1<<62 | 1<<61 | 4608, 1 << 63, 1<<62 | 5120,
		}
		p := made(func(h *header) { h.codec, h.incompatible = codec, incompatDirty|uint64(codec)*incompatCodec }, entries, data)
		img, err := open(p)
		if err != nil {
			t.Fatal(err)
		}
		list, got, err := all(img)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 64*512+100)
		copy(want, noise)
		copy(want[4*512:], text)
		copy(want[6*512:], noise)
		copy(want[7*512:], text)
		copy(want[9*512:], other)
		if !bytes.Equal(got, want) {
			t.Errorf("codec %d: other bytes", codec)
		}
		checkChanges(t, list, img.Size())
		marks := make([]byte, 10)
		for _, c := range list {
			for at := c.Offset; at < c.End(); at += 512 {
				marks[at/512] = 'd'
				if c.Zero {
					marks[at/512] = 'z'
				}
			}
		}
		if string(marks) != "d\x00zzd\x00dd\x00d" {
			t.Errorf("codec %d: %q", codec, marks)
		}
		// Reads of any range.
		for range 300 {
			from := rand.IntN(10 * 512)
			to := from + rand.IntN(10*512-from+1)
			part := make([]byte, to-from)
			if n, err := img.ReadAt(part, int64(from)); n != len(part) || err != nil || !bytes.Equal(part, want[from:to]) {
				t.Fatalf("codec %d: bytes %d to %d: %d, %v", codec, from, to, n, err)
			}
		}
	}
}

// In version 2 there is no flag for zeros.
func TestQcow2Version2(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 512)
	img, err := open(made(func(h *header) { h.version = 2 }, []uint64{1, 4096 | 1, 1}, data))
	if err != nil {
		t.Fatal(err)
	}
	list, p, err := all(img)
	if err != nil || !reflect.DeepEqual(list, []Change{{512, 512, false}}) || !bytes.Equal(p[512:1024], data) {
		t.Errorf("%v, %v", list, err)
	}
}

func TestQcow2Refused(t *testing.T) {
	data := make([]byte, 512)
	unsupported := []string{"version 1", "version 4", "encrypted", "external data", "unknown feature", "unknown codec"}
	for name, c := range map[string]struct {
		change  func(*header)
		entries []uint64
		text    string
	}{
		"version 1":         {func(h *header) { h.version = 1 }, nil, "version 1"},
		"version 4":         {func(h *header) { h.version = 4 }, nil, "version 4"},
		"encrypted":         {func(h *header) { h.crypt = 2 }, nil, "encrypted"},
		"no backing file":   {func(h *header) { h.backing = 0 }, nil, "no backing file"},
		"external data":     {func(h *header) { h.incompatible = incompatData }, nil, "another file"},
		"subclusters":       {func(h *header) { h.incompatible = incompatL2 }, nil, "with subclusters"},
		"name far away":     {func(h *header) { h.backing = 1 << 40 }, nil, "name of the backing file"},
		"name at the end":   {func(h *header) { h.backing = 510 }, nil, "name of the backing file"},
		"name too long":     {func(h *header) { h.name = strings.Repeat("x", 1024) }, nil, "name of the backing file"},
		"name with a 0":     {func(h *header) { h.name = "a\x00b" }, nil, "a byte 0"},
		"corrupt":           {func(h *header) { h.incompatible = incompatCorrupt }, nil, "marked as corrupt"},
		"unknown feature":   {func(h *header) { h.incompatible = 1 << 40 }, nil, "unknown features"},
		"unknown codec":     {func(h *header) { h.incompatible, h.codec = incompatCodec, 2 }, nil, "compression type 2"},
		"tiny clusters":     {func(h *header) { h.bits = 8 }, nil, "clusters of 2^8"},
		"huge clusters":     {func(h *header) { h.bits = 22 }, nil, "clusters of 2^22"},
		"negative size":     {func(h *header) { h.size = 1 << 63 }, nil, "image of"},
		"L1 too small":      {func(h *header) { h.l1Entries = 1 }, nil, "L1 table of 1"},
		"L1 huge":           {func(h *header) { h.size, h.l1Entries = 1<<62, 1<<32-1 }, nil, "L1 table"},
		"L1 behind the end": {func(h *header) { h.l1 = 1 << 40 }, nil, "after the end of the file"},
		"L1 far behind":     {func(h *header) { h.l1 = 1<<64 - 8 }, nil, "after the end of the file"},
		"L2 behind the end": {func(h *header) { h.l2 = 1 << 40 }, nil, "L2 table"},
		"L2 cut":            {func(h *header) { h.l2 = 4608 }, nil, "L2 table"},
		"data behind":       {nil, []uint64{4608}, "data at byte 4608"},
		"compressed behind": {nil, []uint64{1<<62 | 9999}, "data at byte 9999"},
		"compressed badly":  {nil, []uint64{1<<62 | 4096}, "does not decode"},
		"compressed short":  {nil, []uint64{1<<62 | 4600}, "does not decode"},
	} {
		img, err := open(made(c.change, c.entries, data))
		if err == nil {
			_, _, err = all(img)
		}
		want := ErrInvalid
		if slices.Contains(unsupported, name) {
			want = ErrUnsupported
		}
		if !errors.Is(err, want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := made(nil, nil, nil)
	for n := range 112 {
		if _, err := open(p[:n]); err == nil {
			t.Errorf("a file of %d bytes was taken", n)
		}
	}
}

func qcow2Seeds(t testing.TB) [][]byte {
	return [][]byte{
		made(nil, []uint64{4096, 0, 1, 1<<62 | 4608, 4096 | 1}, append(make([]byte, 512), packed(t, 0, make([]byte, 512))...)),
		made(func(h *header) { h.version = 2 }, []uint64{4096, 1}, make([]byte, 512)),
		made(func(h *header) { h.codec, h.incompatible = 1, incompatCodec }, []uint64{1<<62 | 4096}, packed(t, 1, make([]byte, 512))),
	}
}

// The seeds are images with changes, so that the fuzzer begins after the checks.
func TestQcow2Seeds(t *testing.T) {
	for i, p := range qcow2Seeds(t) {
		img, err := open(p)
		if err != nil {
			t.Fatal(err)
		}
		if list, _, err := all(img); err != nil || len(list) == 0 {
			t.Errorf("seed %d: %d changes, %v", i, len(list), err)
		}
	}
}

func FuzzQcow2(f *testing.F) {
	for _, p := range qcow2Seeds(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		img, err := open(p)
		if err != nil {
			return
		}
		end, buf := int64(0), make([]byte, 4096)
		for range 1000 {
			c, err := img.Next()
			if err != nil {
				return
			}
			if c.Offset < end || c.Length <= 0 || c.Length > img.Size()-c.Offset {
				t.Fatalf("change %+v behind %d, in %d", c, end, img.Size())
			}
			end = c.End()
			img.ReadAt(buf[:min(int64(len(buf)), c.Length)], c.Offset)
			img.ReadAt(buf[:1], end-1)
		}
	})
}
