package seal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"hexz/internal/keytest"

	"aead.dev/minisign"
)

// TestMakeVectors makes the missing files when HEXZ_NEW_GOLDEN is set. The files are made once and
// must never change.
func TestMakeVectors(t *testing.T) {
	if os.Getenv("HEXZ_NEW_GOLDEN") == "" {
		t.Skip("makes files")
	}
	t.Run("frame", makeFrameVectors)
	t.Run("signature", makeSignatureVectors)
}

func makeFrameVectors(t *testing.T) {
	var key FileKey
	var header [32]byte
	for i := range key {
		key[i], header[i] = byte(i), byte(0x80+i)
	}
	const seq, domain = 1<<40 + 5, "data"
	frame := func(name, expect, about string, h [32]byte, domain string, seq uint64, plain string, sealed []byte) {
		keytest.Save(t, "frame-"+name, about, "kind", "frame", "expect", expect, "key", hex.EncodeToString(key[:]),
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
	frame("flip-tag", "auth", "a flipped bit in the tag", header, domain, seq, plain, keytest.Flipped(sealed, "", 1))
	frame("flip-text", "auth", "a flipped bit in the ciphertext", header, domain, seq, plain, keytest.Flipped(sealed, "", len(sealed)))
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
		keytest.Save(t, "signature-"+name, about, "kind", "signature", "expect", expect, "public", k.String(),
			"id", hex.EncodeToString(id[:]), "signature", keytest.InLines(sig))
	}
	sig := keytest.Must(Sign(k, id))
	text := string(sig)
	lines := strings.SplitAfter(text, "\n")
	comments := func(untrusted, trusted string) []byte {
		r := minisign.NewReader(bytes.NewReader(Message(id)))
		keytest.Must(new(bytes.Buffer).ReadFrom(r))
		return r.SignWithComments(k.key, trusted, untrusted)
	}
	digest := id
	foreign := strings.Replace(string(keytest.Must(Sign(strange, id))), strange.KeyID(), k.KeyID(), 1)

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
	keytest.Must(new(bytes.Buffer).ReadFrom(r))
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
