// Package seal holds the file key of an archive, the AEAD that seals frames under it, and the
// signatures of archive ids.
//
// It knows nothing of frames or files. A file key is wrapped for the readers of the archive in an age
// file (C2SP, age-encryption.org/v1), so age itself opens it. This package only lists for whom that
// is; package keys wraps and opens. Frames are sealed with AES-256-GCM (NIST SP 800-38D) under keys derived by
// HKDF-SHA256 (RFC 5869). Signatures and their keys are those of minisign, which checks them as
// well.
//
// No error and no formatted value of this package holds a secret, nor a part of one.
package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

var (
	// ErrFormat means that the input of a parser is not of its format, is damaged, or is of a kind
	// that this package does not support.
	ErrFormat = errors.New("malformed")

	// ErrPassphrase means that a passphrase is wrong, or that one is needed and there is none.
	ErrPassphrase = errors.New("wrong passphrase")

	// ErrAuth means that a sealed frame does not fit the key, the header, the domain or the place
	// it was read from: the frame is damaged, moved or forged.
	ErrAuth = errors.New("frame fails authentication")

	// ErrSignature means that a signature is not one of this archive id by this key.
	ErrSignature = errors.New("signature does not match")
)

// A NoMatchError means that no identity fits a wrapped key.
type NoMatchError struct {
	// Kinds holds the kind of each recipient, in the order of the wrapped key: see
	// [RecipientKinds].
	Kinds []string
}

func (e *NoMatchError) Error() string {
	kinds := slices.Clone(e.Kinds)
	slices.Sort(kinds)
	return "no identity fits: it is encrypted for " + strings.Join(slices.Compact(kinds), ", ")
}

// A formatError is an ErrFormat that says no more than its text.
type formatError string

func (e formatError) Error() string        { return string(e) }
func (e formatError) Is(target error) bool { return target == ErrFormat }

// Malformed returns an ErrFormat of a text.
func Malformed(format string, args ...any) error {
	return formatError(fmt.Sprintf(format, args...))
}

// WrongPassphrase returns an ErrPassphrase that says what the passphrase is of.
func WrongPassphrase(of string) error { return fmt.Errorf("%s: %w", of, ErrPassphrase) }

// AskPassphrase calls ask, which may be nil, for the passphrase of something that is encrypted.
func AskPassphrase(ask func() ([]byte, error), what string) ([]byte, error) {
	if ask == nil {
		return nil, fmt.Errorf("%s is encrypted: %w: none was given", what, ErrPassphrase)
	}
	p, err := ask()
	if err != nil {
		return nil, fmt.Errorf("passphrase of %s: %w", what, err)
	}
	return p, nil
}

// A FileKey is the secret of one archive. Everything else that seals the archive is derived from
// it. A key must never seal two archives: see [NewCipher].
type FileKey [32]byte

// NewFileKey returns a random key.
func NewFileKey() FileKey {
	var k FileKey
	rand.Read(k[:]) // never fails: see crypto/rand
	return k
}

// Format keeps the key out of messages and logs.
func (FileKey) Format(f fmt.State, _ rune) { io.WriteString(f, "(secret)") }
