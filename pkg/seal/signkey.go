package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"
)

// maxText is the greatest length of a key or signature of minisign, in bytes.
const maxText = 4 << 10

const commentPrefix = "untrusted comment: "

// Lengths of the data that minisign encodes in base64: https://jedisct1.github.io/minisign/
const (
	publicLen = 2 + 8 + 32               // "Ed", key id, public key
	secretLen = 2 + 2 + 2 + 32 + 8 + 8 + // "Ed", KDF, checksum algorithm, salt, ops, mem
		8 + 64 + 32 // key id, seed and public key, checksum: these are encrypted
)

// A PublicKey checks signatures. The zero value is of no use.
type PublicKey struct{ key minisign.PublicKey }

// A SecretKey makes signatures. The zero value is of no use.
type SecretKey struct{ key minisign.PrivateKey }

// GenerateKey returns a random pair of keys.
func GenerateKey() (PublicKey, SecretKey, error) {
	pub, priv, err := minisign.GenerateKey(nil)
	return PublicKey{pub}, SecretKey{priv}, err
}

// KeyID returns the id of the key: 16 hexadecimal digits in upper case, as minisign shows it.
// It is a hint for finding the key, no fingerprint.
func (k PublicKey) KeyID() string { return keyID(k.key.ID()) }

// Equal reports whether two keys are the same, in id and key.
func (k PublicKey) Equal(l PublicKey) bool { return k.key.Equal(l.key) }

// String returns the key as one line of base64, which ParsePublicKey takes.
func (k PublicKey) String() string { return k.key.String() }

// Marshal returns the key as a .pub file of minisign.
func (k PublicKey) Marshal() []byte {
	return fmt.Appendf(nil, "%sminisign public key %s\n%s\n", commentPrefix, k.KeyID(), k)
}

// Public returns the key that checks the signatures of k.
func (k SecretKey) Public() PublicKey { return PublicKey{k.key.Public().(minisign.PublicKey)} }

// KeyID returns the id of the public key.
func (k SecretKey) KeyID() string { return keyID(k.key.ID()) }

// Format keeps the key out of messages and logs.
func (SecretKey) Format(f fmt.State, _ rune) { io.WriteString(f, "(secret)") }

// Marshal returns the key as a secret key file of minisign, encrypted with the passphrase (scrypt,
// 1 GiB of memory and some seconds). If passphrase is nil, the file is not encrypted, as from
// minisign -G -W. An empty passphrase that is not nil is refused with ErrPassphrase.
func (k SecretKey) Marshal(passphrase []byte) ([]byte, error) {
	if passphrase == nil {
		text, err := k.key.MarshalText()
		return append(text, '\n'), err
	}
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	text, err := minisign.EncryptKey(string(passphrase), k.key)
	return append(text, '\n'), err
}

// ParsePublicKey parses a .pub file of minisign or only its line of base64, of at most 4 KiB. The
// only error is ErrFormat.
func ParsePublicKey(text []byte) (PublicKey, error) {
	const what = "minisign public key"
	line, raw, err := decodeKey(text, what)
	if err != nil {
		return PublicKey{}, err
	}
	if len(raw) == secretLen {
		return PublicKey{}, Malformed("this is a minisign secret key: give the public key of it")
	}
	var k minisign.PublicKey
	if err := k.UnmarshalText(line); err != nil {
		return PublicKey{}, Malformed("malformed %s", what)
	}
	return PublicKey{k}, nil
}

// ParseSecretKey parses a secret key file of minisign of at most 4 KiB. passphrase, which may be
// nil, is called only if the file is encrypted; its errors are wrapped. A wrong or missing
// passphrase is ErrPassphrase, any other error ErrFormat. Decrypting takes up to 1 GiB of memory,
// as in minisign.
func ParseSecretKey(text []byte, passphrase func() ([]byte, error)) (SecretKey, error) {
	const what = "minisign secret key"
	line, raw, err := decodeKey(text, what)
	if err != nil {
		return SecretKey{}, err
	}
	if len(raw) == publicLen {
		return SecretKey{}, Malformed("this is a minisign public key: give the secret key of it")
	}
	if len(raw) != secretLen || string(raw[:2]) != "Ed" || string(raw[4:6]) != "B2" {
		return SecretKey{}, Malformed("malformed %s", what)
	}

	var k minisign.PrivateKey
	switch string(raw[2:4]) {
	case "\x00\x00":
		// minisign leaves unused fields zero, the checksum too.
		if !allZero(raw[6:54]) || !allZero(raw[126:]) {
			return SecretKey{}, Malformed("malformed %s", what)
		}
		err = k.UnmarshalText(line)
	case "Sc":
		const maxOps, maxMem = 1 << 25, 1 << 30 // the values of minisign
		if binary.LittleEndian.Uint64(raw[38:]) > maxOps || binary.LittleEndian.Uint64(raw[46:]) > maxMem {
			return SecretKey{}, Malformed("%s asks for more work than minisign itself", what)
		}
		var pass []byte
		if pass, err = AskPassphrase(passphrase, what); err != nil {
			return SecretKey{}, err
		}
		// Everything that DecryptKey could reject is checked by now, except for the checksum.
		if k, err = minisign.DecryptKey(string(pass), line); err != nil {
			return SecretKey{}, WrongPassphrase(what)
		}
	default:
		return SecretKey{}, Malformed("%s is encrypted in an unknown way", what)
	}
	if err == nil {
		err = checkPair(k)
	}
	if err != nil {
		return SecretKey{}, Malformed("malformed %s", what)
	}
	return SecretKey{k}, nil
}

// checkPair returns an error unless the halves of a secret key belong together. Signing with a
// public half that an attacker has chosen would reveal the secret half.
func checkPair(k minisign.PrivateKey) error {
	text, err := k.MarshalText()
	if err != nil {
		return err
	}
	_, raw, err := decodeKey(text, "")
	if err != nil {
		return err
	}
	pair := raw[62:126]
	if !bytes.Equal(ed25519.NewKeyFromSeed(pair[:32]), pair) {
		return errors.New("the halves do not belong together")
	}
	return nil
}

// decodeKey returns the line of base64 in a key file, and its bytes.
func decodeKey(text []byte, what string) (line, raw []byte, err error) {
	if len(text) > maxText {
		return nil, nil, Malformed("%s is longer than %d bytes", what, maxText)
	}
	line = bytes.TrimSpace(text)
	if bytes.HasPrefix(line, []byte(commentPrefix)) {
		_, line, _ = bytes.Cut(line, []byte("\n"))
		line = bytes.TrimSpace(line)
	}
	s := string(line)
	if strings.ContainsAny(s, "\r\n") { // base64 would skip these
		return nil, nil, Malformed("malformed %s: more than one line", what)
	}
	raw, err = base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) == 0 {
		return nil, nil, Malformed("malformed %s: no base64", what)
	}
	return line, raw, nil
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }
