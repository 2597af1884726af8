package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"aead.dev/minisign"
	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// TestMakeVectors makes the missing files when HEXZ_NEW_GOLDEN is set. The files are made once and
// must never change.
func TestMakeVectors(t *testing.T) {
	if os.Getenv("HEXZ_NEW_GOLDEN") == "" {
		t.Skip("makes files")
	}
	t.Run("wrap", makeWrapVectors)
	t.Run("frame", makeFrameVectors)
	t.Run("signature", makeSignatureVectors)
}

// must returns the value of a call that must not fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sshPair returns an SSH private key file, encrypted unless pass is empty, and its public line.
func sshPair(kind, pass string) (private, public string) {
	var key any
	if kind == ssh.KeyAlgoED25519 {
		_, k, err := ed25519.GenerateKey(nil)
		key = must(k, err)
	} else {
		key = must(rsa.GenerateKey(rand.Reader, 2048))
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if pass != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(pass))
	}
	private = string(pem.EncodeToMemory(must(block, err)))
	signer := must(ssh.NewSignerFromKey(key))
	return private, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// ageFile encrypts any plaintext.
func ageFile(plain []byte, to ...age.Recipient) []byte {
	var b bytes.Buffer
	w := must(age.Encrypt(&b, to...))
	must(w.Write(plain))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// flipped returns b with one bit changed, in the byte n after the start of the first mark. n counts
// from the end of b if mark is empty.
func flipped(b []byte, mark string, n int) []byte {
	b = bytes.Clone(b)
	i := bytes.Index(b, []byte(mark)) + n
	if mark == "" {
		i = len(b) - n
	}
	b[i] ^= 1
	return b
}

// scryptWith returns a cheap recipient for tests.
func scryptWith(pass string, work int) *age.ScryptRecipient {
	r := must(age.NewScryptRecipient(pass))
	r.SetWorkFactor(work)
	return r
}

func makeWrapVectors(t *testing.T) {
	k := NewFileKey()
	alice, bob := x25519(t), x25519(t)
	hybrid := must(age.GenerateHybridIdentity())
	edKey, edPub := sshPair(ssh.KeyAlgoED25519, "")
	rsaKey, rsaPub := sshPair(ssh.KeyAlgoRSA, "")
	lockedKey, lockedPub := sshPair(ssh.KeyAlgoED25519, "locked")
	ed, rs, locked := must(ParseRecipient(edPub)), must(ParseRecipient(rsaPub)), must(ParseRecipient(lockedPub))

	add := func(name, expect, about, kinds string, file []byte, fields ...string) {
		save(t, "wrap-"+name, about, append([]string{"kind", "wrap", "expect", expect, "key", hex.EncodeToString(k[:]),
			"kinds", kinds, "file", inLines(file)}, fields...)...)
	}
	byAlice := must(Wrap(k, []age.Recipient{alice.Recipient()}))
	byPass := must(Wrap(k, []age.Recipient{scryptWith("correct horse", 10)}))
	byAll := must(Wrap(k, []age.Recipient{bob.Recipient(), rs, ed, alice.Recipient()}))
	byLocked := must(Wrap(k, []age.Recipient{locked}))
	const all = "X25519 ssh-rsa ssh-ed25519 X25519"

	add("x25519", "ok", "one native recipient", "X25519", byAlice, "identity", alice.String())
	add("hybrid", "ok", "one post-quantum recipient", "mlkem768x25519", must(Wrap(k, []age.Recipient{hybrid.Recipient()})), "identity", hybrid.String())
	add("ssh-ed25519", "ok", "an SSH key of type ssh-ed25519", "ssh-ed25519", must(Wrap(k, []age.Recipient{ed})), "identity", edKey)
	add("ssh-rsa", "ok", "an SSH key of type ssh-rsa", "ssh-rsa", must(Wrap(k, []age.Recipient{rs})), "identity", rsaKey)
	add("ssh-locked", "ok", "an SSH key with a passphrase", "ssh-ed25519", byLocked, "identity", lockedKey, "ask", "locked")
	add("ssh-locked-wrong", "wrong passphrase", "an SSH key, but not its passphrase", "ssh-ed25519", byLocked, "identity", lockedKey, "ask", "open")
	add("ssh-locked-other", "no match", "an SSH key with a passphrase that is not asked for: it is not a recipient", "ssh-ed25519", must(Wrap(k, []age.Recipient{ed})), "identity", lockedKey)
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
	add("flip-mac", "format", "a flipped bit in the MAC of the header", "X25519", flipped(byAlice, "\n--- ", 12), "identity", alice.String())
	add("flip-payload", "format", "a flipped bit in the payload", "X25519", flipped(byAlice, "", 20), "identity", alice.String())
	add("flip-intro", "format", "a flipped bit in the first line", "", flipped(byAlice, "age", 3), "identity", alice.String())
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
	add("armor", "format", "an armored file", "", []byte("-----BEGIN AGE ENCRYPTED FILE-----\n"+inLines(byAlice)+"\n-----END AGE ENCRYPTED FILE-----\n"), "identity", alice.String())
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

func makeFrameVectors(t *testing.T) {
	var key FileKey
	var header [32]byte
	for i := range key {
		key[i], header[i] = byte(i), byte(0x80+i)
	}
	const seq, domain = 1<<40 + 5, "data"
	frame := func(name, expect, about string, h [32]byte, domain string, seq uint64, plain string, sealed []byte) {
		save(t, "frame-"+name, about, "kind", "frame", "expect", expect, "key", hex.EncodeToString(key[:]),
			"header", hex.EncodeToString(h[:]), "domain", domain, "seq", strconv.FormatUint(seq, 10),
			"plaintext", hex.EncodeToString([]byte(plain)), "sealed", hex.EncodeToString(sealed))
	}
	const plain = "the quick brown fox jumps over the lazy dog"
	c := NewCipher(key, header, domain)
	sealed := c.Seal(nil, []byte(plain), seq)
	other := header
	other[31] ^= 1
	frame("ok", "ok", "a frame", header, domain, seq, plain, sealed)
	frame("first", "ok", "sequence number 0", header, domain, 0, plain, c.Seal(nil, []byte(plain), 0))
	frame("last", "ok", "the greatest sequence number", header, domain, 1<<64-1, plain, c.Seal(nil, []byte(plain), 1<<64-1))
	frame("empty", "ok", "no plaintext", header, domain, seq, "", c.Seal(nil, nil, seq))
	frame("no-domain", "ok", "a domain without a name", header, "", seq, plain, NewCipher(key, header, "").Seal(nil, []byte(plain), seq))
	frame("seq", "auth", "the next sequence number", header, domain, seq+1, plain, sealed)
	frame("seq-high", "auth", "a sequence number with the same low 32 bits", header, domain, 5, plain, sealed)
	frame("header", "auth", "another header", other, domain, seq, plain, sealed)
	frame("domain", "auth", "another domain", header, "index", seq, plain, sealed)
	frame("flip-tag", "auth", "a flipped bit in the tag", header, domain, seq, plain, flipped(sealed, "", 1))
	frame("flip-text", "auth", "a flipped bit in the ciphertext", header, domain, seq, plain, flipped(sealed, "", len(sealed)))
	frame("cut", "auth", "the last byte is missing", header, domain, seq, plain, sealed[:len(sealed)-1])
	frame("cut-short", "auth", "shorter than a tag", header, domain, seq, plain, sealed[:15])
	frame("none", "auth", "no bytes at all", header, domain, seq, plain, nil)
	frame("trailing", "auth", "a byte behind the tag", header, domain, seq, plain, append(bytes.Clone(sealed), 0))
}

func makeSignatureVectors(t *testing.T) {
	pub, k, err := GenerateKey()
	stranger, strange, err2 := GenerateKey()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	var id, other [32]byte
	for i := range id {
		id[i], other[i] = byte(i*7), byte(i*7+1)
	}
	add := func(name, expect, about string, k PublicKey, id [32]byte, sig []byte) {
		save(t, "signature-"+name, about, "kind", "signature", "expect", expect, "public", k.String(),
			"id", hex.EncodeToString(id[:]), "signature", inLines(sig))
	}
	sig := must(Sign(k, id))
	text := string(sig)
	lines := strings.SplitAfter(text, "\n")
	comments := func(untrusted, trusted string) []byte {
		r := minisign.NewReader(bytes.NewReader(Message(id)))
		must(new(bytes.Buffer).ReadFrom(r))
		return r.SignWithComments(k.key, trusted, untrusted)
	}
	digest := id
	foreign := strings.Replace(string(must(Sign(strange, id))), strange.KeyID(), k.KeyID(), 1)

	add("ok", "ok", "a signature", pub, id, sig)
	add("comments", "ok", "other comments, as minisign writes them", pub, id, comments("signature from minisign secret key", "timestamp:1700000000\tfile:message.txt\thashed"))
	add("comment-replaced", "ok", "another untrusted comment, which is not signed", pub, id, []byte("untrusted comment: hello\n"+strings.Join(lines[1:], "")))
	add("other-id", "signature", "of another archive", pub, other, sig)
	add("other-key", "signature", "by another key", stranger, id, sig)
	add("other-key-same-id", "signature", "by another key that claims the same key id", pub, id, withKeyID(t, []byte(foreign), k))
	add("flip-signature", "signature", "a flipped bit in the signature", pub, id, []byte(strings.Replace(text, lines[1], changeBase64(lines[1], 30), 1)))
	add("flip-key-id", "signature", "a flipped bit in the key id", pub, id, []byte(strings.Replace(text, lines[1], changeBase64(lines[1], 5), 1)))
	add("flip-comment", "signature", "a changed trusted comment", pub, id, []byte(strings.Replace(text, "hexz archive", "hexz Archive", 1)))
	add("flip-comment-signature", "signature", "a flipped bit in the signature of the trusted comment", pub, id, []byte(strings.Replace(text, lines[3], changeBase64(lines[3], 30), 1)))
	add("bare-id", "signature", "of the bytes of the id, without the words before it", pub, id, signBytes(k, digest[:]))
	add("legacy", "format", "the legacy form, which signs the message itself", pub, id, minisign.SignWithComments(k.key, Message(id), "timestamp:1700000000", "signature from minisign secret key"))
	add("garbage", "format", "no signature", pub, id, []byte("untrusted comment: no signature\nnor base64\n"))
	add("empty", "format", "no bytes at all", pub, id, nil)
	add("crlf", "format", "lines that end in CR LF", pub, id, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	add("trailing", "format", "a line behind the end", pub, id, []byte(text+"\n"))
	add("no-newline", "format", "no newline at the end", pub, id, []byte(strings.TrimSuffix(text, "\n")))
	add("bits-behind", "format", "base64 with bits behind its end", pub, id, []byte(strings.Replace(text, lines[3], strings.Replace(lines[3], "==\n", "", 1)[:85]+nextBase64(lines[3][85])+"==\n", 1)))
	add("control", "format", "an escape sequence for terminals in a comment", pub, id, comments("signature \x1b[2J", "timestamp:1700000000"))
	add("long", "format", "longer than 4 KiB", pub, id, comments(strings.Repeat("x", 4096), "timestamp:1700000000"))
}

func signBytes(k SecretKey, message []byte) []byte {
	r := minisign.NewReader(bytes.NewReader(message))
	must(new(bytes.Buffer).ReadFrom(r))
	return r.SignWithComments(k.key, "hexz archive", "signature")
}

// withKeyID writes the key id of k into a signature.
func withKeyID(t *testing.T, text []byte, k SecretKey) []byte {
	var s minisign.Signature
	if err := s.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	s.KeyID = k.key.ID()
	return []byte(s.String())
}

// changeBase64 returns a line with the digit at i changed.
func changeBase64(line string, i int) string {
	return line[:i] + nextBase64(line[i]) + line[i+1:]
}

func nextBase64(c byte) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(digits, c)
	if i < 0 {
		panic(fmt.Sprintf("%q is no digit", c))
	}
	return digits[i^1 : i^1+1]
}
