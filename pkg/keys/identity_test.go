package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"hexz/internal/keytest"
	"hexz/pkg/seal"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
)

// encrypted returns an age file that is encrypted with a cheap passphrase.
func encrypted(text, pass string) string {
	return string(ageFile([]byte(text), scryptWith(pass, 10)))
}

func armored(file string) string {
	var b strings.Builder
	w := armor.NewWriter(&b)
	keytest.Must(io.WriteString(w, file))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestParseIdentities(t *testing.T) {
	id, hybrid := x25519(t), keytest.Must(age.GenerateHybridIdentity())
	edKey, edPub := sshPair(ssh.KeyAlgoED25519, "")
	rsaPrivate := keytest.Must(rsaKey(2048))
	rsaPub := string(ssh.MarshalAuthorizedKey(keytest.Must(ssh.NewPublicKey(&rsaPrivate.PublicKey))))
	rsaOld := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaPrivate)}))
	rsaPKCS8 := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keytest.Must(x509.MarshalPKCS8PrivateKey(rsaPrivate))}))
	//lint:ignore SA1019 OpenSSH made such keys, and people have them
	block := keytest.Must(x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaPrivate), []byte("pw"), x509.PEMCipherAES128))
	rsaOldLocked := string(pem.EncodeToMemory(block))
	lockedKey, lockedPub := sshPair(ssh.KeyAlgoED25519, "pw")
	lockedRSA, lockedRSAPub := sshPair(ssh.KeyAlgoRSA, "pw")
	x := id.Recipient().String()

	for _, tc := range []struct {
		name, text, recipient string
		atParse, atUnwrap     int // how often the passphrase is asked for
	}{
		{"age", "# created: today\n# public key: " + x + "\n" + id.String() + "\n", x, 0, 0},
		{"age crlf", id.String() + "\r\n\r\n", x, 0, 0},
		{"hybrid", hybrid.String(), hybrid.Recipient().String(), 0, 0},
		{"age encrypted", encrypted(id.String()+"\n", "pw"), x, 1, 0},
		{"age armored", "\n" + armored(encrypted(id.String()+"\n", "pw")) + "\n", x, 1, 0},
		{"ssh-ed25519", edKey, edPub, 0, 0},
		{"ssh-ed25519 encrypted by age", encrypted(edKey, "pw"), edPub, 1, 0},
		{"ssh-rsa pkcs1", rsaOld, rsaPub, 0, 0},
		{"ssh-rsa pkcs8", rsaPKCS8, rsaPub, 0, 0},
		{"ssh-rsa pkcs1 locked", rsaOldLocked, rsaPub, 1, 0},
		{"ssh-ed25519 locked", lockedKey, lockedPub, 0, 1},
		{"ssh-rsa locked", lockedRSA, lockedRSAPub, 0, 1},
		{"ssh locked, not needed", lockedKey, "", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := 0
			ids, err := ParseIdentities(strings.NewReader(tc.text), keytest.Answer("pw", &asked))
			if err != nil {
				t.Fatal(err)
			}
			if asked != tc.atParse {
				t.Errorf("asked %d times by parsing", asked)
			}
			k := seal.NewFileKey()
			to := []age.Recipient{x25519(t).Recipient()}
			if tc.recipient == "" {
				_, err := Unwrap(keytest.Must(Wrap(k, to)), ids)
				if class(err) != "no match" || asked != 0 {
					t.Errorf("asked %d times, %v", asked, err)
				}
				return
			}
			to = append(to, keytest.Must(ParseRecipient(tc.recipient)))
			if strings.HasPrefix(tc.recipient, "age1pq1") {
				to = to[1:]
			}
			for range 2 { // the second time the passphrase is known
				got, err := Unwrap(keytest.Must(Wrap(k, to)), ids)
				if err != nil || got != k {
					t.Fatal(err)
				}
			}
			if asked != tc.atParse+tc.atUnwrap {
				t.Errorf("asked %d times", asked)
			}
		})
	}

	wrong := keytest.Answer("wp", nil)
	broken := func() ([]byte, error) { return nil, io.ErrClosedPipe }
	for name, text := range map[string]string{"age": encrypted(id.String(), "pw"), "pem": rsaOldLocked, "ssh": lockedKey} {
		for _, tc := range []struct {
			ask    func() ([]byte, error)
			expect error
		}{{wrong, seal.ErrPassphrase}, {nil, seal.ErrPassphrase}, {keytest.Answer("", nil), seal.ErrPassphrase}, {broken, io.ErrClosedPipe}} {
			ids, err := ParseIdentities(strings.NewReader(text), tc.ask)
			if name == "ssh" {
				if err != nil {
					t.Fatal(err)
				}
				_, err = Unwrap(keytest.Must(Wrap(seal.FileKey{}, []age.Recipient{keytest.Must(ParseRecipient(lockedPub))})), ids)
			}
			if !errors.Is(err, tc.expect) {
				t.Errorf("%s: %v instead of %v", name, err, tc.expect)
			}
		}
	}
}

// TestLockedComesLast checks that nobody is asked if another key fits.
func TestLockedComesLast(t *testing.T) {
	id := x25519(t)
	lockedKey, lockedPub := sshPair(ssh.KeyAlgoED25519, "pw")
	locked := keytest.Must(ParseIdentities(strings.NewReader(lockedKey), keytest.NoPassphrase(t)))
	wrapped := keytest.Must(Wrap(seal.FileKey{1}, []age.Recipient{keytest.Must(ParseRecipient(lockedPub)), id.Recipient()}))
	if k, err := Unwrap(wrapped, append(locked, id)); err != nil || k != (seal.FileKey{1}) {
		t.Error(err)
	}
}

func TestParseIdentitiesErrors(t *testing.T) {
	id := x25519(t)
	edKey, edPub := sshPair(ssh.KeyAlgoED25519, "")
	ec := keytest.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ecKey := string(pem.EncodeToMemory(keytest.Must(ssh.MarshalPrivateKey(ec, ""))))
	ecLocked := string(pem.EncodeToMemory(keytest.Must(ssh.MarshalPrivateKeyWithPassphrase(ec, "", []byte("pw")))))
	block := func(kind, content string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)}))
	}
	toKey := string(ageFile([]byte(id.String()), id.Recipient()))
	hard := strings.Replace(encrypted(id.String(), "pw"), " 10\n", " 21\n", 1)
	pub, sec, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ text, want string }{
		{"", "no identities"},
		{"# nothing\n", "no identities"},
		{id.String() + "\n" + keytest.SecretText, "line 2: neither"},
		{"AGE-SECRET-KEY-1" + keytest.SecretText, "line 1: malformed age secret key"},
		{"AGE-SECRET-KEY-PQ-1" + keytest.SecretText, "malformed age secret key"},
		{"AGE-PLUGIN-YUBIKEY-1" + keytest.SecretText, "plugin"},
		{"\n" + id.Recipient().String(), "line 2: this is a public key"},
		{edPub, "this is a public key"},
		{sshLine("sk-ssh-ed25519@openssh.com"), "this is a public key"},
		{"---- BEGIN SSH2 PUBLIC KEY ----\n", "this is a public key"},
		{block("PUBLIC KEY", keytest.SecretText), "this is a public key"},
		{block("CERTIFICATE", keytest.SecretText), "another type"},
		{block("OPENSSH PRIVATE KEY", keytest.SecretText), "malformed SSH"},
		{block("OPENSSH PRIVATE KEY", "openssh-key-v1\x00 sk-ssh-ed25519@openssh.com"), "hardware"},
		{block("ENCRYPTED PRIVATE KEY", keytest.SecretText), "PKCS #8"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\n" + keytest.SecretText, "malformed SSH"},
		{edKey + edKey, "one key a file"},
		{ecKey, "not supported"},
		{ecLocked, "ECDSA"},
		{toKey, "instead of by a passphrase"},
		{armored(toKey), "instead of by a passphrase"},
		{hard, "work factor"},
		{toKey[:40], "damaged"},
		{strings.Replace(armored(toKey), "\n", "\n!", 1), "armor"},
		{string(pub.Marshal()), "minisign"},
		{string(keytest.Must(sec.Marshal(nil))), "minisign"},
		{strings.Repeat("#", MaxKeyFile+1), "longer"},
		{"\xff\xfe", "UTF-8"},
	} {
		ids, err := ParseIdentities(strings.NewReader(tc.text), keytest.NoPassphrase(t))
		if ids != nil || err == nil {
			t.Errorf("%.40q is taken", tc.text)
			continue
		}
		keytest.CheckError(t, err, seal.ErrFormat, tc.want)
	}
	if _, err := ParseIdentities(strings.NewReader(encrypted(encrypted(id.String(), "pw"), "pw")), keytest.Answer("pw", nil)); class(err) != "format" {
		t.Errorf("encrypted twice: %v", err)
	}
	damaged := []byte(encrypted(id.String(), "pw"))
	damaged[len(damaged)-1] ^= 1
	if _, err := ParseIdentities(bytes.NewReader(damaged), keytest.Answer("pw", nil)); class(err) != "format" {
		t.Errorf("damaged: %v", err)
	}
	if _, err := ParseIdentities(iotest.ErrReader(io.ErrClosedPipe), nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestSwappedPublicKey puts another public key before an encrypted private one.
func TestSwappedPublicKey(t *testing.T) {
	key, public := sshPair(ssh.KeyAlgoED25519, "pw")
	_, other := sshPair(ssh.KeyAlgoED25519, "")
	blob := func(line string) []byte {
		return keytest.Must(base64.StdEncoding.DecodeString(strings.Fields(line)[1]))
	}
	block, _ := pem.Decode([]byte(key))
	block.Bytes = bytes.Replace(block.Bytes, blob(public), blob(other), 1)
	ids, err := ParseIdentities(bytes.NewReader(pem.EncodeToMemory(block)), keytest.Answer("pw", nil))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Unwrap(keytest.Must(Wrap(seal.FileKey{}, []age.Recipient{keytest.Must(ParseRecipient(other))})), ids)
	keytest.CheckError(t, err, seal.ErrFormat, "does not fit")
}
