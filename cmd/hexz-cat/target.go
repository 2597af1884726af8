package main

import (
	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/restore"
)

// target says how the content is written.
type target struct {
	inPlace bool
	sparse  string
}

func (t *target) addSparse(f *pflag.FlagSet) {
	f.Var(cli.ChoiceVar(&t.sparse, "auto", "auto", "always", "never"), "sparse",
		"make holes in a regular file: `WHEN` is auto, where there were holes; always, the same without a value, where there are zeros, which came through a pipe; or never")
	f.Lookup("sparse").NoOptDefVal = "always"
}

// flushOutput is an archive.Output that has to be flushed at the end.
type flushOutput interface {
	archive.Output
	Flush() error
}

// open opens the output.
func (t *target) open(env *cli.Env) (out *cli.Output, dst flushOutput, err error) {
	if t.inPlace {
		out, err = env.OutputInPlace()
	} else {
		out, err = env.ContentOutput()
	}
	if err != nil {
		return nil, nil, err
	}
	sparse := map[string]restore.Sparse{"auto": restore.SparseAuto, "always": restore.SparseAlways, "never": restore.SparseNever}[t.sparse]
	switch {
	case sparse == restore.SparseAlways && (out.Device() || !t.inPlace && !out.Regular()):
		err = cli.WithHint(cli.Usagef("--sparse=always is for regular files: only they have holes"), "name a file by -o")
	case t.inPlace:
		dst, err = restore.NewInPlaceOutput(out.File(), sparse)
	case out.Device():
		dst = restore.NewDeviceOutput(out, out.Room())
	case out.Regular():
		dst, err = restore.NewFileOutput(out.File(), sparse)
	default:
		dst = restore.NewPlainOutput(out)
	}
	if err != nil {
		out.Cleanup()
	}
	return out, dst, err
}
