package keytest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The vectors are files, so that other implementations can use them. Each tests one thing.
//
// A file has lines "name: value". A name that occurs several times has a value of several lines.
// Lines that begin with # say what the file is about. Fields, besides kind and expect:
//
//	wrap       file (base64), identity (text of an identity file), ask (its passphrase),
//	           passphrase, key (hex), kinds
//	frame      key, header, plaintext, sealed (hex), domain, seq
//	signature  public (text), id (hex), signature (base64)
type Vector map[string]string

func (v Vector) Hex(t testing.TB, name string) []byte {
	t.Helper()
	return Unhex(t, strings.ReplaceAll(v[name], "\n", ""))
}

func (v Vector) Base64(t testing.TB, name string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(v[name])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func LoadVector(t testing.TB, file string) Vector {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := Vector{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s: line %q", file, line)
		}
		value = strings.TrimPrefix(value, " ")
		if before, ok := v[name]; ok {
			value = before + "\n" + value
		}
		v[name] = value
	}
	return v
}

// CheckVectors checks all vectors of testdata by the function of their kind, and compares the class
// of its error with what the vector expects. There has to be one for each wanted "KIND CLASS".
func CheckVectors(t *testing.T, class func(error) string, check map[string]func(*testing.T, Vector) error, wanted ...string) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			v := LoadVector(t, file)
			if check[v["kind"]] == nil {
				t.Fatalf("kind %q", v["kind"])
			}
			err := check[v["kind"]](t, v)
			if got := class(err); got != v["expect"] {
				t.Errorf("got %s (%v), want %s", got, err, v["expect"])
			}
			seen[v["kind"]+" "+v["expect"]] = true
		})
	}
	for _, want := range wanted {
		if !seen[want] && !t.Failed() {
			t.Errorf("no vector for %q", want)
		}
	}
}

// Save writes a vector if there is none of its name. Values of several lines become several fields.
func Save(t *testing.T, name, about string, fields ...string) {
	t.Helper()
	file := filepath.Join("testdata/vectors", name+".txt")
	if _, err := os.Stat(file); err == nil {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", about)
	for i := 0; i < len(fields); i += 2 {
		for line := range strings.SplitSeq(strings.TrimSuffix(fields[i+1], "\n"), "\n") {
			fmt.Fprintln(&b, strings.TrimSuffix(fields[i]+": "+line, " "))
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// InLines encodes b as base64 of 64 characters a line.
func InLines(b []byte) string {
	s := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(s) > 64 {
		lines, s = append(lines, s[:64]), s[64:]
	}
	return strings.Join(append(lines, s), "\n")
}

// AddVectors adds a field of all vectors of a kind to the corpus.
func AddVectors(f *testing.F, kind, field string) {
	files, err := filepath.Glob("testdata/vectors/" + kind + "-*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no vectors")
	}
	for _, file := range files {
		v := LoadVector(f, file)
		if field == "file" || field == "signature" {
			f.Add(v.Base64(f, field))
		} else {
			f.Add([]byte(v[field]))
		}
	}
}
