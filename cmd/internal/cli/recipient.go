package cli

import (
	"fmt"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"hexz/pkg/seal"
)

// RecipientFlags name those who can open the archive that is made.
type RecipientFlags struct {
	Passphrase  bool // encrypt with a passphrase
	keys, files []string
}

// AddFlags adds the flags to f. PassphraseFlags has the flags for the passphrase itself.
func (r *RecipientFlags) AddFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&r.keys, "recipient", "r", nil, "encrypt to the public `KEY`: age1..., ssh-ed25519 ... or ssh-rsa ...; may be repeated")
	f.StringArrayVarP(&r.files, "recipients-file", "R", nil, "encrypt to the public keys in `FILE`, one a line, such as a .pub file of SSH; may be repeated")
	f.BoolVarP(&r.Passphrase, "passphrase", "p", false, "encrypt with a passphrase")
}

// Load returns the recipients. Without -r, -R and -p there are none.
func (r *RecipientFlags) Load(env *Env, pass *PassphraseFlags) ([]age.Recipient, error) {
	var to []age.Recipient
	for _, s := range r.keys {
		k, err := seal.ParseRecipient(s)
		if err != nil {
			return nil, WithHint(Usagef("-r: %w", err), "-r takes the key itself, -R the name of a file")
		}
		to = append(to, k)
	}
	for _, path := range r.files {
		more, err := r.load(env, path)
		if err != nil {
			return nil, err
		}
		to = append(to, more...)
	}
	if !r.Passphrase {
		return to, nil
	}
	if len(to) > 0 {
		return nil, Usagef("a passphrase cannot be combined with other recipients")
	}
	p, err := pass.Get(env, "the new archive", true)
	if err != nil {
		return nil, err
	}
	k, err := seal.PassphraseRecipient(p)
	return []age.Recipient{k}, err
}

func (r *RecipientFlags) load(env *Env, path string) ([]age.Recipient, error) {
	f, err := env.openKey(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	to, err := seal.ParseRecipients(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return to, nil
}
