package seal

import (
	"bytes"
	"errors"
	"testing"

	"hexz/internal/keytest"
)

// For any hostile input a decoder neither panics nor returns an error that callers cannot tell from
// others. No target runs scrypt: nobody knows a passphrase here.

func FuzzParsePublicKey(f *testing.F) {
	keytest.AddVectors(f, "signature", "public")
	f.Add([]byte("untrusted comment: minisign public key\nRWQ="))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParsePublicKey(text)
		if err != nil {
			if class(err) != "format" {
				t.Fatal(err)
			}
			return
		}
		again, err := ParsePublicKey(k.Marshal())
		if err != nil || !again.Equal(k) || !bytes.Contains(text, []byte(k.String())) {
			t.Fatalf("marshals to %q, %v", k.Marshal(), err)
		}
	})
}

func FuzzParseSecretKey(f *testing.F) {
	_, k, err := GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(keytest.Must(k.Marshal(nil)))
	f.Add([]byte(lock(k, "pw", 1<<15, 1<<20, 1<<10, 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseSecretKey(text, keytest.NoAnswer)
		if err != nil {
			if !errors.Is(err, keytest.ErrAsked) && class(err) != "format" {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseSecretKey(keytest.Must(k.Marshal(nil)), keytest.NoAnswer)
		if err != nil || !again.key.Equal(k.key) {
			t.Fatal(err)
		}
	})
}

// FuzzParseSignature checks that a signature has only one text.
func FuzzParseSignature(f *testing.F) {
	keytest.AddVectors(f, "signature", "signature")
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSignature(text)
		if err != nil {
			if class(err) != "format" {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(s.Marshal(), text) {
			t.Fatalf("%q became %q", text, s.Marshal())
		}
	})
}
