package seal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

// These tests run the programs whose formats the package uses, if they are installed.

// tool returns two functions. run runs a program in a directory of its own, with input on stdin.
// path returns the path of a file in that directory.
func tool(t *testing.T, names ...string) (run func(input, name string, args ...string) string, path func(string) string) {
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

func readText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAge(t *testing.T) {
	run, path := tool(t, "age", "age-keygen")
	run("", "age-keygen", "-o", "key")
	identities, err := ParseIdentities(strings.NewReader(readText(t, path("key"))), noPassphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	to, err := ParseRecipients(strings.NewReader(run("", "age-keygen", "-y", "key")))
	if err != nil {
		t.Fatal(err)
	}
	k := NewFileKey()
	writeFile(t, path("wrapped"), must(Wrap(k, append(to, x25519(t).Recipient()))))
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
			run, path := tool(t, "age", "ssh-keygen")
			run("", "ssh-keygen", "-q", "-t", tc.kind, "-N", tc.pass, "-m", tc.format, "-C", "me@host", "-f", "key")
			ask := noPassphrase(t)
			if tc.pass != "" {
				ask = answer(tc.pass, nil)
			}
			identities, err := ParseIdentities(strings.NewReader(readText(t, path("key"))), ask)
			if err != nil {
				t.Fatal(err)
			}
			to, err := ParseRecipients(strings.NewReader(readText(t, path("key.pub"))))
			if err != nil {
				t.Fatal(err)
			}
			k := NewFileKey()
			wrapped := must(Wrap(k, to))
			if got, err := Unwrap(wrapped, identities); err != nil || got != k {
				t.Error(err)
			}
			wrapped = []byte(run(string(k[:]), "age", "-R", "key.pub"))
			if got, err := Unwrap(wrapped, identities); err != nil || got != k {
				t.Errorf("what age wrapped: %v", err)
			}
			if tc.pass == "" {
				writeFile(t, path("wrapped"), must(Wrap(k, to)))
				if got := run("", "age", "-d", "-i", "key", "wrapped"); got != string(k[:]) {
					t.Errorf("age got %x", got)
				}
			}
		})
	}

	run, path := tool(t, "ssh-keygen")
	run("", "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "ec")
	_, err := ParseIdentities(strings.NewReader(readText(t, path("ec"))), nil)
	checkError(t, err, "not supported")
	_, err = ParseRecipients(strings.NewReader(readText(t, path("ec.pub"))))
	checkError(t, err, "line 1", "ECDSA")
}

func TestMinisign(t *testing.T) {
	run, path := tool(t, "minisign")
	run("", "minisign", "-G", "-W", "-p", "their.pub", "-s", "their.key")
	theirs, err := ParseSecretKey([]byte(readText(t, path("their.key"))), noPassphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	theirPub, err := ParsePublicKey([]byte(readText(t, path("their.pub"))))
	if err != nil || !theirPub.Equal(theirs.Public()) {
		t.Fatalf("public key: %v", err)
	}
	if got := string(must(theirs.Marshal(nil))); got != readText(t, path("their.key")) {
		t.Error("another text for their secret key")
	}
	if got := string(theirPub.Marshal()); theirPub.KeyID()[0] != '0' && got != readText(t, path("their.pub")) {
		t.Errorf("another text for their public key: %q", got)
	}

	pub, k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path("our.key"), must(k.Marshal(nil)))
	writeFile(t, path("our.pub"), pub.Marshal())
	id := [32]byte{1, 2, 3}
	writeFile(t, path("message"), Message(id))
	for _, tc := range []struct {
		name string
		key  SecretKey
	}{{"their", theirs}, {"our", k}} {
		writeFile(t, path("message.minisig"), must(Sign(tc.key, id)))
		run("", "minisign", "-V", "-H", "-p", tc.name+".pub", "-m", "message")
		run("", "minisign", "-V", "-H", "-P", tc.key.Public().String(), "-m", "message")

		run("", "minisign", "-S", "-W", "-s", tc.name+".key", "-m", "message", "-x", "theirs.minisig")
		s, err := ParseSignature([]byte(readText(t, path("theirs.minisig"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.key.Public().Verify(id, s); err != nil {
			t.Error(err)
		}
	}
}

// TestMinisignPassphrase runs minisign's scrypt five times, which takes some seconds and 1 GiB
// of memory each, and far more with the race detector. It runs when HEXZ_SLOW_TESTS is set.
func TestMinisignPassphrase(t *testing.T) {
	if os.Getenv("HEXZ_SLOW_TESTS") == "" {
		t.Skip("slow")
	}
	run, path := tool(t, "minisign")
	run("secret\nsecret\n", "minisign", "-G", "-p", "their.pub", "-s", "their.key")
	text := []byte(readText(t, path("their.key")))
	k, err := ParseSecretKey(text, answer("secret", nil))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path("our.key"), must(k.Marshal([]byte("another"))))
	id := [32]byte{4, 5, 6}
	writeFile(t, path("message"), Message(id))
	run("another\n", "minisign", "-S", "-s", "our.key", "-m", "message")
	s, err := ParseSignature([]byte(readText(t, path("message.minisig"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Public().Verify(id, s); err != nil {
		t.Error(err)
	}
	if _, err := ParseSecretKey(text, answer("wrong", nil)); !errors.Is(err, ErrPassphrase) {
		t.Error(err)
	}
}
