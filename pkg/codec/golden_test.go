package codec

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden are encodings of text.raw. Those of zstd and lz4 come from zstd 1.5.4
// and liblz4 1.9.4; S2 has no other implementation, so text.s2 and text.best.s2
// are this package's own: they pin that old archives stay readable.
var golden = []struct{ file, codec string }{
	{"text.raw", None},
	{"text.zst", Zstd},        // -19 --no-check
	{"text.check.zst", Zstd},  // -1 --check
	{"text.stream.zst", Zstd}, // from a pipe: size not stated
	{"text.dict.zst", Zstd},   // -9 -D text.dict
	{"text.lz4", LZ4},         // LZ4_compress_default
	{"text.hc.lz4", LZ4},      // LZ4_compress_HC, level 12
	{"text.s2", S2},
	{"text.best.s2", S2},
}

func TestGolden(t *testing.T) {
	dec := newDecoder(t)
	raw := readFile(t, "text.raw")
	if err := dec.AddDict(70000, readFile(t, "text.dict")); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden {
		src := readFile(t, g.file)
		if g.codec != None && len(src) > len(raw)*3/4 {
			t.Errorf("%s: %d bytes", g.file, len(src))
		}
		got, err := dec.Decode(nil, g.codec, src, len(raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", g.file, err)
		}
	}
}
