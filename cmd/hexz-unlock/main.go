// Command hexz-unlock opens the keys of encrypted archives for the other binaries.
package main

import (
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"hexz/cmd/internal/cli"
	"hexz/cmd/internal/unlock"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var u unlocker
	return &cli.Command{
		Name:  "hexz-unlock",
		Args:  "[NAME...]",
		Short: "Open the keys of encrypted archives, for the other binaries",
		Long: `The binaries that read archives run this one when an archive is encrypted. It
alone reads private keys and asks for passphrases, so these are never in the
memory of a process that reads archives. Install it beside the others, or in
$PATH. There is no need to run it by hand.

Each NAME is how messages call a file with identities. The files are open:
descriptor 3 is the first, 4 the second. Standard input has wrapped keys, and
standard output takes the file keys, as cmd/internal/unlock in the sources
describes. An archive that is encrypted with a passphrase is opened if there is
no NAME, or if the passphrase is given.`,
		Example: `  hexz-cat -i backup.key a.hxz >disk.img   # runs hexz-unlock -- backup.key`,
		MaxArgs: -1,
		Flags:   u.pass.AddFlags,
		Run:     u.run,
	}
}

// unlocker opens keys with identities that it reads when the first key is to be opened.
type unlocker struct {
	pass  cli.PassphraseFlags
	env   *cli.Env
	names []string
	ids   []age.Identity
}

func (u *unlocker) run(env *cli.Env, args []string) error {
	u.env, u.names = env, args
	in, err := env.Input("-")
	if err != nil {
		return err
	}
	env.WatchReader() // a prompt ends with the process that waits for the answer
	return unlock.Serve(env.Stdout, in, u, cli.HintOf)
}

// OpenKey implements seal.Opener.
func (u *unlocker) OpenKey(wrapped []byte) (seal.FileKey, error) {
	if u.ids == nil {
		if err := u.load(); err != nil {
			return seal.FileKey{}, err
		}
	}
	return keys.Unwrap(wrapped, u.ids)
}

// load reads the identities.
func (u *unlocker) load() error {
	var all []age.Identity
	for i, name := range u.names {
		ids, err := u.read(3+i, name)
		if errors.Is(err, seal.ErrFormat) {
			err = errors.New(err.Error()) // an ErrFormat of OpenKey is about the wrapped key
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, ids...)
	}
	if len(u.names) == 0 || u.pass.Given() {
		all = append(all, &passphraseIdentity{u})
	}
	u.ids = all
	return nil
}

func (u *unlocker) read(fd int, name string) ([]age.Identity, error) {
	f, err := cli.InheritedFile(u.env, fd, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return keys.ParseIdentities(f, func() ([]byte, error) { return u.pass.Get(u.env, name, false) })
}

// passphraseIdentity asks for the passphrase when an archive is encrypted with one.
type passphraseIdentity struct{ u *unlocker }

func (p *passphraseIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if !slices.ContainsFunc(stanzas, func(s *age.Stanza) bool { return s.Type == seal.Scrypt }) {
		return nil, age.ErrIncorrectIdentity
	}
	pass, err := p.u.pass.Get(p.u.env, "the archive", false)
	if err != nil {
		return nil, err
	}
	id, err := keys.PassphraseIdentity(pass)
	if err != nil {
		return nil, err
	}
	key, err := id.Unwrap(stanzas)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, seal.ErrPassphrase
	}
	return key, err
}
