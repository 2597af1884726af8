package keys

import (
	"fmt"

	"hexz/pkg/seal"

	"filippo.io/age"
)

// MaxWorkFactor is the binary logarithm of the most work that a passphrase may cost: scrypt with N
// = 2^20, 1 GiB of memory and some seconds. The maker of an archive chooses the work factor, and
// without a limit could stall its readers. age itself and this package make keys with 18.
const MaxWorkFactor = 20

// PassphraseRecipient returns the recipient for the passphrase p (scrypt, work factor 18). It can
// only be the sole recipient of a key. An empty passphrase is refused.
func PassphraseRecipient(p []byte) (age.Recipient, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("%w: it is empty", seal.ErrPassphrase)
	}
	return age.NewScryptRecipient(string(p))
}

// PassphraseIdentity returns the identity for keys that are wrapped with the passphrase p, with
// work factors up to MaxWorkFactor. An empty passphrase is refused.
func PassphraseIdentity(p []byte) (age.Identity, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("%w: it is empty", seal.ErrPassphrase)
	}
	id, err := age.NewScryptIdentity(string(p))
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(MaxWorkFactor)
	return id, nil
}
