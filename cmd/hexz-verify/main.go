// Command hexz-verify checks an archive.
package main

import (
	"errors"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var v verifier
	return &cli.Command{
		Name:  "hexz-verify",
		Args:  "ARCHIVE...",
		Short: "Check archives",
		Long: `Checks each ARCHIVE, a file, and exits with 0 if all are sound and with 3 if one
is not. Every damaged segment is named on standard error.

Levels, each with all that is checked before it:
- structure: the index is whole and agrees with itself; payloads are not read.
- stored: every stored byte is the one that the archive id stands for.
- content: everything is decoded, every chunk and stream has its hash.

Of an encrypted archive, the first two need no key, content needs -i or the
passphrase. With --signed-by, each of the keys must have signed the archive, or
the exit code is 5: together with "stored" that proves, without any private key,
that every byte is one which the holder of the key has signed.

If parents are missing that the content needs, all are named, and the exit code
is 1 unless something is damaged as well.`,
		Example: `  hexz-verify disk.hxz
  hexz-verify --level stored *.hxz
  hexz-verify --level stored --signed-by backup.pub disk.hxz`,
		MinArgs: 1, MaxArgs: -1,
		Threads: true, Progress: true,
		Flags: func(f *pflag.FlagSet) {
			f.Var(cli.ChoiceVar(&v.level, "content", "structure", "stored", "content"), "level", "what to check: `LEVEL` is structure, stored or content")
			v.set = f
			f.BoolVar(&v.json, "json", false, "print one JSON object on standard output: verdicts, faults, signatures")
			v.signedBy.AddFlags(f)
			v.parents.AddFlags(f)
			cli.CacheFlag(f, &v.cache)
			v.codecs.AddFlags(f)
			v.ids.AddFlags(f)
		},
		Run: v.run,
	}
}

// verifier holds the values of the flags.
type verifier struct {
	level    string
	json     bool
	signedBy cli.SignerFlags
	ids      cli.IdentityFlags
	parents  cli.ParentFlags
	cache    int64
	set      *pflag.FlagSet
	codecs   cli.CodecFlags
	signers  []seal.PublicKey
	keys     seal.Opener
}

func (v *verifier) run(env *cli.Env, args []string) error {
	for _, name := range append(cli.ParentNames, "cache", "codec-command") {
		if v.level != "content" && v.set.Changed(name) {
			return cli.Usagef("--%s is for --level content only", name)
		}
	}
	var err error
	if v.signers, err = v.signedBy.Load(env); err != nil {
		return err
	}
	if v.keys, err = v.ids.Load(env, v.level != "content"); err != nil {
		return err
	}
	var first error
	rep := &report{Version: 1, Verdict: sound, Level: v.level}
	for _, path := range args {
		r := rep.begin(path)
		err := v.verify(env, path, r)
		rep.end(r, err)
		if err == nil {
			env.Verbosef("%s: sound (%s)", path, v.level)
		} else if first == nil || errors.Is(err, stream.ErrCorrupt) {
			first = err
		}
	}
	if v.json {
		if err := rep.print(env); err != nil {
			return err
		}
	}
	return first
}

var levels = map[string]archive.Level{"structure": archive.Structure, "stored": archive.Stored, "content": archive.Content}

// verify prints every fault of an archive and returns the first.
func (v *verifier) verify(env *cli.Env, path string, r *result) (err error) {
	fault := func(err error) {
		env.Errorf("%s: %s", path, cli.Unnamed(err))
		r.fault(err)
	}
	find := v.parents.Finder(env, []string{path}, v.keys)
	defer find.Close()
	in, err := cli.OpenAtRandom(env, path, archive.Options{Identities: v.keys, Find: find.Find, Codecs: v.codecs.Decoders(env), CacheBytes: v.cache})
	if err == nil {
		defer in.Close()
		if !in.Regular {
			return cli.WithHint(cli.Usagef("%s is not a file, and an archive can only be checked in one", path), "save it first; hexz-unseal verifies an archive that it reads from a pipe")
		}
		if in.Archive == nil {
			err = cli.NotArchive(in.File)
		}
	}
	if err == nil {
		r.open(in.Archive)
		err = in.Archive.Demand(v.signers)
	}
	if err == nil && levels[v.level] == archive.Content {
		err = in.Archive.Locked()
	}
	if err != nil {
		err = v.ids.Explain(err)
		fault(err)
		return cli.Reported(err)
	}
	if in.Archive.Torn() {
		env.Warnf("%s: after the archive is what an interrupted signing has left, which does not count: sign again", path)
	}
	for _, k := range v.signers {
		r.Demanded = append(r.Demanded, k.KeyID())
	}
	err = in.Archive.Verify(env.Ctx, archive.VerifyOptions{
		Level: levels[v.level], Threads: env.Threads, Progress: env.Progress(-1), Damage: fault,
	})
	return cli.Reported(err)
}
