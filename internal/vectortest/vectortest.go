// Package vectortest loads test vectors.
//
// A vector is a text file: comment lines that begin with #, a line "expect: CLASS", and the input
// in lines of hexadecimal digits. The class is the outcome that every reader must have: ok,
// corrupt, truncated or aborted.
package vectortest

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Vector is an input with the expected outcome of a reader.
type Vector struct {
	Name   string // of the file, without .txt
	Expect string
	Input  []byte
}

// Load reads all vectors of a directory. There must be at least one.
func Load(t testing.TB, dir string) []Vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	var all []Vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := Vector{Name: strings.TrimSuffix(filepath.Base(file), ".txt")}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if class, ok := strings.CutPrefix(line, "expect: "); ok {
				v.Expect = class
			} else if !strings.HasPrefix(line, "#") {
				p, err := hex.DecodeString(line)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				v.Input = append(v.Input, p...)
			}
		}
		if v.Expect == "" {
			t.Fatalf("%s: no line \"expect:\"", file)
		}
		all = append(all, v)
	}
	return all
}
