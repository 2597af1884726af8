// Command hexz-unseal makes a chunk stream from an archive.
package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/flow"
	"hexz/pkg/salvage"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o stage.UnsealOptions
	var ids cli.IdentityFlags
	var signers cli.SignerFlags
	var parents cli.ParentFlags
	var salvage cli.SalvageFlags
	var codecs cli.CodecFlags
	return &cli.Command{
		Name:  "hexz-unseal",
		Args:  "[FILE]",
		Short: "Make a chunk stream of an archive",
		Long: `Reads an archive from FILE or standard input and writes the chunk stream that it
was sealed from: the inverse of hexz-seal. All stored bytes are verified before
the stream is ended. An encrypted archive needs -i, or its passphrase.

With --flatten the chunks that a thin archive has in its parents become part of
the stream, which then needs no parents; what need not be compressed again is
not.

With --salvage, of an archive or stream that is damaged or cut short, all that
still verifies becomes the stream, which is complete: what is lost are holes.
The exit code is 3 then, and --report lists them. With its parents more is left
of a thin archive.`,
		Example: `  hexz-unseal disk.hxz | hexz-compress -l 19 | hexz-seal -o small.hxz
  hexz-unseal --flatten monday.hxz | hexz-seal -o whole.hxz
  hexz-unseal --salvage --report lost.json bad.hxz | hexz-seal -o saved.hxz`,
		MaxArgs: 1,
		Stream:  true,
		Threads: true, Output: true, Progress: true, Stats: true, TempFiles: true,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&o.Flatten, "flatten", false, "copy the chunks of parents into the stream")
			salvage.AddFlags(f, "salvage", "take what is left of a damaged archive or stream")
			parents.AddFlags(f)
			cli.CacheFlag(f, &o.CacheBytes)
			codecs.AddFlags(f)
			ids.AddFlags(f)
			signers.AddFlags(f)
		},
		Rules: []cli.Rule{
			{Flags: []string{"report"}, With: []string{"salvage"}},
			{Flags: []string{"salvage"}, Without: []string{"flatten", "signed-by"}},
			{Flags: cli.ParentNames, With: []string{"flatten", "salvage"}},
			{Flags: []string{"cache"}, With: []string{"flatten"}},
			// The other modes decode nothing.
			{Flags: []string{"codec-command"}, With: []string{"flatten", "salvage"}},
		},
		Run: func(env *cli.Env, args []string) error {
			var err error
			if o.Identities, err = ids.Load(env, false); err != nil {
				return err
			}
			if o.SignedBy, err = signers.Load(env); err != nil {
				return err
			}
			o.Note, o.OnParent, o.Codecs = ids.NotePlain(env), env.Needs, codecs.Decoders(env)
			if err := salvage.Open(env); err != nil {
				return err
			}
			find := parents.Finder(env, args, o.Identities)
			defer find.Close()
			o.Find, o.Threads = find.Find, env.Threads
			if salvage.On {
				return ids.Explain(runSalvage(env, args, o, &salvage))
			}
			return ids.Explain(cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*flow.Stats, error) {
				o.Progress = progress
				return stage.Unseal(ctx, dst, src, o)
			}))
		},
	}
}

func runSalvage(env *cli.Env, args []string, o stage.UnsealOptions, flags *cli.SalvageFlags) error {
	var report *salvage.Report
	err := cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (stats *flow.Stats, err error) {
		stats, report, err = salvage.Stream(ctx, dst, src, salvage.Options{
			Identities: o.Identities, Threads: o.Threads, Codecs: o.Codecs, Progress: progress, OnParent: o.OnParent, Note: o.Note, Find: o.Find,
		})
		return stats, err
	})
	if err != nil {
		return err
	}
	return flags.Close(report)
}
