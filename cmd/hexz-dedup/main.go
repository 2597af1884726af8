// Command hexz-dedup replaces repeated chunks of a chunk stream by references.
package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o stage.DedupOptions
	return &cli.Command{
		Name:  "hexz-dedup",
		Args:  "[FILE]",
		Short: "Replace repeated chunks of a chunk stream by references",
		Long: `Reads a chunk stream from FILE or standard input and writes it to standard
output, with every data chunk that came before in it replaced by a reference.
Takes up to 64 bytes of memory for each distinct chunk: about 4 MB for a GB of
content at the default chunk size.

It works best in front of hexz-compress: segments from which a chunk is dropped
have to be decoded.`,
		Example: "  hexz-chunk disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz",
		MaxArgs: 1,
		Stream:  true,
		Output:  true, Progress: true, Stats: true,
		Flags: func(f *pflag.FlagSet) {
			f.Var(cli.SizeVar(&o.MaxMemory, 0), "max-memory", "limit the index of chunks to `SIZE`; when it is full, only copies of the chunks before are found (default no limit)")
		},
		Run: func(env *cli.Env, args []string) error {
			return cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*stage.Stats, error) {
				o.Progress = progress
				o.Note = func(s string) { env.Warnf("%s", s) }
				return stage.Dedup(ctx, dst, src, o)
			})
		},
	}
}
