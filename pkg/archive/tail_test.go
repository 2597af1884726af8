package archive

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"

	"hexz/internal/vectortest"
	"hexz/pkg/index"
	"hexz/pkg/seal"
)

// endings are the possible ends of an archive, by the verdict of every reader: whole, torn (the
// archive is whole, the bytes after it do not count), or corrupt. docs/format.md has the same
// table.
type endings struct {
	archive []byte // up to the first trailer, which follows a signature
	append  []byte // three signatures and a trailer, of more than 1024 bytes
	other   []byte // another archive
}

func newEndings(t *testing.T) *endings {
	cryptotest.SetGlobalRandom(t, 7)
	var keys []seal.SecretKey
	for range 4 {
		_, key := signKey(t)
		keys = append(keys, key)
	}
	v := &endings{other: smallWith(t, WriterOptions{}).Buf.Bytes()}
	b := newBuilderWith(t, WriterOptions{Sign: keys[:1]})
	b.Stream(0, "disk", func() { b.Segment("none", []byte("not a torn word")) })
	b.Seal()
	v.archive = b.Buf.Bytes()
	r := open(t, v.archive)
	var err error
	if v.append, err = index.AppendTail(nil, r.RootAt, keys[1:]); err != nil {
		t.Fatal(err)
	}
	return v
}

// toMiddle returns how many bytes to add to a file of size bytes, some KiB, so that it ends in the
// middle of a block.
func toMiddle(size int) int { return 4<<10 + 300 - size%512 }

// with returns the archive with the parts after it.
func (v *endings) with(parts ...[]byte) []byte {
	return bytes.Join(append([][]byte{v.archive}, parts...), nil)
}

// lost returns the archive with the append after it. Blocks of size bytes for whose number in the
// file lose is true are zeros within the append.
func (v *endings) lost(size int, lose func(block int) bool) []byte {
	p := v.with(v.append)
	for i := len(v.archive); i < len(p); i++ {
		if lose(i / size) {
			p[i] = 0
		}
	}
	return p
}

// readersSay returns the verdict of the readers on p. They must agree.
func readersSay(t *testing.T, name string, p []byte) string {
	t.Helper()
	word := func(err error, torn bool) string {
		switch {
		case isDamage(err):
			return "corrupt"
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case torn:
			return "torn"
		}
		return "whole"
	}
	r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
	if err == nil {
		err = r.Verify(t.Context(), VerifyOptions{Level: Content})
	}
	file := word(err, r != nil && err == nil && r.Torn())
	_, s, err := scan(bytes.NewReader(p))
	if pipe := word(err, err == nil && s.tail.Torn); pipe != file {
		t.Errorf("%s: %s, but from a pipe %s (%v)", name, file, pipe, err)
	}
	return file
}

func (v *endings) table() []struct {
	name, want string
	tail       []byte
} {
	second := v.append[len(v.append)-index.TrailerSize:] // its trailer
	flip := func(p []byte, at int) []byte {
		p = bytes.Clone(p)
		p[at] ^= 1
		return p
	}
	first := 1 + len(v.archive)/512 // the first block that the append alone is in
	return []struct {
		name, want string
		tail       []byte
	}{
		{"nothing follows", "whole", v.with()},
		{"an append", "whole", v.with(v.append)},
		{"two appends", "whole", v.with(v.append, v.append)},
		{"a trailer alone", "whole", v.with(second)},
		{"an append cut in a signature", "torn", v.with(v.append[:100])},
		{"an append cut between signatures", "torn", v.with(v.append[:(len(v.append)-index.TrailerSize)/3])},
		{"an append cut before its trailer", "torn", v.with(v.append[:len(v.append)-index.TrailerSize])},
		{"an append cut in its trailer", "torn", v.with(v.append[:len(v.append)-1])},
		{"an append and one that is cut", "torn", v.with(v.append, v.append[:7])},
		{"zeros", "torn", v.with(make([]byte, 5000))},
		{"zeros from a block on", "torn", v.lost(512, func(b int) bool { return b > first })},
		{"a block of zeros between others", "torn", v.lost(512, func(b int) bool { return b == first })},
		{"the last block alone", "torn", v.lost(512, func(b int) bool { return b <= first })},
		{"the last block alone and zeros up to its end", "torn", append(v.lost(512, func(b int) bool { return b <= first }), make([]byte, 100)...)},
		{"a byte", "corrupt", v.with([]byte{1})},
		{"text", "corrupt", v.with([]byte("and something else"))},
		{"zeros and a byte", "corrupt", v.with(make([]byte, toMiddle(len(v.archive))), []byte{1})},
		{"some zeros within a block", "corrupt", v.with(v.append[:100], make([]byte, 64), v.append[164:])},
		{"a damaged signature", "corrupt", v.with(flip(v.append, 40))},
		{"a damaged trailer after another", "corrupt", v.with(flip(v.append, len(v.append)-1))},
		{"a signature that swallows its trailer", "corrupt", v.with(v.append[:3], []byte{0x0f}, v.append[4:])},
		{"a damaged trailer", "corrupt", flip(v.with(), len(v.archive)-1)},
		{"a version of the trailer that is not known", "corrupt", flip(v.with(), len(v.archive)-54)},
		{"a signature without its trailer", "corrupt", v.with()[:len(v.archive)-index.TrailerSize]},
		{"another archive", "corrupt", v.with(v.other)},
		{"the same archive", "corrupt", v.with(v.archive)},
		{"zeros and another archive", "corrupt", v.with(make([]byte, 2000), v.other)},
		{"the trailer of another archive", "corrupt", v.with(v.other[len(v.other)-index.TrailerSize:])},
		{"more zeros than are appended", "corrupt", v.with(make([]byte, index.MaxAppend+1))},
	}
}

func TestTails(t *testing.T) {
	v := newEndings(t)
	for _, c := range v.table() {
		if got := readersSay(t, c.name, c.tail); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Whatever an interrupted append leaves, the archive is the same as before.
func TestTornAppends(t *testing.T) {
	v := newEndings(t)
	whole := v.with(v.append)
	from := len(v.archive)
	torn := func(name string, p []byte) {
		t.Helper()
		if got := readersSay(t, name, p); got != "torn" {
			t.Errorf("%s: %s", name, got)
		} else if r := open(t, p); len(r.Signatures()) != 1 || r.Size() != int64(from) {
			t.Errorf("%s: %d signatures in %d bytes", name, len(r.Signatures()), r.Size())
		}
	}
	for end := from + 1; end < len(whole); end++ {
		torn(fmt.Sprintf("cut to %d", end), whole[:end])
	}
	for _, size := range []int{512, 4096} {
		blocks := len(whole)/size - from/size + 1
		for set := range 1<<blocks - 1 { // which of them were written
			p := v.lost(size, func(b int) bool { return set>>(b-from/size)&1 == 0 })
			torn(fmt.Sprintf("blocks %b of %d", set, size), p)
			padded := append(bytes.Clone(p), make([]byte, size-len(p)%size)...)
			torn(fmt.Sprintf("blocks %b of %d, to the end of the last", set, size), padded)
			for end := from/size*size + size; end < len(p); end += size {
				if cut := p[:end]; !bytes.Equal(cut, whole[:end]) {
					torn(fmt.Sprintf("blocks %b of %d, cut to %d", set, size, end), cut)
				}
			}
		}
	}
}

// An interrupted signing can be done again.
func TestSignTorn(t *testing.T) {
	v := newEndings(t)
	_, key := signKey(t)
	for _, c := range v.table() {
		if c.want != "torn" {
			continue
		}
		path := filepath.Join(t.TempDir(), "x.hxz")
		if err := os.WriteFile(path, c.tail, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		before := open(t, c.tail)
		if n, err := before.Sign(f, key); n != 1 || err != nil {
			t.Errorf("%s: %d signatures, %v", c.name, n, err)
		}
		f.Close()
		p, _ := os.ReadFile(path)
		if r := open(t, p); r.Torn() || len(r.Signatures()) != len(before.Signatures())+1 {
			t.Errorf("%s: signed again, torn %v, %d signatures", c.name, r.Torn(), len(r.Signatures()))
		}
	}
}

// The vectors are files, so that other implementations can use them.
func TestTailVectors(t *testing.T) {
	const dir = "testdata/tails"
	if os.Getenv("HEXZ_NEW_GOLDEN") != "" {
		makeTailVectors(t, dir)
	}
	for _, v := range vectortest.Load(t, dir) {
		if got := readersSay(t, v.Name, v.Input); got != v.Expect {
			t.Errorf("%s: %s, want %s", v.Name, got, v.Expect)
		}
	}
}

func makeTailVectors(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range newEndings(t).table() {
		var b strings.Builder
		fmt.Fprintf(&b, "# After the first trailer of an archive: %s.\nexpect: %s\n", c.name, c.want)
		for p := c.tail; len(p) > 0; p = p[min(32, len(p)):] {
			fmt.Fprintln(&b, hex.EncodeToString(p[:min(32, len(p))]))
		}
		name := strings.ReplaceAll(strings.ReplaceAll(c.name, ",", ""), " ", "-")
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
