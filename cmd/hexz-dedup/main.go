// Command hexz-dedup replaces repeated chunks of a chunk stream by references.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/flow"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o stage.DedupOptions
	var parents []string
	var ids cli.IdentityFlags
	var codecs cli.CodecFlags
	return &cli.Command{
		Name:  "hexz-dedup",
		Args:  "[FILE]",
		Short: "Replace repeated chunks of a chunk stream by references",
		Long: `Reads a chunk stream from FILE or standard input and writes it to standard
output, with every data chunk that came before in it replaced by a reference.
Takes up to 64 bytes of memory for each distinct chunk, about 4 MB for a GB of
content at the default chunk size, and up to 80 for each chunk of a parent.

With more than --max-memory it takes a fifth of that, and finds the same, with
the hashes of chunks in an unnamed file in $TMPDIR: 2 MB for a GB of content.
Only far above that limit, with some 200 GB by default, it begins to overlook
copies of few chunks in a row.

With --parent the output is thin: chunks that the parent has are left out of it,
and to restore it the parent is needed. Where thousands of chunks in a row are
those of the parent, one entry stands for all of them. If the parent is thin
itself, its parents are looked for beside it and in $HEXZ_PATH.

It works best before hexz-compress: otherwise each segment that loses a chunk
has to be decoded.`,
		Example: `  hexz-chunk disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz
  hexz-chunk disk.img | hexz-dedup --parent mon.hxz | hexz-compress |
    hexz-seal -o tue.hxz`,
		MaxArgs: 1,
		Stream:  true,
		Output:  true, Progress: true, Stats: true, TempFiles: true,
		Flags: func(f *pflag.FlagSet) {
			f.Var(cli.MemoryVar(&o.MaxMemory, 256<<20), "max-memory", "limit the memory for the index of chunks to `SIZE`, at least 1M; the rest goes to a temporary file")
			f.Var(cli.TextsVar(&parents), "parent", "store no chunk that `FILE` has, an archive or the exported index of one; may be repeated")
			codecs.AddFlags(f)
			ids.AddFlags(f)
		},
		Rules: []cli.Rule{{Flags: cli.KeyNames, With: []string{"parent"}}},
		Run: func(env *cli.Env, args []string) error {
			keys, err := ids.Load(env, false)
			if err != nil {
				return err
			}
			for _, path := range parents {
				p, err := cli.OpenParent(env, path, keys)
				if err != nil {
					return ids.Explain(err)
				}
				defer p.Close()
				o.Parents = append(o.Parents, p)
			}
			ancestors := cli.IndexFinder(env, parents, keys)
			defer ancestors.Close()
			o.Find = ancestors.Index
			err = cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*flow.Stats, error) {
				o.Progress, o.OnParent, o.Codecs = progress, env.Needs, codecs.Decoders(env)
				o.Note = env.Warn
				o.OnOtherCut = func(c stage.OtherCut) { env.Warnf("%v: use hexz-chunk --like", c) }
				return stage.Dedup(ctx, dst, src, o)
			})
			if errors.Is(err, stage.ErrNeedsChunks) {
				err = cli.WithHint(err, "give the whole index (hexz-inspect --export-index without --nodes), or put this hexz-dedup before all others")
			}
			if errors.Is(err, stage.ErrBaseDropped) {
				err = cli.WithHint(err, "put hexz-dedup --parent before hexz-delta")
			}
			return err
		},
	}
}
