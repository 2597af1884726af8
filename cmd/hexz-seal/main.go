// Command hexz-seal makes an archive from a chunk stream.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var s sealer
	return &cli.Command{
		Name:  "hexz-seal",
		Args:  "[FILE]",
		Short: "Make an archive of a chunk stream",
		Long: `Reads a chunk stream from FILE or standard input and writes an archive: the
stream, an index for random access, and a trailer. It writes in one pass, so the
output can be a pipe.

If the stream is incomplete or a stage before it has failed, there is no index
and no trailer, the exit code is not 0, and with -o there is no file. Prefer -o
to a redirection: it leaves no incomplete file.

With -r, -R or -p the archive is encrypted: it shows nothing of its content, and
can be opened by each of the recipients, with hexz-cat -i and the like. With
--sign it is signed; hexz-sign adds signatures later.

The index is kept in memory until the end: about 110 bytes for each distinct
chunk, 7 MB for a GB of content at the default chunk size. With --max-memory
what is over it goes to unnamed files in $TMPDIR; the archive is the same.

A thin stream refers to chunks of parents, which hexz-seal need not have. With
--check-parents it refuses references to chunks that the parents do not have; it
takes 36 bytes of memory more for each chunk of a parent.`,
		Example: `  hexz-chunk disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz
  ssh host 'hexz-chunk /dev/sda | hexz-compress' | hexz-seal -o sda.hxz
  ... | hexz-seal -R ~/.ssh/id_ed25519.pub | ssh host 'cat > disk.hxz'`,
		MaxArgs: 1,
		Output:  true, Progress: true, Stats: true, TempFiles: true,
		Flags: func(f *pflag.FlagSet) {
			s.to.addFlags(f)
			f.Var(cli.TextsVar(&s.sign), "sign", "sign with the minisign secret key in `FILE`; may be repeated")
			s.pass.AddFlags(f)
			f.Var(cli.MemoryVar(&s.o.MaxMemory, 256<<20), "max-memory", "limit the memory for the index to `SIZE`, at least 1M; the rest goes to temporary files")
			f.StringVar(&s.o.CheckParents, "check-parents", "", "look into the parents of a thin stream: archives *.hxz or exported indexes *.hxi in `DIR`")
			s.addIdentity(f)
		},
		Rules: []cli.Rule{{Flags: []string{"identity"}, With: []string{"check-parents"}}},
		Run:   s.run,
	}
}

// sealer holds the values of the flags.
type sealer struct {
	o    stage.SealOptions
	to   recipientFlags
	sign []string
	pass cli.PassphraseFlags
	ids  cli.IdentityFlags // for parents
}

// addIdentity adds -i alone: the flags for passphrases are about the new archive.
func (s *sealer) addIdentity(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.ids.AddFlags(all)
	identity := all.Lookup("identity")
	identity.Usage = "open encrypted parents with the private key in `FILE`, of age or SSH; may be repeated"
	f.AddFlag(identity)
}

func (s *sealer) run(env *cli.Env, args []string) (err error) {
	if s.pass.Given() && !s.to.passphrase && len(s.sign) == 0 {
		return cli.WithHint(cli.Usagef("a passphrase was given, but neither -p nor a signing key"), "-p encrypts with it")
	}
	if s.o.Recipients, err = s.to.wrapper(env, &s.pass); err != nil {
		return err
	}
	if s.o.Sign, err = cli.SecretKeys(env, s.sign, &s.pass); err != nil {
		return err
	}
	if s.o.Identities, err = s.ids.Load(env, s.o.CheckParents == ""); err != nil {
		return err
	}
	s.o.OnParent, s.o.Open = env.Needs, env.Open
	s.o.Note = func(s string) { env.Advise(s + "; to prevent it, cut with hexz-chunk --chunk-key-file") }
	err = cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*flow.Stats, error) {
		s.o.Progress = progress
		stats, err := stage.Seal(ctx, dst, src, s.o)
		if err == nil {
			env.Verbosef("%s of content in %s, id %s", cli.FormatSize(stats.Bytes), cli.FormatSize(stats.Written), stats.Archive)
		}
		return stats, err
	})
	if errors.Is(err, archive.ErrParent) {
		return cli.WithHint(err, "put the parent there, or its index as hexz-inspect --export-index writes it")
	}
	if s.o.CheckParents != "" {
		err = s.ids.Explain(err)
	}
	return err
}
