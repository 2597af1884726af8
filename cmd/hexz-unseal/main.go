// Command hexz-unseal makes a chunk stream of an archive.
package main

import (
	"context"
	"io"

	"hexz/cmd/internal/cli"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var ids cli.IdentityFlags
	return &cli.Command{
		Name:  "hexz-unseal",
		Args:  "[FILE]",
		Short: "Make a chunk stream of an archive",
		Long: `Reads an archive from FILE or standard input and writes the chunk stream that it
was sealed from: the inverse of hexz-seal. All stored bytes are verified before
the stream is ended. An encrypted archive needs -i, or its passphrase.`,
		Example: "  hexz-unseal disk.hxz | hexz-compress -l 19 | hexz-seal -o small.hxz",
		MaxArgs: 1,
		Stream:  true,
		Output:  true, Progress: true, Stats: true,
		Flags: ids.AddFlags,
		Run: func(env *cli.Env, args []string) error {
			keys, err := ids.Load(env, false)
			if err != nil {
				return err
			}
			return ids.Explain(cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*stage.Stats, error) {
				return stage.Unseal(ctx, dst, src, stage.UnsealOptions{Identities: keys, Progress: progress})
			}))
		},
	}
}
