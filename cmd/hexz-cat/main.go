// Command hexz-cat restores what was packed.
package main

import (
	"errors"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o stage.CatOptions
	var ids cli.IdentityFlags
	var signers cli.SignerFlags
	var parents cli.ParentFlags
	return &cli.Command{
		Name:  "hexz-cat",
		Args:  "[FILE]",
		Short: "Restore a stream of an archive or chunk stream",
		Long: `Writes the content of one stream of FILE, an archive or a chunk stream, to
standard output, or to the file or device that -o names. Without FILE, or with
"-", it reads standard input; a copy of all chunks then goes to a temporary file
in $TMPDIR, since later parts may refer to them.

Every byte is verified before it is written. On a regular file holes become
holes again; on a device every byte is written. An encrypted archive needs -i,
or its passphrase.`,
		Example: `  hexz-cat disk.hxz > disk.img
  hexz-cat --stream memory -o ram.bin vm.hxz
  ssh host 'cat disk.hxz' | hexz-cat --offset 1M --length 512 | xxd`,
		MaxArgs: 1,
		Threads: true, Output: true, Progress: true,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&o.Stream, "stream", "", "`NAME` of the stream, if there are several")
			f.Var(cli.SizeVar(&o.Offset, 0), "offset", "`SIZE` of what is left out at the start")
			f.Var(cli.OptionalSizeVar(&o.Length), "length", "`SIZE` of what is written (default up to the end)")
			parents.AddFlags(f)
			ids.AddFlags(f)
			signers.AddFlags(f)
		},
		Run: func(env *cli.Env, args []string) (err error) {
			if o.Identities, err = ids.Load(env, false); err != nil {
				return err
			}
			if o.SignedBy, err = signers.Load(); err != nil {
				return err
			}
			if ids.Given() {
				o.Note = env.Warn
			}
			find := parents.Finder(args)
			defer find.Close()
			o.Find = find.Find
			return ids.Explain(run(env, o, args))
		},
	}
}

func run(env *cli.Env, o stage.CatOptions, args []string) error {
	in, err := cli.OpenPacked(env, args, o.Identities, o.Find)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	dst, err := destination(out)
	if err != nil {
		return err
	}
	o.Threads = env.Threads
	total := int64(-1)
	if o.Length != nil {
		total = *o.Length
	}
	o.Progress = env.Progress(total)
	if in.Archive != nil {
		err = stage.Cat(env.Ctx, dst, in.Archive, o)
	} else {
		err = stage.CatStream(env.Ctx, dst, in.File, o)
	}
	if errors.Is(err, stage.ErrChoose) {
		return cli.WithHint(cli.Usagef("%w", err), "name it by --stream")
	}
	if err == nil {
		err = dst.Flush()
	}
	if err != nil {
		return in.Explain(err)
	}
	return out.Commit()
}

// flushOutput is an archive.Output that has to be flushed at the end.
type flushOutput interface {
	archive.Output
	Flush() error
}

// destination keeps holes on regular files, and writes every byte elsewhere.
func destination(out *cli.Output) (flushOutput, error) {
	if out.Regular() {
		return stage.NewFileOutput(out.File())
	}
	return stage.NewPlainOutput(out), nil
}
