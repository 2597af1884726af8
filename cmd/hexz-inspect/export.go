package main

import (
	"bufio"
	"errors"
	"fmt"

	"hexz/cmd/internal/cli"
	"hexz/pkg/index"
	"hexz/pkg/seal"
)

// export writes the signatures of an archive and the message they sign, in files that minisign
// takes.
func export(env *cli.Env, in *cli.Packed, prefix string) error {
	if in.Archive == nil {
		return cli.Usagef("signatures can be exported of an archive in a file only")
	}
	list := in.Archive.Signatures()
	if len(list) == 0 {
		return errors.New("the archive has no signatures")
	}
	files := []cli.File{{Path: prefix + ".txt", Text: seal.Message(in.Archive.ID())}}
	for _, s := range list {
		files = append(files, cli.File{Path: fmt.Sprintf("%s.%s.minisig", prefix, s.KeyID()), Text: s.Marshal()})
	}
	return env.WriteFiles(files...)
}

// exportIndex writes the index of an archive to the output.
func exportIndex(env *cli.Env, in *cli.Packed, o index.ExportOptions) error {
	if in.Archive == nil {
		return cli.Usagef("an index can be exported of an archive in a file only")
	}
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	w := bufio.NewWriterSize(out, 64<<10)
	if err := in.Archive.Export(w, o); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Commit()
}
