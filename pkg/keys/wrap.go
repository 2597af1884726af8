package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"hexz/pkg/seal"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Wrapper returns what wraps a file key for recipients, nil for none: see Wrap.
func Wrapper(to ...age.Recipient) seal.Wrapper {
	if len(to) == 0 {
		return nil
	}
	return recipients(to)
}

type recipients []age.Recipient

func (r recipients) WrapKey(k seal.FileKey) ([]byte, error) { return Wrap(k, r) }

// Opener returns what opens file keys with identities, nil for none: see Unwrap.
func Opener(ids ...age.Identity) seal.Opener {
	if len(ids) == 0 {
		return nil
	}
	return identities(ids)
}

type identities []age.Identity

func (ids identities) OpenKey(wrapped []byte) (seal.FileKey, error) { return Unwrap(wrapped, ids) }

// Wrap returns a binary age file whose plaintext is the 32 bytes of k. Each of the recipients can
// open it; there must be at least one. A passphrase must be the only recipient, and post-quantum
// recipients do not mix with others.
func Wrap(k seal.FileKey, to []age.Recipient) ([]byte, error) {
	if len(to) == 0 {
		return nil, errors.New("a key has to be wrapped for somebody: no recipients")
	}
	for _, r := range to {
		if _, ok := r.(*age.ScryptRecipient); ok && len(to) > 1 {
			return nil, errors.New("a passphrase has to be the only recipient")
		}
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return nil, fmt.Errorf("wrap the file key: %w", err)
	}
	if _, err := w.Write(k[:]); err != nil {
		return nil, fmt.Errorf("wrap the file key: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("wrap the file key: %w", err)
	}
	if b.Len() > seal.MaxWrapped {
		return nil, fmt.Errorf("wrapped key would have %d bytes, with a limit of %d: too many recipients", b.Len(), seal.MaxWrapped)
	}
	return b.Bytes(), nil
}

// Unwrap returns the key in an age file of at most seal.MaxWrapped bytes, without armor. It tries
// identities that may have to ask for a passphrase last. Errors:
//
//   - *seal.NoMatchError: none of the identities fits, or there are none
//   - seal.ErrPassphrase: the key is wrapped with a passphrase, and not with one of the given ones; or
//     the passphrase of an SSH key that fits is wrong
//   - seal.ErrFormat: no age file, damaged, anything but 32 bytes inside, bytes after the file, or more
//     work for a passphrase than MaxWorkFactor
//   - the error of the function that asks for a passphrase
func Unwrap(wrapped []byte, ids []age.Identity) (seal.FileKey, error) {
	kinds, err := seal.RecipientKinds(wrapped)
	if err != nil {
		return seal.FileKey{}, err
	}
	stanzas, err := seal.ParseStanzas(wrapped)
	if err == nil {
		err = checkScrypt(stanzas)
	}
	if err != nil {
		return seal.FileKey{}, err
	}
	noMatch := &seal.NoMatchError{Kinds: kinds}
	if len(ids) == 0 {
		return seal.FileKey{}, noMatch
	}

	passphrase := false
	var fatal error
	guarded := make([]age.Identity, len(ids))
	for i, id := range ids {
		_, ok := id.(*age.ScryptIdentity)
		passphrase = passphrase || ok
		guarded[i] = &guard{id, &fatal}
	}
	slices.SortStableFunc(guarded, func(a, b age.Identity) int {
		return asks(a.(*guard).id) - asks(b.(*guard).id)
	})

	r, err := age.Decrypt(bytes.NewReader(wrapped), guarded...)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		if passphrase && stanzas[0].Type == seal.Scrypt {
			return seal.FileKey{}, fmt.Errorf("unwrap the file key: %w", seal.ErrPassphrase)
		}
		return seal.FileKey{}, noMatch
	}
	if fatal != nil {
		return seal.FileKey{}, fatal
	}
	if err != nil {
		return seal.FileKey{}, seal.Malformed("wrapped key is damaged: %v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return seal.FileKey{}, seal.Malformed("wrapped key is damaged: %v", err)
	}
	if len(plain) != len(seal.FileKey{}) {
		return seal.FileKey{}, seal.Malformed("wrapped key has %d bytes instead of %d", len(plain), len(seal.FileKey{}))
	}
	return seal.FileKey(plain), nil
}

// asks returns 1 for an identity that may ask for a passphrase, else 0.
func asks(id age.Identity) int {
	if _, ok := id.(*lockedSSH); ok {
		return 1
	}
	return 0
}

// A guard stores in fatal the error with which an identity ends the search. Errors of the identity
// types that are known here come from malformed stanzas.
type guard struct {
	id    age.Identity
	fatal *error
}

func (g *guard) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	key, err := g.id.Unwrap(stanzas)
	if err == nil || errors.Is(err, age.ErrIncorrectIdentity) {
		return key, err
	}
	switch g.id.(type) {
	case *age.X25519Identity, *age.HybridIdentity, *age.ScryptIdentity, *agessh.Ed25519Identity, *agessh.RSAIdentity:
		err = seal.Malformed("wrapped key is damaged: %v", err)
	}
	*g.fatal = err
	return nil, err
}

// checkScrypt returns an error unless a passphrase is the only recipient, as the specification of
// age demands of all readers, and its work is within the limit.
func checkScrypt(stanzas []seal.Stanza) error {
	for _, s := range stanzas {
		if s.Type != seal.Scrypt {
			continue
		}
		if len(stanzas) > 1 {
			return seal.Malformed("wrapped key has a passphrase among other recipients")
		}
		if len(s.Args) != 2 {
			return seal.Malformed("wrapped key has a malformed recipient of kind passphrase")
		}
		if n, err := strconv.Atoi(s.Args[1]); err != nil || n < 1 || n > MaxWorkFactor {
			return seal.Malformed("wrapped key asks for the work factor %.10q, with a limit of %d", s.Args[1], MaxWorkFactor)
		}
	}
	return nil
}
