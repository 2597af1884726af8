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
	return &cli.Command{
		Name:  "hexz-unseal",
		Args:  "[FILE]",
		Short: "Make a chunk stream of an archive",
		Long: `Reads an archive from FILE or standard input and writes the chunk stream that it
was sealed from: the inverse of hexz-seal. All stored bytes are verified before
the stream is ended.`,
		Example: "  hexz-unseal disk.hxz | hexz-compress -l 19 | hexz-seal -o small.hxz",
		MaxArgs: 1,
		Stream:  true,
		Output:  true, Progress: true, Stats: true,
		Run: func(env *cli.Env, args []string) error {
			return cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*stage.Stats, error) {
				return stage.Unseal(ctx, dst, src, stage.UnsealOptions{Progress: progress})
			})
		},
	}
}
