package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// MaxWrapped is the greatest length of a wrapped key, in bytes: some 350 recipients of X25519.
const MaxWrapped = 64 << 10

// Wrap returns a binary age file whose plaintext is the 32 bytes of k. Each of the recipients can
// open it; there must be at least one. A passphrase must be the only recipient, and post-quantum
// recipients do not mix with others.
func Wrap(k FileKey, to []age.Recipient) ([]byte, error) {
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
	if b.Len() > MaxWrapped {
		return nil, fmt.Errorf("wrapped key would have %d bytes, with a limit of %d: too many recipients", b.Len(), MaxWrapped)
	}
	return b.Bytes(), nil
}

// Unwrap returns the key in an age file of at most MaxWrapped bytes, without armor. It tries
// identities that may have to ask for a passphrase last. Errors:
//
//   - *NoMatchError: none of the identities fits, or there are none
//   - ErrPassphrase: the key is wrapped with a passphrase, and not with one of the given ones; or
//     the passphrase of an SSH key that fits is wrong
//   - ErrFormat: no age file, damaged, anything but 32 bytes inside, bytes after the file, or more
//     work for a passphrase than MaxWorkFactor
//   - the error of the function that asks for a passphrase
func Unwrap(wrapped []byte, ids []age.Identity) (FileKey, error) {
	stanzas, err := parseStanzas(wrapped)
	if err != nil {
		return FileKey{}, err
	}
	if err := checkScrypt(stanzas); err != nil {
		return FileKey{}, err
	}
	noMatch := &NoMatchError{kinds(stanzas)}
	if len(ids) == 0 {
		return FileKey{}, noMatch
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
		if passphrase && stanzas[0].Type == scryptType {
			return FileKey{}, fmt.Errorf("unwrap the file key: %w", ErrPassphrase)
		}
		return FileKey{}, noMatch
	}
	if fatal != nil {
		return FileKey{}, fatal
	}
	if err != nil {
		return FileKey{}, malformed("wrapped key is damaged: %v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return FileKey{}, malformed("wrapped key is damaged: %v", err)
	}
	if len(plain) != len(FileKey{}) {
		return FileKey{}, malformed("wrapped key has %d bytes instead of %d", len(plain), len(FileKey{}))
	}
	return FileKey(plain), nil
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
		err = malformed("wrapped key is damaged: %v", err)
	}
	*g.fatal = err
	return nil, err
}

// RecipientKinds returns the kind of each recipient of a wrapped key: "X25519", "mlkem768x25519"
// (post-quantum), "ssh-ed25519", "ssh-rsa", "passphrase", or the name that age gives to any other.
// It only parses the key. The only error is ErrFormat.
func RecipientKinds(wrapped []byte) ([]string, error) {
	stanzas, err := parseStanzas(wrapped)
	if err != nil {
		return nil, err
	}
	return kinds(stanzas), nil
}

const scryptType = "scrypt"

func kinds(stanzas []*age.Stanza) []string {
	const limit = 40 // the names of strangers may have any length
	list := []string{}
	for _, s := range stanzas {
		switch {
		case s.Type == scryptType:
			list = append(list, "passphrase")
		case strings.HasSuffix(s.Type, "-grease"):
			// No recipient: other programs add these stanzas so that readers stay tolerant.
		default:
			list = append(list, s.Type[:min(len(s.Type), limit)])
		}
	}
	return list
}

// A probe is an identity that only records the stanzas, because age does not export its parser of
// headers.
type probe struct{ stanzas []*age.Stanza }

func (p *probe) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	p.stanzas = stanzas
	return nil, age.ErrIncorrectIdentity
}

// parseStanzas returns the stanzas of a wrapped key, at least one.
func parseStanzas(wrapped []byte) ([]*age.Stanza, error) {
	if len(wrapped) > MaxWrapped {
		return nil, malformed("wrapped key has %d bytes, with a limit of %d", len(wrapped), MaxWrapped)
	}
	var p probe
	_, err := age.Decrypt(bytes.NewReader(wrapped), &p)
	if len(p.stanzas) == 0 {
		return nil, malformed("wrapped key is no age file: %v", err)
	}
	return p.stanzas, nil
}

// checkScrypt returns an error unless a passphrase is the only recipient, as the specification of
// age demands of all readers, and its work is within the limit.
func checkScrypt(stanzas []*age.Stanza) error {
	for _, s := range stanzas {
		if s.Type != scryptType {
			continue
		}
		if len(stanzas) > 1 {
			return malformed("wrapped key has a passphrase among other recipients")
		}
		if len(s.Args) != 2 {
			return malformed("wrapped key has a malformed recipient of kind passphrase")
		}
		if n, err := strconv.Atoi(s.Args[1]); err != nil || n < 1 || n > MaxWorkFactor {
			return malformed("wrapped key asks for the work factor %.10q, with a limit of %d", s.Args[1], MaxWorkFactor)
		}
	}
	return nil
}
