package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	block = 4096
	kib   = 1 << 10
	mib   = 1 << 20
	gib   = 1 << 30
	mb    = 1e6
	gb    = 1e9
)

// random returns numbers that are the same in each run.
func random(seed ...any) *rand.Rand {
	var key [32]byte
	copy(key[:], fmt.Sprint(seed...))
	return rand.New(rand.NewChaCha8(key))
}

func randomBytes(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// filesBelow returns the regular files at or below a path, in order.
func filesBelow(path string) []string {
	var files []string
	check(filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, name)
		}
		return err
	}))
	return files
}

// sizeOf returns the bytes of all files at or below a path.
func sizeOf(path string) (sum int64) {
	for _, name := range filesBelow(path) {
		sum += must(os.Stat(name)).Size()
	}
	return sum
}

// copyTo copies up to n bytes of the files to w.
func copyTo(w io.Writer, n int64, names ...string) {
	for _, name := range names {
		f := must(os.Open(name))
		n -= must(io.Copy(struct{ io.Writer }{w}, io.LimitReader(f, n)))
		f.Close()
	}
}

// warm reads the files, so that they are in the page cache.
func warm(names ...string) { copyTo(io.Discard, 1<<62, names...) }

// compareTo fails if r does not give the content of the file.
func compareTo(r io.Reader, file string) {
	f := must(os.Open(file))
	defer f.Close()
	got, want := make([]byte, mib), make([]byte, mib)
	for at := int64(0); ; at += mib {
		n, err := io.ReadFull(r, got)
		m, end := io.ReadFull(f, want)
		if !bytes.Equal(got[:n], want[:m]) {
			check(fmt.Errorf("what was restored differs from %s in the MiB at byte %d", filepath.Base(file), at))
		}
		if end != nil {
			check(unlessEnd(err), unlessEnd(end))
			return
		}
	}
}

// unlessEnd returns nil for the end of a file.
func unlessEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// repeatFiles writes size bytes: the sources again and again. All bytes of a round are exchanged by the
// same rule, so it is as compressible as the sources, and shares no chunk with them.
func repeatFiles(target string, size int64, sources ...string) {
	out := must(os.Create(target))
	defer out.Close()
	w := &exchanger{w: out}
	for ; w.n < size; w.key += 37 {
		copyTo(w, size-w.n, sources...)
	}
	check(out.Close())
}

// exchanger exchanges each byte for another one.
type exchanger struct {
	w   io.Writer
	key byte
	n   int64 // bytes that were written
}

func (e *exchanger) Write(p []byte) (int, error) {
	p = slices.Clone(p)
	for i := range p {
		p[i] ^= e.key
	}
	n, err := e.w.Write(p)
	e.n += int64(n)
	return n, err
}

// dataBlocks returns the offsets of n random blocks of a file that are not all zero.
func dataBlocks(file string, n int, rng *rand.Rand) []int64 {
	f := must(os.Open(file))
	defer f.Close()
	count := must(f.Stat()).Size() / block
	var offsets []int64
	got, zero := make([]byte, block), make([]byte, block)
	for len(offsets) < n {
		at := rng.Int64N(count) * block
		must(f.ReadAt(got, at))
		if !bytes.Equal(got, zero) {
			offsets = append(offsets, at)
		}
	}
	return offsets
}

// scatter writes random bytes at count places of a file: place returns where, and how many.
func scatter(name string, count int, rng *rand.Rand, place func() (at int64, n int)) {
	f := must(os.OpenFile(name, os.O_WRONLY, 0))
	defer f.Close()
	for range count {
		at, n := place()
		must(f.WriteAt(randomBytes(rng, n), at))
	}
	check(f.Close())
}

func appendTo(name, text string) {
	f := must(os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644))
	defer f.Close()
	must(f.WriteString(text))
	check(f.Close())
}

// lines returns the lines of a text without the empty ones.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

func words(s string) []string { return strings.Fields(s) }
