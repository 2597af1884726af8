// Command hexz-commit makes the next version of an archive from changes.
package main

import (
	"errors"
	"path/filepath"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/commit"
)

func main() { cli.Main(command()) }

// flags holds the values of this binary's flags.
type flags struct {
	base, format string
	maps, sizes  []string
	replace      []string
	keyFile      string
	chain        string
	backing      string
	unchecked    bool
	ids          cli.IdentityFlags
	codecs       cli.CodecFlags
	parents      cli.ParentFlags
	set          *pflag.FlagSet
	archive      *cli.Packed
}

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-commit",
		Args:  "--base FILE [[NAME=]OVERLAY]...",
		Short: "Make the next version of an archive from what has changed",
		Long: `Writes a chunk stream of what the archive --base holds with the changes of each
OVERLAY. What has not changed is not read: it becomes references to the base,
which is the parent of the result. What has changed is cut anew as the base was,
so that the chunks are those that hexz-chunk would make of the whole.

An OVERLAY has the changes of the stream NAME, which can be left out if there is
but one. What stands before "=" is a NAME unless it has a slash. It is one of

  a sparse file   its data has changed, its holes have not (in blocks of the
                  file system; a copy must keep the holes)
  a qcow2 file    with a backing file, which the base was made of: the clusters
                  that it holds itself have changed
  a raw file or   with --map: JSON of "qemu-img map --output=json" (depth 0 has
  device          changed) or of "nbdinfo --map=qemu:dirty-bitmap:B --json", or
                  lines of OFFSET LENGTH, in order; a file without any is
                  refused, as a command that failed leaves one

If the backing file has a backing file of its own, --chain says how much of the
chain is newer than the base: --chain alone, all files but the last; --chain=N,
the first N. A map with depths above 1 needs --chain=N.

The stream gets the size of its OVERLAY unless --size is given; that of a qcow2
file counts in sectors of 512 bytes. What neither has becomes a hole. Streams
without a change stay. The base must be what the changes were made to: some
places chosen at random are compared, if what is unchanged can be read from
backing files or beside a map. Names of protocols in a qcow2 file, as json: or
nbd:, are not followed. Files of other formats (VMDK, VHDX, LUKS, gzip, ...) are
refused.`,
		Example: `  hexz-commit --base monday.hxz overlay.qcow2 |
    hexz-dedup --parent monday.hxz | hexz-compress | hexz-seal -o tuesday.hxz
  hexz-commit --base monday.hxz --map dirty.json /dev/nbd0 | hexz-seal -o t.hxz
  hexz-commit --base vm.hxz disk=delta.img --replace memory=ram.bin | ...`,
		MaxArgs: -1,
		Stream:  true,
		Threads: true, Output: true, Progress: true, Stats: true,
		Flags: func(f *pflag.FlagSet) {
			o.set = f
			f.StringVar(&o.base, "base", "", "the archive `FILE` that the changes were made to")
			f.Var(cli.TextsVar(&o.maps), "map", "what has changed in the OVERLAY of that name stands in `[NAME=]FILE`; may be repeated")
			f.Var(cli.ChoiceVar(&o.format, commit.FormatAuto, commit.FormatAuto, commit.FormatRaw, commit.FormatQcow2), "format", "`FORMAT` of overlays: raw, qcow2, or auto, which looks for magic numbers; give raw if others can write to the start of the file")
			f.StringVar(&o.chain, "chain", "", "the changes are in the first `N` files of a chain of qcow2 files; without =N in all but the last")
			f.Lookup("chain").NoOptDefVal = chainAll
			f.Var(cli.ChoiceVar(&o.backing, "", commit.FormatRaw, commit.FormatQcow2), "backing-format", "`FORMAT` of backing files where a qcow2 file does not tell it: raw or qcow2")
			f.BoolVar(&o.unchecked, "no-base-check", false, "do not compare the base with what the changes were made to")
			f.Var(cli.TextsVar(&o.sizes), "size", "new size of a stream, `[NAME=]SIZE`; may be repeated")
			f.Var(cli.TextsVar(&o.replace), "replace", "pack the whole of a file as a stream, `NAME=FILE`, in the place of the one of that name, or as one more; may be repeated")
			f.StringVar(&o.keyFile, "chunk-key-file", "", "the key in `FILE` that the base was cut with")
			o.parents.AddFlags(f)
			o.ids.AddFlags(f)
			o.codecs.AddFlags(f)
		},
		Run: func(env *cli.Env, args []string) error { return o.ids.Explain(run(env, &o, args)) },
	}
}

func run(env *cli.Env, o *flags, args []string) error {
	if o.base == "" {
		return cli.Usagef("--base is missing")
	}
	if len(args)+len(o.sizes)+len(o.replace) == 0 {
		return cli.Usagef("nothing to change: no OVERLAY, --size or --replace")
	}
	for _, name := range []string{"format", "chain", "backing-format", "no-base-check"} {
		if len(args) == 0 && o.set.Changed(name) {
			return cli.Usagef("--%s is for an OVERLAY, and there is none", name)
		}
	}
	if len(o.maps) > 0 && o.format == commit.FormatQcow2 {
		return cli.Usagef("--map is for raw images: a qcow2 file knows itself what has changed")
	}
	var c commit.Options
	if o.set.Changed("chunk-key-file") {
		key, err := cli.ChunkKey(env, o.keyFile)
		if err != nil {
			return err
		}
		c.ChunkKey = key
	}
	ids, err := o.ids.Load(env, false)
	if err != nil {
		return err
	}
	find := o.parents.Finder(env, []string{o.base}, ids)
	defer find.Close()
	o.archive, err = cli.OpenAtRandom(env, o.base, archive.Options{Identities: ids, Find: find.Find, Codecs: o.codecs.Decoders(env)})
	if err != nil {
		return err
	}
	defer o.archive.Close()
	if o.archive.Archive == nil {
		return cli.Usagef("--base %s: %w", o.base, cli.NotArchive(o.archive.File))
	}
	if err := env.Needs(o.archive.Archive.ID()); err != nil {
		return err
	}
	in, err := o.inputs(env, args)
	defer in.close()
	if err != nil {
		return err
	}
	c.Replace = in.replace
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	c.Threads, c.Progress = env.Threads, env.Progress(in.total)
	stats, err := commit.Apply(env.Ctx, out, o.archive.Archive, filepath.Base(o.base), in.overlays, c)
	if errors.Is(err, chunker.ErrKey) {
		return cli.WithHint(cli.Usagef("%s: %w", o.base, err), "give the key that it was cut with, and no other, by --chunk-key-file FILE")
	}
	if errors.Is(err, commit.ErrOtherBase) {
		return cli.WithHint(err, "--chain, or a larger --chain=N, if the base is older than the backing file; --no-base-check, if you know better")
	}
	if err != nil {
		return o.archive.Explain(err)
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return env.Stats(stats)
}
