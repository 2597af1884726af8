// Command hexz-verify checks an archive.
package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var level string
	return &cli.Command{
		Name:  "hexz-verify",
		Args:  "ARCHIVE...",
		Short: "Check archives",
		Long: `Checks each ARCHIVE, a file, and exits with 0 if all are sound and with 3 if one
is not. Every damaged segment is named on standard error.

Levels, each with all that is checked before it:
- structure: the index is whole and agrees with itself; payloads are not read.
- stored: every stored byte is the one that the archive id stands for.
- content: everything is decoded, every chunk and stream has its hash.`,
		Example: "  hexz-verify disk.hxz\n  hexz-verify --level stored *.hxz",
		MinArgs: 1, MaxArgs: -1,
		Threads: true, Progress: true,
		Flags: func(f *pflag.FlagSet) {
			f.Var(cli.ChoiceVar(&level, "content", "structure", "stored", "content"), "level", "how deep to look: `LEVEL` structure, stored or content")
		},
		Run: func(env *cli.Env, args []string) error {
			levels := map[string]archive.Level{"structure": archive.Structure, "stored": archive.Stored, "content": archive.Content}
			var first error
			for _, path := range args {
				err := verify(env, path, levels[level])
				if err == nil {
					env.Verbosef("%s: sound (%s)", path, level)
				} else if first == nil || errors.Is(err, stream.ErrCorrupt) {
					first = err
				}
			}
			return first
		},
	}
}

// verify prints every fault of an archive and returns the first.
func verify(env *cli.Env, path string, level archive.Level) (err error) {
	fault := func(err error) { env.Errorf("%s: %v", path, err) }
	in, err := cli.OpenPacked(env, []string{path}, env.Threads)
	if err == nil {
		defer in.Close()
		if !in.Regular {
			return cli.WithHint(cli.Usagef("%s is not a file, and an archive can only be checked in one", path), "save it first; hexz-unseal verifies an archive that it reads from a pipe")
		}
		if in.Archive == nil {
			err = fmt.Errorf("%w: no trailer: not an archive, or one that was cut short", stream.ErrCorrupt)
		}
	}
	if err != nil {
		fault(err)
		return reported{err}
	}
	err = in.Archive.Verify(env.Ctx, archive.VerifyOptions{
		Level: level, Threads: env.Threads, Progress: env.Progress(-1), Damage: fault,
	})
	if err != nil {
		return reported{err}
	}
	return nil
}

// reported is an error that was printed already and only decides on the exit code.
type reported struct{ error }

func (reported) Error() string   { return "" }
func (r reported) Unwrap() error { return r.error }
