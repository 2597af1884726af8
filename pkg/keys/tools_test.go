package keys

import (
	"strings"
	"testing"

	"filippo.io/age"

	"hexz/internal/keytest"
	"hexz/pkg/seal"
)

func TestAge(t *testing.T) {
	run, path := keytest.Tool(t, "age", "age-keygen")
	run("", "age-keygen", "-o", "key")
	identities, err := ParseIdentities(strings.NewReader(keytest.ReadText(t, path("key"))), keytest.NoPassphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	to, err := ParseRecipients(strings.NewReader(run("", "age-keygen", "-y", "key")))
	if err != nil {
		t.Fatal(err)
	}
	k := seal.NewFileKey()
	keytest.WriteFile(t, path("wrapped"), keytest.Must(Wrap(k, append(to, x25519(t).Recipient()))))
	if got := run("", "age", "-d", "-i", "key", "wrapped"); got != string(k[:]) {
		t.Errorf("age got %x", got)
	}
	wrapped := run(string(k[:]), "age", "-r", identities[0].(*age.X25519Identity).Recipient().String())
	if got, err := Unwrap([]byte(wrapped), identities); err != nil || got != k {
		t.Errorf("what age wrapped: %v", err)
	}
}

func TestSSHKeygen(t *testing.T) {
	for _, tc := range []struct{ name, kind, pass, format string }{
		{"ed25519", "ed25519", "", "RFC4716"},
		{"ed25519 locked", "ed25519", "secret", "RFC4716"},
		{"rsa", "rsa", "", "RFC4716"},
		{"rsa locked", "rsa", "secret", "RFC4716"},
		{"rsa pem", "rsa", "", "PEM"},
		{"rsa pem locked", "rsa", "secret", "PEM"},
		{"rsa pkcs8", "rsa", "", "PKCS8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run, path := keytest.Tool(t, "age", "ssh-keygen")
			run("", "ssh-keygen", "-q", "-t", tc.kind, "-N", tc.pass, "-m", tc.format, "-C", "me@host", "-f", "key")
			ask := keytest.NoPassphrase(t)
			if tc.pass != "" {
				ask = keytest.Answer(tc.pass, nil)
			}
			identities, err := ParseIdentities(strings.NewReader(keytest.ReadText(t, path("key"))), ask)
			if err != nil {
				t.Fatal(err)
			}
			to, err := ParseRecipients(strings.NewReader(keytest.ReadText(t, path("key.pub"))))
			if err != nil {
				t.Fatal(err)
			}
			k := seal.NewFileKey()
			wrapped := keytest.Must(Wrap(k, to))
			if got, err := Unwrap(wrapped, identities); err != nil || got != k {
				t.Error(err)
			}
			wrapped = []byte(run(string(k[:]), "age", "-R", "key.pub"))
			if got, err := Unwrap(wrapped, identities); err != nil || got != k {
				t.Errorf("what age wrapped: %v", err)
			}
			if tc.pass == "" {
				keytest.WriteFile(t, path("wrapped"), keytest.Must(Wrap(k, to)))
				if got := run("", "age", "-d", "-i", "key", "wrapped"); got != string(k[:]) {
					t.Errorf("age got %x", got)
				}
			}
		})
	}

	run, path := keytest.Tool(t, "ssh-keygen")
	run("", "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "ec")
	_, err := ParseIdentities(strings.NewReader(keytest.ReadText(t, path("ec"))), nil)
	keytest.CheckError(t, err, seal.ErrFormat, "not supported")
	_, err = ParseRecipients(strings.NewReader(keytest.ReadText(t, path("ec.pub"))))
	keytest.CheckError(t, err, seal.ErrFormat, "line 1", "ECDSA")
}
