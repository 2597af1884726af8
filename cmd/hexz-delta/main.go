// Command hexz-delta makes patches of chunks that are similar to others.
package main

import (
	"context"
	"io"
	"runtime/debug"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/flow"
	"hexz/pkg/similar"
)

// otherMemory is the memory in bytes, beside the index and the cache, that hexz-delta may take
// before it collects garbage more eagerly.
const otherMemory = 80 << 20

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o similar.Options
	var parents cli.ParentFlags
	var ids cli.IdentityFlags
	var codecs cli.CodecFlags
	return &cli.Command{
		Name:  "hexz-delta",
		Args:  "[FILE]",
		Short: "Make patches of chunks that are much like others",
		Long: `Reads a chunk stream from FILE or standard input and writes it to standard
output, with data chunks that differ little from a chunk of a parent replaced by
patches: what has changed, byte by byte. The parents are those of the stream, so
hexz-dedup --parent comes before it; they are needed again to restore.

With --self, chunks that are much like an earlier one of the stream become
patches as well, if 1 MiB of others or more is between them. A copy of all data
chunks then goes to a temporary file in $TMPDIR, and the memory grows by 70
bytes for each.

It goes along the stream of the same name in the first parent, and compares
byte by byte. Once chunks that are mostly new are one part in 1024 of what the
parents hold, it reads all of them to find what has moved. What was shuffled in
small pieces takes long, also to restore, as each piece is read where it was,
unless --cache holds the decoded parents.

hexz-dedup comes before it, not after. Larger chunks (hexz-chunk --avg 64K) make
smaller archives here, as the entry of a chunk in the index outweighs most
patches.`,
		Example: `  hexz-chunk disk.img | hexz-dedup --parent mon.hxz |
    hexz-delta --parent mon.hxz | hexz-compress | hexz-seal -o tue.hxz
  hexz-chunk vm.img | hexz-dedup | hexz-delta --self | hexz-compress |
    hexz-seal -o vm.hxz`,
		MaxArgs: 1,
		Stream:  true,
		Threads: true, Output: true, Progress: true, Stats: true, TempFiles: true,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&o.Self, "self", false, "make patches of earlier chunks of the stream, too")
			f.Var(cli.MemoryVar(&o.MaxMemory, similar.DefaultIndex), "max-memory", "limit the index of samples to `SIZE`, at least 1M, and to half of the machine's memory; it grows with what it holds; the smaller the limit, the more is overlooked")
			parents.AddFlags(f)
			cli.CacheFlag(f, &o.CacheBytes)
			codecs.AddFlags(f)
			ids.AddFlags(f)
		},
		Run: func(env *cli.Env, args []string) error {
			var err error
			if o.Identities, err = ids.Load(env, false); err != nil {
				return err
			}
			find := parents.Finder(env, args, o.Identities)
			defer find.Close()
			o.Find, o.Threads, o.Codecs = find.Find, env.Threads, codecs.Decoders(env)
			o.MaxMemory, o.CacheBytes = cli.SharedMemory(o.MaxMemory), cli.SharedMemory(o.CacheBytes)
			// Otherwise the heap grows to twice the index.
			debug.SetMemoryLimit(o.MaxMemory + o.CacheBytes + otherMemory)
			return ids.Explain(cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*flow.Stats, error) {
				o.Progress, o.OnParent = progress, env.Needs
				o.Note = func(s string) { env.Warn(s + " (hexz-dedup --parent), and --self was not given") }
				return similar.Delta(ctx, dst, src, o)
			}))
		},
	}
}
