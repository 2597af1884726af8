package cli

import (
	"errors"

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
	f.VarP(TextsVar(&i.files), "identity", "i", "open an encrypted archive with the private key in `FILE`, of age or SSH; may be repeated")
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

// Load returns what opens keys with the identities of the files, and with a passphrase. It opens the
// files; hexz-unlock reads them when a key is to be opened, and asks for a passphrase if one is
// needed. If quiet is set and no flags were given, Load returns nil.
func (i *IdentityFlags) Load(env *Env, quiet bool) (seal.Opener, error) {
	if err := i.pass.check(); err != nil {
		return nil, err
	}
	if quiet && !i.Given() {
		return nil, nil
	}
	u := &unlocker{env: env, pass: &i.pass}
	for _, path := range i.files {
		f, err := env.OpenKey(path)
		if err != nil {
			return nil, err
		}
		u.files = append(u.files, f)
	}
	return u, nil
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
