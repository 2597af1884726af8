// Command hexz-seal makes an archive of a chunk stream.
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
		Name:  "hexz-seal",
		Args:  "[FILE]",
		Short: "Make an archive of a chunk stream",
		Long: `Reads a chunk stream from FILE or standard input and writes an archive: the
stream, an index for random access, and a trailer. It writes in one pass, so the
output can be a pipe.

If the stream is incomplete or a stage in front has failed, there is no index
and no trailer, the exit code is not 0, and with -o there is no file. Prefer -o
to a redirection: it leaves no incomplete file behind.`,
		Example: `  hexz-chunk disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz
  ssh host 'hexz-chunk /dev/sda | hexz-compress' | hexz-seal -o sda.hxz`,
		MaxArgs: 1,
		Output:  true, Progress: true, Stats: true,
		Run: func(env *cli.Env, args []string) error {
			return cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*stage.Stats, error) {
				stats, err := stage.Seal(ctx, dst, src, stage.SealOptions{Progress: progress})
				if err == nil {
					env.Verbosef("%s of content in %s, id %s", cli.FormatSize(stats.Bytes), cli.FormatSize(stats.Written), stats.Archive)
				}
				return stats, err
			})
		},
	}
}
