// Package keytest has what the tests of keys, ciphers and signatures share: vectors, other programs,
// passphrases.
package keytest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// NoPassphrase fails a test that asks for a passphrase.
func NoPassphrase(t testing.TB) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Helper()
		t.Error("asked for a passphrase")
		return nil, errors.New("asked")
	}
}

// Answer returns a function that returns p and counts its calls.
func Answer(p string, n *int) func() ([]byte, error) {
	return func() ([]byte, error) {
		if n != nil {
			*n++
		}
		return []byte(p), nil
	}
}

func Unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Tool returns two functions. run runs a program in a directory of its own, with input on stdin.
// path returns the path of a file in that directory.
func Tool(t *testing.T, names ...string) (run func(input, name string, args ...string) string, path func(string) string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	dir := t.TempDir()
	run = func(input, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, args, err, &stderr)
		}
		return string(out)
	}
	return run, func(name string) string { return filepath.Join(dir, name) }
}

func ReadText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func WriteFile(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Must returns the value of a call that Must not fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Flipped returns b with one bit changed, in the byte n after the start of the first mark. n counts
// from the end of b if mark is empty.
func Flipped(b []byte, mark string, n int) []byte {
	b = bytes.Clone(b)
	i := bytes.Index(b, []byte(mark)) + n
	if mark == "" {
		i = len(b) - n
	}
	b[i] ^= 1
	return b
}

// ErrAsked is the error of NoAnswer.
var ErrAsked = errors.New("asked for a passphrase")

// NoAnswer knows no passphrase.
func NoAnswer() ([]byte, error) { return nil, ErrAsked }

// SecretText is no valid key. An error that quotes a part of it reveals itself.
const SecretText = "HEMLIGHEMLIGHEMLIG"

// CheckError checks that err is a sentinel, says some texts, and does not quote SecretText.
func CheckError(t *testing.T, err, sentinel error, want ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("%v instead of %v", err, sentinel)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(strings.ToUpper(err.Error()), SecretText[:6]) {
		t.Errorf("%q quotes its input", err)
	}
}
