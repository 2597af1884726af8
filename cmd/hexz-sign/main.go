// Command hexz-sign signs archives.
package main

import (
	"errors"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var s signer
	return &cli.Command{
		Name:  "hexz-sign",
		Args:  "ARCHIVE...",
		Short: "Sign archives",
		Long: `Appends a signature by each of the keys to each ARCHIVE, a file. What was there
stays as it is. All stored bytes are checked before, and an archive that is
damaged is not signed. An encrypted archive needs no identity for that.

Keys are those of minisign, or made by "hexz-keygen sign". A key that has signed
already does not sign again. If signing is interrupted, the archive is what it
was before, and can be signed again.

hexz-verify --signed-by checks signatures. hexz-inspect --export-signed writes
them to files for minisign.`,
		Example: `  hexz-sign -k backup.key disk.hxz
  hexz-sign -k backup.key --passphrase-command 'pass backup' *.hxz
  hexz-verify --level stored --signed-by backup.key.pub disk.hxz`,
		MinArgs: 1, MaxArgs: -1,
		Threads: true, Progress: true,
		Flags: func(f *pflag.FlagSet) {
			f.VarP(cli.TextsVar(&s.keys), "key", "k", "sign with the minisign secret key in `FILE`; may be repeated")
			s.pass.AddFlags(f)
		},
		Run: s.run,
	}
}

// signer holds the values of the flags.
type signer struct {
	keys []string
	pass cli.PassphraseFlags
	o    stage.SignOptions
}

func (s *signer) run(env *cli.Env, args []string) (err error) {
	if len(s.keys) == 0 {
		return cli.WithHint(cli.Usagef("-k is missing: a key to sign with"), "name the file of a secret key by -k; hexz-keygen sign makes one")
	}
	if s.o.Keys, err = cli.SecretKeys(env, s.keys, &s.pass); err != nil {
		return err
	}
	s.o.Threads, s.o.Progress = env.Threads, env.Progress(-1)
	var first error
	for _, path := range args {
		if err := s.sign(env, path); err != nil && (first == nil || errors.Is(err, stream.ErrCorrupt)) {
			first = err
		}
		if env.Ctx.Err() != nil {
			break
		}
	}
	return first
}

// sign signs an archive. It prints every fault and returns the first.
func (s *signer) sign(env *cli.Env, path string) error {
	said := false
	s.o.Damage = func(err error) {
		said = true
		env.Errorf("%s: %v", path, err)
	}
	signed, err := s.signFile(env, path)
	if err != nil {
		if !said {
			env.Errorf("%s: %v", path, err)
		}
		return cli.Reported(err)
	}
	for _, k := range signed.Before {
		env.Warnf("%s: key %s has signed already", path, k.KeyID())
	}
	for _, k := range signed.New {
		env.Verbosef("%s: signed by key %s", path, k.KeyID())
	}
	return nil
}
