package seal

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// For any hostile input a decoder neither panics nor returns an error that callers cannot tell from
// others. No target runs scrypt: nobody knows a passphrase here.

var errAsked = errors.New("asked for a passphrase")

func noAnswer() ([]byte, error) { return nil, errAsked }

// addVectors adds a field of all vectors of a kind to the corpus.
func addVectors(f *testing.F, kind, field string) {
	files, err := filepath.Glob("testdata/vectors/" + kind + "-*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no vectors")
	}
	for _, file := range files {
		v := loadVector(f, file)
		if field == "file" || field == "signature" {
			f.Add(v.base64(f, field))
		} else {
			f.Add([]byte(v[field]))
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	addVectors(f, "wrap", "file")
	id := must(age.ParseX25519Identity(loadVector(f, "testdata/vectors/wrap-x25519.txt")["identity"]))
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		kinds, kindsErr := RecipientKinds(wrapped)
		_, err := Unwrap(wrapped, []age.Identity{id})
		switch class(err) {
		case "ok", "no match":
			if kindsErr != nil {
				t.Fatalf("no kinds of what unwraps: %v", kindsErr)
			}
		case "format":
			if (kindsErr != nil) != (kinds == nil) {
				t.Fatal("kinds beside of an error")
			}
		default:
			t.Fatal(err)
		}
		if kindsErr != nil && class(kindsErr) != "format" {
			t.Fatal(kindsErr)
		}
	})
}

func FuzzParseIdentities(f *testing.F) {
	addVectors(f, "wrap", "identity")
	addVectors(f, "wrap", "file")
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := ParseIdentities(bytes.NewReader(text), noAnswer)
		switch {
		case err == nil && len(ids) == 0:
			t.Fatal("neither identities nor an error")
		case err != nil && ids != nil:
			t.Fatal("identities beside of an error")
		case err != nil && !errors.Is(err, errAsked) && class(err) != "format":
			t.Fatal(err)
		}
	})
}

func FuzzParseRecipients(f *testing.F) {
	_, ed := sshPair(ssh.KeyAlgoED25519, "")
	_, rs := sshPair(ssh.KeyAlgoRSA, "")
	for _, s := range []string{
		"# comment\n" + x25519(f).Recipient().String(), must(age.GenerateHybridIdentity()).Recipient().String(),
		ed, rs, sshLine("sk-ssh-ed25519@openssh.com"), "age1name1xyz", "AGE-SECRET-KEY-1XYZ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		to, err := ParseRecipients(bytes.NewReader(text))
		switch {
		case err != nil && (to != nil || class(err) != "format"):
			t.Fatal(err)
		case err == nil && len(to) == 0:
			t.Fatal("neither recipients nor an error")
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	addVectors(f, "signature", "public")
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
	f.Add(must(k.Marshal(nil)))
	f.Add([]byte(lock(k, "pw", 1<<15, 1<<20, 1<<10, 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseSecretKey(text, noAnswer)
		if err != nil {
			if !errors.Is(err, errAsked) && class(err) != "format" {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseSecretKey(must(k.Marshal(nil)), noAnswer)
		if err != nil || !again.key.Equal(k.key) {
			t.Fatal(err)
		}
	})
}

// FuzzParseSignature checks that a signature has only one text.
func FuzzParseSignature(f *testing.F) {
	addVectors(f, "signature", "signature")
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
