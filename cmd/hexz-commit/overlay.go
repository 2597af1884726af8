package main

import (
	"errors"
	"fmt"
	"strconv"

	"hexz/cmd/internal/cli"
	"hexz/internal/patient"
	"hexz/pkg/commit"
	"hexz/pkg/overlay"
)

// chainAll is the value of --chain without a number.
const chainAll = "all"

// overlayOptions returns the options from flags that apply to all overlays.
func (o *flags) overlayOptions(env *cli.Env) (commit.OverlayOptions, error) {
	options := commit.OverlayOptions{
		Format:       o.format,
		ChainOptions: overlay.ChainOptions{Open: env.Input, BackingFormat: o.backing},
	}
	switch {
	case !o.set.Changed("chain"):
	case o.chain == chainAll:
		options.Layers = -1
	default:
		n, err := strconv.Atoi(o.chain)
		if err != nil || n < 1 {
			return options, cli.Usagef("--chain=%s is no number of files", o.chain)
		}
		options.Layers = n
	}
	return options, nil
}

// overlay opens one overlay.
func (o *flags) overlay(env *cli.Env, in *inputs, path, mapPath string, options commit.OverlayOptions) (*commit.Overlay, error) {
	f, err := in.open(env, path)
	if err != nil {
		return nil, err
	}
	if mapPath != "" {
		if options.Layers < 0 {
			return nil, cli.Usagef("--chain needs a number for a map: --chain=N")
		}
		m, err := in.open(env, mapPath)
		if err != nil {
			return nil, err
		}
		options.Map = patient.New(m)
	}
	v, err := commit.OpenOverlay(f, options)
	if err != nil && mapPath != "" {
		err = fmt.Errorf("map %s of %w", mapPath, err)
	}
	if err != nil {
		return nil, explain(err)
	}
	if !v.Qcow2 && o.set.Changed("backing-format") {
		return nil, cli.Usagef("--backing-format is for qcow2 files, and %s is none", f.Name())
	}
	for _, path := range v.Files[1:] {
		env.Verbosef("%s: reads the backing file %s", f.Name(), path)
	}
	for _, path := range v.Guessed {
		env.Warnf("the format of the backing file %s is not given: it is taken for raw", path)
	}
	if o.unchecked {
		v.Below = nil
	} else if v.Unchecked != nil {
		env.Warnf("%s: the base is not checked: %v", f.Name(), v.Unchecked)
	}
	return &v.Overlay, nil
}

// hintChain adds to err, about the OVERLAY arg, that a number was meant for --chain.
func (o *flags) hintChain(arg string, err error) error {
	if _, notNumber := strconv.Atoi(arg); notNumber == nil && o.chain == chainAll {
		return cli.WithHint(err, "a value of --chain stands after an equals sign: --chain="+arg)
	}
	return err
}

// explain adds what helps against errors of opening an overlay.
func explain(err error) error {
	switch {
	case errors.Is(err, overlay.ErrChain):
		return cli.WithHint(err, "--chain, if the base was made of the last file; --chain=N, if only the first N files are newer than the base")
	case errors.Is(err, overlay.ErrNotDirty):
		return cli.WithHint(err, "nbdinfo --map=qemu:dirty-bitmap:NAME lists what has changed")
	case errors.Is(err, overlay.ErrFormat):
		return cli.WithHint(err, "--backing-format says which it is; do not guess if the image is a stranger's")
	case errors.Is(err, commit.ErrNotRaw):
		return cli.WithHint(err, "convert it with qemu-img, or unpack it; --format raw takes its bytes as they are")
	}
	return err
}
