package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
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
type vector map[string]string

func (v vector) hex(t testing.TB, name string) []byte {
	t.Helper()
	return unhex(t, strings.ReplaceAll(v[name], "\n", ""))
}

func (v vector) base64(t testing.TB, name string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(v[name])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadVector(t testing.TB, file string) vector {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := vector{}
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

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	check := map[string]func(*testing.T, vector) error{"wrap": checkWrap, "frame": checkFrame, "signature": checkSignature}
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			v := loadVector(t, file)
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
	for _, want := range []string{
		"wrap ok", "wrap no match", "wrap wrong passphrase", "wrap format",
		"frame ok", "frame auth", "signature ok", "signature signature", "signature format",
	} {
		if !seen[want] && !t.Failed() {
			t.Errorf("no vector for %q", want)
		}
	}
}

func checkWrap(t *testing.T, v vector) error {
	file := v.base64(t, "file")
	var ids []age.Identity
	if v["identity"] != "" {
		list, err := ParseIdentities(strings.NewReader(v["identity"]), func() ([]byte, error) {
			if v["ask"] == "" {
				return nil, errors.New("asked for a passphrase")
			}
			return []byte(v["ask"]), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, list...)
	}
	if v["passphrase"] != "" {
		id, err := PassphraseIdentity([]byte(v["passphrase"]))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	key, err := Unwrap(file, ids)
	if err == nil && !bytes.Equal(key[:], v.hex(t, "key")) {
		t.Errorf("unwrapped %x", key[:])
	}
	if err != nil && key != (FileKey{}) {
		t.Error("key beside of an error")
	}
	kinds, kindsErr := RecipientKinds(file)
	if got := strings.Join(kinds, " "); got != v["kinds"] {
		t.Errorf("kinds %q (%v), want %q", got, kindsErr, v["kinds"])
	}
	if e, ok := errors.AsType[*NoMatchError](err); ok && strings.Join(e.Kinds, " ") != v["kinds"] {
		t.Errorf("kinds %q in the error, want %q", e.Kinds, v["kinds"])
	}
	return err
}

func checkFrame(t *testing.T, v vector) error {
	seq, err := strconv.ParseUint(v["seq"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCipher(FileKey(v.hex(t, "key")), [32]byte(v.hex(t, "header")), v["domain"])
	plain, sealed := v.hex(t, "plaintext"), v.hex(t, "sealed")
	got, err := c.Open(nil, sealed, seq)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, plain) {
		t.Errorf("opened %x", got)
	}
	if got := c.Seal(nil, plain, seq); !bytes.Equal(got, sealed) {
		t.Errorf("sealed %x", got)
	}
	return nil
}

func checkSignature(t *testing.T, v vector) error {
	k, err := ParsePublicKey([]byte(v["public"]))
	if err != nil {
		t.Fatal(err)
	}
	text := v.base64(t, "signature")
	s, err := ParseSignature(text)
	if err != nil {
		return err
	}
	if !bytes.Equal(s.Marshal(), text) {
		t.Error("another text for the same signature")
	}
	return k.Verify([32]byte(v.hex(t, "id")), s)
}

// save writes a vector if there is none of its name. Values of several lines become several fields.
func save(t *testing.T, name, about string, fields ...string) {
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

// inLines encodes b as base64 of 64 characters a line.
func inLines(b []byte) string {
	s := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(s) > 64 {
		lines, s = append(lines, s[:64]), s[64:]
	}
	return strings.Join(append(lines, s), "\n")
}
