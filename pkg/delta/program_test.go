package delta

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// vector is a file of testdata: see docs/format.md.
type vector struct {
	length  int
	bases   [][]byte
	program []byte
	result  []byte // nil if the program is damaged
}

func readVector(t testing.TB, path string) (v vector) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect := ""
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		raw, err := hex.DecodeString(strings.ReplaceAll(value, " ", ""))
		switch name {
		case "expect":
			expect, err = value, nil
		case "length":
			v.length, err = strconv.Atoi(value)
		case "base":
			v.bases = append(v.bases, raw)
		case "program":
			v.program = append(v.program, raw...)
		case "result":
			v.result = append([]byte{}, raw...)
		default:
			t.Fatalf("%s: unknown name %q", path, name)
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
	}
	if (expect == "ok") != (v.result != nil) || expect != "ok" && expect != "corrupt" {
		t.Fatalf("%s expects %q", path, expect)
	}
	return v
}

func vectorFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal("vectors are missing", err)
	}
	return files
}

func TestVectors(t *testing.T) {
	for _, path := range vectorFiles(t) {
		v := readVector(t, path)
		dst := []byte("in front")
		got, err := Apply(dst, v.program, v.bases, v.length)
		switch {
		case v.result == nil && !errors.Is(err, ErrProgram):
			t.Errorf("%s: %q, %v", path, got, err)
		case v.result == nil && string(got) != "in front":
			t.Errorf("%s: an error, and %q", path, got)
		case v.result != nil && (err != nil || string(got) != "in front"+string(v.result)):
			t.Errorf("%s: %q, %v", path, got, err)
		case err == nil:
			checkRuns(t, v.program, v.bases, v.result)
		}
	}
}

// checkRuns compares the runs of Runs with the result of Apply.
func checkRuns(t *testing.T, program []byte, bases [][]byte, result []byte) {
	t.Helper()
	var got []byte
	err := Runs(program, len(result), func(run Run) {
		from := program
		if run.Base != NoBase {
			from = bases[run.Base]
		}
		got = append(got, from[run.Offset:][:run.Len]...)
	})
	if err != nil || !bytes.Equal(got, result) {
		t.Errorf("the runs of %x are of something else: %v", program, err)
	}
}

// A program has no right to the bytes after its bases in memory, and after its room in dst.
func TestApplyStaysInside(t *testing.T) {
	memory := []byte("base and a secret")
	room := []byte("left and right")
	if got, err := Apply(nil, []byte{5<<2 | opCopy}, [][]byte{memory[:4]}, 5); err == nil {
		t.Errorf("read %q", got)
	}
	got, err := Apply(room[:4:4], []byte{4<<2 | opCopy}, [][]byte{memory[:4]}, 4)
	if err != nil || string(got) != "leftbase" || string(room) != "left and right" {
		t.Errorf("%q %v, beside it %q", got, err, room)
	}
}

func FuzzApply(f *testing.F) {
	for _, path := range vectorFiles(f) {
		v := readVector(f, path)
		base := []byte(nil)
		if len(v.bases) > 0 {
			base = v.bases[0]
		}
		f.Add(v.program, base, v.length)
	}
	f.Fuzz(func(t *testing.T, program, base []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		got, err := Apply(nil, program, [][]byte{base, base}, n)
		if err == nil && len(got) != n {
			t.Errorf("%d bytes, want %d", len(got), n)
		}
		if err == nil {
			checkRuns(t, program, [][]byte{base, base}, got)
		}
		if err != nil && (got != nil || !errors.Is(err, ErrProgram)) {
			t.Errorf("%v with %d bytes", err, len(got))
		}
	})
}

func TestSignedNumbers(t *testing.T) {
	for _, skip := range []int64{0, 1, -1, 63, -64, 64, -65, 1 << 20, -1 << 20} {
		base := bytes.Repeat([]byte{1}, 3<<20)
		base[1<<20+1+skip] = 2
		w := writer{}
		w.appendCopy(0, 1<<20, 1) // to have used base 0
		w.appendCopy(0, 1<<20+1+skip, 1)
		got, err := Apply(nil, w.program, [][]byte{base}, 2)
		if err != nil || got[1] != 2 {
			t.Errorf("skip by %d: %v %v", skip, got, err)
		}
	}
}
