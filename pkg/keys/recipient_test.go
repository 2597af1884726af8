package keys

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"hexz/internal/keytest"
	"hexz/pkg/seal"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// sshLine returns a public key of a type, with any content.
func sshLine(kind string) string {
	blob := ssh.Marshal(struct {
		Kind string
		Rest []byte
	}{kind, make([]byte, 32)})
	return kind + " " + base64.StdEncoding.EncodeToString(blob) + " me@" + keytest.SecretText
}

func TestParseRecipient(t *testing.T) {
	id := x25519(t)
	hybrid := keytest.Must(age.GenerateHybridIdentity())
	_, ed := sshPair(ssh.KeyAlgoED25519, "")
	_, rs := sshPair(ssh.KeyAlgoRSA, "")
	for _, s := range []string{id.Recipient().String(), " " + id.Recipient().String() + "\n", hybrid.Recipient().String(), ed, ed + " me@host", rs} {
		if _, err := ParseRecipient(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	edKey, _ := sshPair(ssh.KeyAlgoED25519, "")
	small := keytest.Must(ssh.NewPublicKey(&keytest.Must(rsaKey(1024)).PublicKey))
	for _, tc := range []struct{ s, want string }{
		{"", "empty"},
		{keytest.SecretText, "neither"},
		{"age1" + strings.ToLower(keytest.SecretText), "malformed age"},
		{"age1pq1" + strings.ToLower(keytest.SecretText), "malformed age"},
		{"age1yubikey1" + strings.ToLower(keytest.SecretText), "plugin"},
		{"age1tag1" + strings.ToLower(keytest.SecretText), "hardware"},
		{"AGE-SECRET-KEY-1" + keytest.SecretText, "private key"},
		{strings.ToLower("AGE-SECRET-KEY-1" + keytest.SecretText), "private key"},
		{"AGE-PLUGIN-YUBIKEY-1" + keytest.SecretText, "private key"},
		{id.String(), "private key"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----", "private key"},
		{edKey, "more than one line"},
		{ed + "\n" + rs, "more than one line"},
		{"ssh-ed25519 " + keytest.SecretText, "malformed SSH"},
		{"ssh-ed25519 " + rs, "malformed SSH"},
		{"ssh-rsa " + strings.TrimPrefix(ed, "ssh-ed25519 "), "malformed SSH"},
		{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(small))), "too small"},
		{sshLine("sk-ssh-ed25519@openssh.com"), "hardware"},
		{sshLine("sk-ecdsa-sha2-nistp256@openssh.com"), "hardware"},
		{sshLine("ecdsa-sha2-nistp256"), "ECDSA"},
		{sshLine("ssh-dss"), "not supported"},
		{"github:" + keytest.SecretText, "neither"},
	} {
		_, err := ParseRecipient(tc.s)
		if err == nil {
			t.Errorf("%q is taken", tc.s)
			continue
		}
		keytest.CheckError(t, err, seal.ErrFormat, tc.want)
	}
}

func rsaKey(bits int) (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, bits)
}

func TestParseRecipients(t *testing.T) {
	a, b := x25519(t), x25519(t)
	text := "# public key: somebody\r\n" + a.Recipient().String() + "\r\n\n  # more\n" + b.Recipient().String()
	to, err := ParseRecipients(strings.NewReader(text))
	if err != nil || len(to) != 2 {
		t.Fatalf("%d recipients, %v", len(to), err)
	}
	k := seal.NewFileKey()
	for _, id := range []age.Identity{a, b} {
		if got, err := Unwrap(keytest.Must(Wrap(k, to)), []age.Identity{id}); err != nil || got != k {
			t.Error(err)
		}
	}
	for _, tc := range []struct{ text, want string }{
		{"", "no recipients"},
		{"# none\n", "no recipients"},
		{"\n#\n" + a.Recipient().String() + "\nAGE-SECRET-KEY-1" + keytest.SecretText + "\n", "line 4: this is a private key"},
		{keytest.SecretText, "line 1"},
		{"\xff\xfe", "UTF-8"},
		{strings.Repeat("#", MaxKeyFile+1), "longer"},
		{strings.Repeat("x", MaxKeyFile), "line 1"},
	} {
		to, err := ParseRecipients(strings.NewReader(tc.text))
		if to != nil {
			t.Errorf("%.40q: recipients beside of an error", tc.text)
		}
		keytest.CheckError(t, err, seal.ErrFormat, tc.want)
	}
	broken := errors.New("broken")
	if _, err := ParseRecipients(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}
