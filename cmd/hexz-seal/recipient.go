package main

import (
	"fmt"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
)

// recipientFlags name those who can open the archive that is made.
type recipientFlags struct {
	passphrase  bool // encrypt with a passphrase
	keys, files []string
}

// addFlags adds the flags to f. cli.PassphraseFlags has the flags for the passphrase itself.
func (r *recipientFlags) addFlags(f *pflag.FlagSet) {
	f.VarP(cli.TextsVar(&r.keys), "recipient", "r", "encrypt to the public `KEY`: age1..., ssh-ed25519 ... or ssh-rsa ...; may be repeated")
	f.VarP(cli.TextsVar(&r.files), "recipients-file", "R", "encrypt to the public keys in `FILE`, one a line, such as a .pub file of SSH; may be repeated")
	f.BoolVarP(&r.passphrase, "passphrase", "p", false, "encrypt with a passphrase")
}

// wrapper returns what wraps keys for the recipients, nil without -r, -R and -p.
func (r *recipientFlags) wrapper(env *cli.Env, pass *cli.PassphraseFlags) (seal.Wrapper, error) {
	to, err := r.list(env, pass)
	return keys.Wrapper(to...), err
}

func (r *recipientFlags) list(env *cli.Env, pass *cli.PassphraseFlags) ([]age.Recipient, error) {
	var to []age.Recipient
	for _, s := range r.keys {
		k, err := keys.ParseRecipient(s)
		if err != nil {
			return nil, cli.WithHint(cli.Usagef("-r: %w", err), "-r takes the key itself, -R the name of a file")
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
	if !r.passphrase {
		return to, nil
	}
	if len(to) > 0 {
		return nil, cli.Usagef("a passphrase cannot be combined with other recipients")
	}
	p, err := pass.Get(env, "the new archive", true)
	if err != nil {
		return nil, err
	}
	k, err := keys.PassphraseRecipient(p)
	return []age.Recipient{k}, err
}

func (r *recipientFlags) load(env *cli.Env, path string) ([]age.Recipient, error) {
	f, err := env.OpenKey(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	to, err := keys.ParseRecipients(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return to, nil
}
