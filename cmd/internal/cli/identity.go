package cli

import (
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"hexz/pkg/index"
	"hexz/pkg/seal"
)

// IdentityFlags are the keys that open an encrypted archive.
type IdentityFlags struct {
	files []string
	pass  PassphraseFlags
}

// AddFlags adds the flags to f.
func (i *IdentityFlags) AddFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&i.files, "identity", "i", nil, "open an encrypted archive with the private key in `FILE`, of age or SSH; may be repeated")
	i.pass.AddFlags(f)
}

// Given reports whether there is a key, or a passphrase.
func (i *IdentityFlags) Given() bool { return len(i.files) > 0 || i.pass.Given() }

// NotePlain returns a function that warns about unencrypted input, or nil if no key was given.
func (i *IdentityFlags) NotePlain(env *Env) func(string) {
	if !i.Given() {
		return nil
	}
	return env.Warn
}

// Load returns the identities: those of the files, and one that asks for the passphrase when it is
// needed. If quiet is set and no flags were given, there are none.
func (i *IdentityFlags) Load(env *Env, quiet bool) ([]age.Identity, error) {
	if err := i.pass.check(); err != nil {
		return nil, err
	}
	if quiet && !i.Given() {
		return nil, nil
	}
	var ids []age.Identity
	for _, path := range i.files {
		more, err := i.load(env, path)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	if len(i.files) == 0 || i.pass.Given() {
		ids = append(ids, &passphraseIdentity{env, i})
	}
	return ids, nil
}

func (i *IdentityFlags) load(env *Env, path string) ([]age.Identity, error) {
	f, err := env.openKey(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := seal.ParseIdentities(f, func() ([]byte, error) { return i.pass.Get(env, path, false) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ids, nil
}

// passphraseIdentity asks for the passphrase when an archive is encrypted with one.
type passphraseIdentity struct {
	env   *Env
	flags *IdentityFlags
}

func (p *passphraseIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if !slices.ContainsFunc(stanzas, func(s *age.Stanza) bool { return s.Type == "scrypt" }) {
		return nil, age.ErrIncorrectIdentity
	}
	pass, err := p.flags.pass.Get(p.env, "the archive", false)
	if err != nil {
		return nil, err
	}
	id, err := seal.PassphraseIdentity(pass)
	if err != nil {
		return nil, err
	}
	key, err := id.Unwrap(stanzas)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, seal.ErrPassphrase
	}
	return key, err
}

// Explain adds to err what the user can do if an archive could not be opened.
func (i *IdentityFlags) Explain(err error) error {
	var other *seal.NoMatchError
	var locked *index.LockedError
	switch {
	case errors.As(err, &other) && i.Given():
		return WithHint(err, "-i takes the private key of one of those it is encrypted for; what only an SSH agent or a hardware key holds cannot be used")
	case errors.As(err, &other), errors.As(err, &locked):
		return WithHint(err, "give the private key of one of these by -i FILE")
	}
	return err
}

// explainLocked adds a hint to a LockedError of a binary that takes no keys.
func explainLocked(err error) error {
	var locked *index.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	return WithHint(err, "put in front: hexz-unseal -i FILE ARCHIVE |")
}
