// Command hexz-cat restores what was packed.
package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/restore"
	"hexz/pkg/salvage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o restore.Options
	var ids cli.IdentityFlags
	var signers cli.SignerFlags
	var to target
	var parents cli.ParentFlags
	var keepGoing cli.SalvageFlags
	var codecs cli.CodecFlags
	return &cli.Command{
		Name:  "hexz-cat",
		Args:  "[FILE]",
		Short: "Restore a stream of an archive or chunk stream",
		Long: `Writes the content of one stream of FILE, an archive or a chunk stream, to
standard output, or to the file or device that -o names. Without FILE, or with
"-", it reads standard input; a copy of all chunks then goes to a temporary file
in $TMPDIR, since later parts may refer to them.

Every byte is verified before it is written. On a regular file holes become
holes again, and with --sparse so do zeros; on a device every byte is written. A
device that is empty, too small or in use is left alone, and so is a file that
backs a loop device or is locked by qemu. With --in-place only blocks of 4 KiB
that differ, or cannot be read, are written to the file or device, as they come:
if that is stopped, the old content is gone in part, and it has to be run again.
Blocks of a file that become holes are freed; with --sparse so are those that
become zero.

With --keep-going, what is damaged or missing becomes zeros. The output is kept,
the exit code is 3, and --report lists the parts that are lost. What cannot be
read just now, as a disk fails, is an error all the same.

Parents of a thin archive are looked for before the first byte is written, and
all that are missing are named. One that was compressed or encrypted anew is
known by its content.

An encrypted archive needs -i, or its passphrase. Signatures are demanded by
--signed-by: from a pipe, what is missing is known only at the end. If one is,
the exit code is 5.`,
		Example: `  hexz-cat disk.hxz > disk.img
  hexz-cat --stream memory -o ram.bin vm.hxz
  ssh host 'cat disk.hxz' | hexz-cat --offset 1M --length 512 | xxd`,
		MaxArgs: 1,
		Threads: true, Output: true, Progress: true, TempFiles: true,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&o.Stream, "stream", "", "`NAME` of the stream, if there are several")
			f.Var(cli.OffsetVar(&o.Offset, 0), "offset", "skip the first `SIZE` bytes")
			f.Var(cli.OptionalSizeVar(&o.Length), "length", "write at most `SIZE` bytes (default: up to the end)")
			f.BoolVar(&to.inPlace, "in-place", false, "write over the file or device that -o names, but only the blocks that differ; print how much that was")
			to.addSparse(f)
			keepGoing.AddFlags(f, "keep-going", "write zeros for what is damaged or missing")
			parents.AddFlags(f)
			cli.CacheFlag(f, &o.CacheBytes)
			codecs.AddFlags(f)
			ids.AddFlags(f)
			signers.AddFlags(f)
		},
		Rules: []cli.Rule{
			{Flags: []string{"report"}, With: []string{"keep-going"}},
			{Flags: []string{"keep-going"}, Without: []string{"in-place", "signed-by"}},
			{Flags: []string{"in-place"}, With: []string{"output"}, Without: []string{"offset", "length"}},
		},
		Run: func(env *cli.Env, args []string) (err error) {
			if o.Identities, err = ids.Load(env, false); err != nil {
				return err
			}
			if o.SignedBy, err = signers.Load(env); err != nil {
				return err
			}
			o.Note, o.OnParent = ids.NotePlain(env), env.Needs
			if err := keepGoing.Open(env); err != nil {
				return err
			}
			find := parents.Finder(env, args, o.Identities)
			defer find.Close()
			o.Find, o.Codecs = find.Find, codecs.Decoders(env)
			return ids.Explain(run(env, o, &to, &keepGoing, args))
		},
	}
}

func run(env *cli.Env, o restore.Options, to *target, keepGoing *cli.SalvageFlags, args []string) error {
	in, err := openInput(env, o, keepGoing.On, args)
	if err != nil {
		return err
	}
	defer in.Close()
	out, dst, err := to.open(env)
	if err != nil {
		return err
	}
	defer out.Cleanup()
	o.Threads = env.Threads
	total := int64(-1)
	if o.Length != nil {
		total = *o.Length
	}
	o.Progress = env.Progress(total)
	var report *salvage.Report
	if keepGoing.On {
		report, err = salvage.Cat(env.Ctx, dst, in.Reader(), o)
	} else if in.Archive != nil {
		err = restore.Archive(env.Ctx, dst, in.Archive, o)
	} else {
		err = restore.Stream(env.Ctx, dst, in.Reader(), o)
	}
	if errors.Is(err, restore.ErrSeveral) {
		return cli.WithHint(cli.Usagef("%w", err), "name it by --stream")
	}
	if errors.Is(err, restore.ErrChoose) {
		return cli.Usagef("%w", err)
	}
	if err == nil {
		err = dst.Flush()
	}
	if err != nil {
		if errors.Is(err, restore.ErrNoRoom) {
			err = fmt.Errorf("%s: %w", out.Path(), err)
		}
		return in.Explain(out.Explain(err))
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if report != nil {
		return keepGoing.Close(report)
	}
	if in, ok := dst.(*restore.InPlaceOutput); ok {
		if n := in.Unreadable(); n > 0 {
			env.Warnf("%s of what was there could not be read, and were written", cli.FormatSize(n))
		}
		env.Notef("%s written, the rest was there already", cli.FormatSize(in.Written()))
	}
	return nil
}

// openInput opens FILE. If keepGoing is set, it does not rely on the index of FILE.
func openInput(env *cli.Env, o restore.Options, keepGoing bool, args []string) (*cli.Packed, error) {
	if keepGoing {
		return cli.OpenInput(env, args)
	}
	return cli.OpenPacked(env, args, archive.Options{Identities: o.Identities, Find: o.Find, Codecs: o.Codecs, CacheBytes: o.CacheBytes})
}
