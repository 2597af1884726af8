package chunker

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"lukechampine.com/blake3"
)

// testKey is the key of the golden files: the bytes 0 to 31.
var testKey = func() []byte {
	key := make([]byte, KeySize)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}()

const testKeyText = "hexz-chunk-key-v1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

func TestKeysMoveCuts(t *testing.T) {
	src := source()[:1<<20]
	cuts := func(key []byte) string {
		return fmt.Sprint(pieces(t, Options{Key: key}, bytes.NewReader(src), src))
	}
	other := bytes.Clone(testKey)
	other[31] ^= 0x80
	seen := map[string]string{}
	for name, key := range map[string][]byte{"none": nil, "a key": testKey, "one of another bit": other, "random": NewKey(), "zeros": make([]byte, KeySize)} {
		list := cuts(key)
		if twin, ok := seen[list]; ok {
			t.Errorf("same cuts for the keys %q and %q", name, twin)
		}
		seen[list] = name
		if list != cuts(bytes.Clone(key)) {
			t.Errorf("%s: other cuts for the same key", name)
		}
	}
}

// The algorithm of the documentation, with the BLAKE3 module alone.
func TestKeyedGearAsDocumented(t *testing.T) {
	var raw [2048]byte
	blake3.DeriveKey(raw[:], "hexz fastcdc-v1 keyed gear table", testKey)
	for i, g := range newGear(testKey) {
		var want uint64
		for j := range 8 {
			want |= uint64(raw[8*i+j]) << (8 * j)
		}
		if g != want {
			t.Fatalf("entry %d: got %#x, want %#x", i, g, want)
		}
	}
}

func TestGoldenKeyedGear(t *testing.T) {
	var got strings.Builder
	for _, g := range newGear(testKey) {
		fmt.Fprintf(&got, "%016x\n", g)
	}
	checkGolden(t, "testdata/gear-v1-keyed.txt", got.String())
}

func TestParamsTellKeysApart(t *testing.T) {
	params := Options{Key: testKey}.Params()
	if got := fmt.Sprintf("%x", params["key-id"]); got != "02e2815bd24b7d04" {
		t.Errorf("the id is %s", got)
	}
	if !Keyed(params) || Keyed((Options{}).Params()) || Keyed(nil) {
		t.Error("Keyed does not tell them apart")
	}
	delete(params, "key-id")
	if want := (Options{}).Params(); fmt.Sprint(params) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", params, want)
	}
	if bytes.Equal(keyID(NewKey()), keyID(NewKey())) {
		t.Error("two keys with one id")
	}
}

func TestParseKey(t *testing.T) {
	line := strings.TrimSuffix(testKeyText, "\n")
	for _, text := range []string{
		line, testKeyText, line + "\r\n", "\n\n" + testKeyText + "\n", "  " + line + "\t\n",
		"# for the backups of shop\n" + line + "# 2nd\n#" + line, "\t# x\r\n" + testKeyText,
		testKeyText + strings.Repeat("#", MaxKeyFile-len(testKeyText)),
	} {
		if key, err := ParseKey([]byte(text)); err != nil || !bytes.Equal(key, testKey) {
			t.Errorf("%q: got %x, %v", text, key, err)
		}
	}
	if got := string(MarshalKey(testKey)); got != testKeyText {
		t.Errorf("got %q, want %q", got, testKeyText)
	}
	encoded := strings.TrimPrefix(line, keyPrefix)
	for name, text := range map[string]string{
		"empty":          "",
		"comment alone":  "# " + line,
		"key alone":      encoded,
		"another file":   "AGE-SECRET-KEY-1" + encoded,
		"version 2":      strings.Replace(line, "v1", "v2", 1),
		"upper case":     strings.Replace(line, "hexz", "HEXZ", 1),
		"prefix alone":   keyPrefix,
		"no space":       strings.Replace(line, "v1 ", "v1", 1),
		"two spaces":     strings.Replace(line, "v1 ", "v1  ", 1),
		"tab":            strings.Replace(line, "v1 ", "v1\t", 1),
		"two keys":       testKeyText + testKeyText,
		"key and text":   testKeyText + "text",
		"text behind":    line + " text",
		"two lines":      line[:30] + "\n" + line[30:],
		"CR inside":      line[:30] + "\r" + line[30:],
		"no padding":     strings.TrimSuffix(line, "="),
		"more padding":   line + "=",
		"trailing bits":  strings.TrimSuffix(line, "8=") + "9=",
		"URL alphabet":   keyPrefix + strings.Repeat("-", 43) + "=",
		"31 bytes":       keyPrefix + base64.StdEncoding.EncodeToString(testKey[:31]),
		"33 bytes":       keyPrefix + base64.StdEncoding.EncodeToString(append(bytes.Clone(testKey), 1)),
		"byte order":     "\ufeff" + line,
		"NUL":            line + "\x00",
		"too long":       testKeyText + strings.Repeat("#", MaxKeyFile-len(testKeyText)+1),
		"one line wider": "hexz-chunk-key-v1\u00a0" + encoded,
	} {
		key, err := ParseKey([]byte(text))
		if err == nil {
			t.Errorf("%s: taken, as %x", name, key)
			continue
		}
		for i := 0; i+8 <= len(encoded); i++ {
			if strings.Contains(err.Error(), encoded[i:i+8]) {
				t.Errorf("%s: the error tells of the key: %v", name, err)
			}
		}
	}
}

// A key that is accepted has one text, and an error never reveals the text.
func FuzzParseKey(f *testing.F) {
	f.Add([]byte(testKeyText))
	f.Add([]byte("# x\r\n " + testKeyText + "#"))
	f.Add([]byte(keyPrefix + strings.Repeat("/", 43) + "="))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKey(text)
		if err != nil {
			if key != nil {
				t.Fatalf("%x with the error %v", key, err)
			}
			return
		}
		line := bytes.TrimSuffix(MarshalKey(key), []byte("\n"))
		if len(key) != KeySize || bytes.Count(text, line) == 0 {
			t.Fatalf("%q is not the text of %s", text, hex.EncodeToString(key))
		}
		if again, err := ParseKey(line); err != nil || !bytes.Equal(again, key) {
			t.Fatalf("%q: got %x, %v, want %x", line, again, err, key)
		}
	})
}
