package seal

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// secretText is no valid key. An error that quotes a part of it reveals itself.
const secretText = "HEMLIGHEMLIGHEMLIG"

func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	if !errors.Is(err, ErrFormat) {
		t.Fatalf("%v is not ErrFormat", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(strings.ToUpper(err.Error()), secretText[:6]) {
		t.Errorf("%q quotes its input", err)
	}
}

// sshLine returns a public key of a type, with any content.
func sshLine(kind string) string {
	blob := ssh.Marshal(struct {
		Kind string
		Rest []byte
	}{kind, make([]byte, 32)})
	return kind + " " + base64.StdEncoding.EncodeToString(blob) + " me@" + secretText
}

func TestParseRecipient(t *testing.T) {
	id := x25519(t)
	hybrid := must(age.GenerateHybridIdentity())
	_, ed := sshPair(ssh.KeyAlgoED25519, "")
	_, rs := sshPair(ssh.KeyAlgoRSA, "")
	for _, s := range []string{id.Recipient().String(), " " + id.Recipient().String() + "\n", hybrid.Recipient().String(), ed, ed + " me@host", rs} {
		if _, err := ParseRecipient(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	edKey, _ := sshPair(ssh.KeyAlgoED25519, "")
	small := must(ssh.NewPublicKey(&must(rsaKey(1024)).PublicKey))
	for _, tc := range []struct{ s, want string }{
		{"", "empty"},
		{secretText, "neither"},
		{"age1" + strings.ToLower(secretText), "malformed age"},
		{"age1pq1" + strings.ToLower(secretText), "malformed age"},
		{"age1yubikey1" + strings.ToLower(secretText), "plugin"},
		{"age1tag1" + strings.ToLower(secretText), "hardware"},
		{"AGE-SECRET-KEY-1" + secretText, "private key"},
		{strings.ToLower("AGE-SECRET-KEY-1" + secretText), "private key"},
		{"AGE-PLUGIN-YUBIKEY-1" + secretText, "private key"},
		{id.String(), "private key"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----", "private key"},
		{edKey, "more than one line"},
		{ed + "\n" + rs, "more than one line"},
		{"ssh-ed25519 " + secretText, "malformed SSH"},
		{"ssh-ed25519 " + rs, "malformed SSH"},
		{"ssh-rsa " + strings.TrimPrefix(ed, "ssh-ed25519 "), "malformed SSH"},
		{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(small))), "too small"},
		{sshLine("sk-ssh-ed25519@openssh.com"), "hardware"},
		{sshLine("sk-ecdsa-sha2-nistp256@openssh.com"), "hardware"},
		{sshLine("ecdsa-sha2-nistp256"), "ECDSA"},
		{sshLine("ssh-dss"), "not supported"},
		{"github:" + secretText, "neither"},
	} {
		_, err := ParseRecipient(tc.s)
		if err == nil {
			t.Errorf("%q is taken", tc.s)
			continue
		}
		checkError(t, err, tc.want)
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
	k := NewFileKey()
	for _, id := range []age.Identity{a, b} {
		if got, err := Unwrap(must(Wrap(k, to)), []age.Identity{id}); err != nil || got != k {
			t.Error(err)
		}
	}
	for _, tc := range []struct{ text, want string }{
		{"", "no recipients"},
		{"# none\n", "no recipients"},
		{"\n#\n" + a.Recipient().String() + "\nAGE-SECRET-KEY-1" + secretText + "\n", "line 4: this is a private key"},
		{secretText, "line 1"},
		{"\xff\xfe", "UTF-8"},
		{strings.Repeat("#", MaxKeyFile+1), "longer"},
		{strings.Repeat("x", MaxKeyFile), "line 1"},
	} {
		to, err := ParseRecipients(strings.NewReader(tc.text))
		if to != nil {
			t.Errorf("%.40q: recipients beside of an error", tc.text)
		}
		checkError(t, err, tc.want)
	}
	broken := errors.New("broken")
	if _, err := ParseRecipients(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}
