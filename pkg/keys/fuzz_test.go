package keys

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"hexz/internal/keytest"
	"hexz/pkg/seal"
)

func FuzzUnwrap(f *testing.F) {
	keytest.AddVectors(f, "wrap", "file")
	id := keytest.Must(age.ParseX25519Identity(keytest.LoadVector(f, "testdata/vectors/wrap-x25519.txt")["identity"]))
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		kinds, kindsErr := seal.RecipientKinds(wrapped)
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

// FuzzParseStanzas compares the parser of package seal with that of age.
func FuzzParseStanzas(f *testing.F) {
	keytest.AddVectors(f, "wrap", "file")
	for _, s := range []string{
		"age-encryption.org/v1\n-> x\n\n--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n-> x y  z\n\n--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n-> x" + strings.Repeat(" y", 128) + "\n" + strings.Repeat("A", 64) + "\n\n--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n-> x" + strings.Repeat(" y", 129) + "\nAA\n--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n-> x\nA\r\n--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n" + strings.Repeat("-> x\n\n", 1024) + "--- " + strings.Repeat("A", 43) + "\n",
		"age-encryption.org/v1\n" + strings.Repeat("-> x\n\n", 1025) + "--- " + strings.Repeat("A", 43) + "\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		want, wantErr := ageStanzas(file)
		got, err := seal.ParseStanzas(file)
		if (err == nil) != (wantErr == nil) || err != nil && class(err) != "format" || len(got) != len(want) {
			t.Fatalf("%d stanzas, %v; age has %d, %v", len(got), err, len(want), wantErr)
		}
		for i, s := range want {
			if got[i].Type != s.Type || !slices.Equal(got[i].Args, s.Args) {
				t.Fatalf("stanza %d is %v instead of %v", i, got[i], s)
			}
		}
	})
}

func FuzzParseIdentities(f *testing.F) {
	keytest.AddVectors(f, "wrap", "identity")
	keytest.AddVectors(f, "wrap", "file")
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := ParseIdentities(bytes.NewReader(text), keytest.NoAnswer)
		switch {
		case err == nil && len(ids) == 0:
			t.Fatal("neither identities nor an error")
		case err != nil && ids != nil:
			t.Fatal("identities beside of an error")
		case err != nil && !errors.Is(err, keytest.ErrAsked) && class(err) != "format":
			t.Fatal(err)
		}
	})
}

func FuzzParseRecipients(f *testing.F) {
	_, ed := sshPair(ssh.KeyAlgoED25519, "")
	_, rs := sshPair(ssh.KeyAlgoRSA, "")
	for _, s := range []string{
		"# comment\n" + x25519(f).Recipient().String(), keytest.Must(age.GenerateHybridIdentity()).Recipient().String(),
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
