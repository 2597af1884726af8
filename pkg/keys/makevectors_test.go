package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"hexz/internal/keytest"
	"hexz/pkg/seal"
)

// sshPair returns an SSH private key file, encrypted unless pass is empty, and its public line.
func sshPair(kind, pass string) (private, public string) {
	var key any
	if kind == ssh.KeyAlgoED25519 {
		_, k, err := ed25519.GenerateKey(nil)
		key = keytest.Must(k, err)
	} else {
		key = keytest.Must(rsa.GenerateKey(rand.Reader, 2048))
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if pass != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(pass))
	}
	private = string(pem.EncodeToMemory(keytest.Must(block, err)))
	signer := keytest.Must(ssh.NewSignerFromKey(key))
	return private, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// ageFile encrypts any plaintext.
func ageFile(plain []byte, to ...age.Recipient) []byte {
	var b bytes.Buffer
	w := keytest.Must(age.Encrypt(&b, to...))
	keytest.Must(w.Write(plain))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// scryptWith returns a cheap recipient for tests.
func scryptWith(pass string, work int) *age.ScryptRecipient {
	r := keytest.Must(age.NewScryptRecipient(pass))
	r.SetWorkFactor(work)
	return r
}

// TestMakeVectors makes the missing files when HEXZ_NEW_GOLDEN is set. The files are made once and
// must never change.
func TestMakeVectors(t *testing.T) {
	if os.Getenv("HEXZ_NEW_GOLDEN") == "" {
		t.Skip("makes files")
	}

	k := seal.NewFileKey()
	alice, bob := x25519(t), x25519(t)
	hybrid := keytest.Must(age.GenerateHybridIdentity())
	edKey, edPub := sshPair(ssh.KeyAlgoED25519, "")
	rsaKey, rsaPub := sshPair(ssh.KeyAlgoRSA, "")
	lockedKey, lockedPub := sshPair(ssh.KeyAlgoED25519, "locked")
	ed, rs, locked := keytest.Must(ParseRecipient(edPub)), keytest.Must(ParseRecipient(rsaPub)), keytest.Must(ParseRecipient(lockedPub))

	add := func(name, expect, about, kinds string, file []byte, fields ...string) {
		keytest.Save(t, "wrap-"+name, about, append([]string{"kind", "wrap", "expect", expect, "key", hex.EncodeToString(k[:]),
			"kinds", kinds, "file", keytest.InLines(file)}, fields...)...)
	}
	byAlice := keytest.Must(Wrap(k, []age.Recipient{alice.Recipient()}))
	byPass := keytest.Must(Wrap(k, []age.Recipient{scryptWith("correct horse", 10)}))
	byAll := keytest.Must(Wrap(k, []age.Recipient{bob.Recipient(), rs, ed, alice.Recipient()}))
	byLocked := keytest.Must(Wrap(k, []age.Recipient{locked}))
	const all = "X25519 ssh-rsa ssh-ed25519 X25519"

	add("x25519", "ok", "one native recipient", "X25519", byAlice, "identity", alice.String())
	add("hybrid", "ok", "one post-quantum recipient", "mlkem768x25519", keytest.Must(Wrap(k, []age.Recipient{hybrid.Recipient()})), "identity", hybrid.String())
	add("ssh-ed25519", "ok", "an SSH key of type ssh-ed25519", "ssh-ed25519", keytest.Must(Wrap(k, []age.Recipient{ed})), "identity", edKey)
	add("ssh-rsa", "ok", "an SSH key of type ssh-rsa", "ssh-rsa", keytest.Must(Wrap(k, []age.Recipient{rs})), "identity", rsaKey)
	add("ssh-locked", "ok", "an SSH key with a passphrase", "ssh-ed25519", byLocked, "identity", lockedKey, "ask", "locked")
	add("ssh-locked-wrong", "wrong passphrase", "an SSH key, but not its passphrase", "ssh-ed25519", byLocked, "identity", lockedKey, "ask", "open")
	add("ssh-locked-other", "no match", "an SSH key with a passphrase that is not asked for: it is not a recipient", "ssh-ed25519", keytest.Must(Wrap(k, []age.Recipient{ed})), "identity", lockedKey)
	add("scrypt", "ok", "a passphrase", "passphrase", byPass, "passphrase", "correct horse")
	add("scrypt-wrong", "wrong passphrase", "another passphrase", "passphrase", byPass, "passphrase", "battery staple")
	add("scrypt-identity", "no match", "a passphrase is needed, a native identity is given", "passphrase", byPass, "identity", alice.String())
	add("scrypt-work", "format", "a work factor of 21, one above the limit", "passphrase", bytes.Replace(byPass, []byte(" 10\n"), []byte(" 21\n"), 1), "passphrase", "correct horse")
	add("scrypt-work-huge", "format", "a work factor that no machine can do", "passphrase", bytes.Replace(byPass, []byte(" 10\n"), []byte(" 99999999999999999999\n"), 1), "passphrase", "correct horse")
	add("scrypt-among", "format", "a passphrase among other recipients", "passphrase X25519", withStanza(byPass, byAlice), "identity", alice.String())
	add("several", "ok", "four recipients, of whom the last opens it", all, byAll, "identity", alice.String())
	add("several-ssh", "ok", "four recipients, of whom the one in the middle opens it", all, byAll, "identity", edKey)
	add("identities", "ok", "several identities, of which the last fits", "X25519", byAlice, "identity", "# bob and alice\n"+bob.String()+"\n"+alice.String())
	add("passphrase-unasked", "no match", "a passphrase is given, native identities are needed", "X25519", byAlice, "passphrase", "correct horse")
	add("no-identity", "no match", "no identities", "X25519", byAlice)
	add("other", "no match", "another identity", "X25519", byAlice, "identity", bob.String())
	add("flip-stanza", "no match", "a flipped bit in the share of the only recipient", "X25519", flippedStanza(byAlice), "identity", alice.String())
	add("flip-mac", "format", "a flipped bit in the MAC of the header", "X25519", keytest.Flipped(byAlice, "\n--- ", 12), "identity", alice.String())
	add("flip-payload", "format", "a flipped bit in the payload", "X25519", keytest.Flipped(byAlice, "", 20), "identity", alice.String())
	add("flip-intro", "format", "a flipped bit in the first line", "", keytest.Flipped(byAlice, "age", 3), "identity", alice.String())
	add("args", "format", "a share of kind X25519 with an argument too many", "X25519", bytes.Replace(byAlice, []byte("-> X25519 "), []byte("-> X25519 more "), 1), "identity", alice.String())
	add("cut-header", "format", "ends within the header", "", byAlice[:60], "identity", alice.String())
	add("cut-nonce", "format", "ends with the header", "X25519", byAlice[:len(byAlice)-64], "identity", alice.String())
	add("cut-payload", "format", "the last byte is missing", "X25519", byAlice[:len(byAlice)-1], "identity", alice.String())
	add("trailing", "format", "a byte behind the end", "X25519", append(bytes.Clone(byAlice), 0), "identity", alice.String())
	add("key-31", "format", "a key of 31 bytes", "X25519", ageFile(k[:31], alice.Recipient()), "identity", alice.String())
	add("key-33", "format", "a key of 33 bytes", "X25519", ageFile(append(k[:], 0), alice.Recipient()), "identity", alice.String())
	add("key-none", "format", "a key of no bytes", "X25519", ageFile(nil, alice.Recipient()), "identity", alice.String())
	add("empty", "format", "no bytes at all", "", nil, "identity", alice.String())
	add("not-age", "format", "some other file", "", []byte("\x1f\x8b\x08 this is gzip"), "identity", alice.String())
	add("armor", "format", "an armored file", "", []byte("-----BEGIN AGE ENCRYPTED FILE-----\n"+keytest.InLines(byAlice)+"\n-----END AGE ENCRYPTED FILE-----\n"), "identity", alice.String())
}

// withStanza inserts the stanza of another header after the stanza of an age file.
func withStanza(file, other []byte) []byte {
	end := bytes.Index(file, []byte("\n--- ")) + 1
	from, to := bytes.Index(other, []byte("-> ")), bytes.Index(other, []byte("\n--- "))+1
	return []byte(string(file[:end]) + string(other[from:to]) + string(file[end:]))
}

// flippedStanza flips a bit in the body of the first stanza; the result is still base64.
func flippedStanza(file []byte) []byte {
	body := bytes.IndexByte(file[bytes.Index(file, []byte("-> ")):], '\n') + bytes.Index(file, []byte("-> ")) + 1
	file = bytes.Clone(file)
	if file[body] == 'A' {
		file[body] = 'B'
	} else {
		file[body] = 'A'
	}
	return file
}

// x25519 returns a pair of keys.
func x25519(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
