package cmd

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// noise returns bytes without any pattern, the same ones for the same seed.
func noise(n int, seed uint64) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(p)
	return p
}

// makeInputs makes the files that scripts have at $IN.
func makeInputs() error {
	noisy := noise(1048583, 0)
	var records bytes.Buffer
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 20000 {
		fmt.Fprintf(&records, `{"id": %d, "name": "user%d", "mail": "user%[2]d@example.org", "groups": ["staff", "%s"], "quota": %d}`+"\n",
			n, n, []string{"audio", "video", "games"}[rng.IntN(3)], rng.IntN(1<<30))
	}
	files := map[string][]byte{
		"empty": nil,
		"one":   []byte("x"),
		"noise": noisy,
		// Half of it is a repetition, but for its first bytes, so that chunks do not align.
		"twice":        bytes.Join([][]byte{noisy, noisy}, []byte("shift")),
		"records.json": records.Bytes(),
		// Three versions of the same.
		"v0": noisy,
		"v1": changed(noisy, 100000),
		"v2": changed(changed(noisy, 100000), 200000),
	}
	files["old"], files["new"] = alike()
	if err := os.Mkdir(inDir, 0o777); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(inDir, name), content, 0o444); err != nil {
			return err
		}
	}
	if err := makeTree(filepath.Join(inDir, "tree.tar")); err != nil {
		return err
	}
	return makeSparse(filepath.Join(inDir, "sparse"), noisy)
}

// changed returns a copy with 3000 other bytes.
func changed(p []byte, at int) []byte {
	p = bytes.Clone(p)
	copy(p[at:], noise(3000, uint64(at)))
	return p
}

// alike returns a text, and another that differs from it by some bytes in every kilobyte.
func alike() (old, changed []byte) {
	rng := rand.New(rand.NewPCG(2, 2))
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprintf("%0*x", 4+rng.IntN(13), rng.Uint32())
	}
	for range 160000 {
		old = append(append(old, words[rng.IntN(len(words))]...), ' ')
	}
	for at := 0; at < len(old); {
		n := min(400+rng.IntN(1200), len(old)-at)
		changed = append(append(changed, old[at:at+n]...), "changed"...)
		at += n + rng.IntN(9)
	}
	return old, changed
}

// makeTree makes a tar of the sources, for text.
func makeTree(name string) error {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.AddFS(os.DirFS("../pkg")); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o444)
}

// makeSparse makes 8 MiB of data, a hole, data, zeros on disk, data, and a hole at the end.
func makeSparse(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	const block = 64 << 10
	for _, part := range []struct {
		at   int64
		data []byte
	}{
		{0, data[:4*block]},
		{40, data[:2*block]},
		{48, make([]byte, 16*block)},
		{64, data[9*block : 10*block]},
	} {
		if _, err := f.WriteAt(part.data, part.at*block); err != nil {
			return err
		}
	}
	return f.Truncate(8 << 20)
}
