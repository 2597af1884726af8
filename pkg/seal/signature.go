package seal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"aead.dev/minisign"
)

// Message returns the text that stands for an archive in signatures, 81 bytes:
//
//	hexz archive v1
//	the id in 64 hexadecimal digits, lower case
//
// Both lines end in a newline. With the text in a file, minisign makes and checks the same
// signatures. The first line keeps them apart from signatures of anything else.
func Message(id [32]byte) []byte { return fmt.Appendf(nil, "hexz archive v1\n%x\n", id) }

// Sign returns the text of a .minisig file with the signature of an archive id: Ed25519 on the
// BLAKE2b-512 of Message(id), minisign's prehashed form. Its trusted comment is "hexz archive " and
// the id. It contains no time: equal arguments give equal signatures.
func Sign(k SecretKey, id [32]byte) ([]byte, error) {
	r := minisign.NewReader(bytes.NewReader(Message(id)))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	trusted := "hexz archive " + hex.EncodeToString(id[:])
	return r.SignWithComments(k.key, trusted, "signature from minisign secret key "+k.KeyID()), nil
}

// A Signature is a parsed .minisig file. The zero value is a signature of nothing.
type Signature struct{ sig minisign.Signature }

// ParseSignature parses the text of a .minisig file of at most 4 KiB. It is strict: it accepts only
// one text for a signature and its comments. Comments with control characters other than tabs are
// refused, and so is the legacy form that signs without hashing. The only error is ErrFormat.
func ParseSignature(text []byte) (Signature, error) {
	if len(text) > maxText {
		return Signature{}, Malformed("signature is longer than %d bytes", maxText)
	}
	var s minisign.Signature
	if err := s.UnmarshalText(text); err != nil || s.String() != string(text) {
		return Signature{}, Malformed("not a signature of minisign")
	}
	if s.Algorithm != minisign.HashEdDSA {
		return Signature{}, Malformed("signature is of minisign's legacy form: it has to be prehashed")
	}
	if !printable(s.UntrustedComment) || !printable(s.TrustedComment) {
		return Signature{}, Malformed("signature has control characters in its comments")
	}
	return Signature{s}, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '\t' && unicode.IsControl(r) // minisign puts tabs into its trusted comments
	})
}

// KeyID returns the id of the key that the signature claims to be from, in the form of
// [PublicKey.KeyID].
func (s Signature) KeyID() string { return keyID(s.sig.KeyID) }

// TrustedComment returns the comment that the key has signed as well. Trust it only after Verify.
func (s Signature) TrustedComment() string { return s.sig.TrustedComment }

// Marshal returns the text that was parsed.
func (s Signature) Marshal() []byte { return []byte(s.sig.String()) }

// Verify checks that s is a signature of the archive id by k, trusted comment included. The comment
// may have any text. The only error is ErrSignature.
func (k PublicKey) Verify(id [32]byte, s Signature) error {
	if s.KeyID() != k.KeyID() {
		return fmt.Errorf("%w: it is from key %s instead of %s", ErrSignature, s.KeyID(), k.KeyID())
	}
	if !minisign.Verify(k.key, Message(id), s.Marshal()) {
		return ErrSignature
	}
	return nil
}
