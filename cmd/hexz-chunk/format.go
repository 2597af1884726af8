package main

import (
	"errors"
	"fmt"

	"hexz/cmd/internal/cli"
	"hexz/pkg/commit"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

// formatAuto packs FILEs as they are, with a warning if that is not wise.
const formatAuto = "auto"

// source returns the file at path as a stream.
func (o *flags) source(env *cli.Env, name, path string) (stage.Source, error) {
	if o.format == commit.FormatQcow2 {
		return o.content(env, name, path)
	}
	return env.Source(name, path)
}

// content returns the content that a guest sees of the qcow2 file at path as a stream. The file and
// its backing files are opened at once. None of them may be an output.
func (o *flags) content(env *cli.Env, name, path string) (stage.Source, error) {
	f, err := env.Input(path)
	if err != nil {
		return stage.Source{}, err
	}
	c, err := commit.OpenContent(name, f, overlay.ChainOptions{Open: env.Input, BackingFormat: o.backing})
	if err != nil {
		f.Close()
		if errors.Is(err, overlay.ErrFormat) {
			err = cli.WithHint(err, "--backing-format says which it is; do not guess if the image is a stranger's")
		}
		return stage.Source{}, err
	}
	for _, path := range c.Files[1:] {
		env.Verbosef("%s: reads the backing file %s", name, path)
	}
	for _, path := range c.Guessed {
		env.Warnf("the format of the backing file %s is not given: it is taken for raw", path)
	}
	return c.Source.Closing(func() { f.Close() }), nil
}

// origin returns the name of the input at path for messages.
func origin(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// opaque tells what is wrong with packing a file of that format as it is.
func opaque(origin, format string) string {
	text := fmt.Sprintf("%s begins as a %s file does, and is packed as it is: ", origin, format)
	switch format {
	case commit.FormatQcow2:
		return text + "--format qcow2 packs what a guest sees, --format raw is silent about it"
	case "hexz":
		return text + "hexz-unseal and hexz-compress take it apart; --format raw is silent about it"
	}
	return text + "what it holds cannot be found again in other versions; --format raw is silent about it"
}
