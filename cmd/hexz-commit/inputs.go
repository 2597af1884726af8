package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"hexz/cmd/internal/cli"
	"hexz/pkg/commit"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// inputs are the opened arguments.
type inputs struct {
	overlays []commit.Overlay
	replace  []stage.Source
	total    int64 // bytes of the result, or -1 if they are not known
	files    []*os.File
}

func (in *inputs) close() {
	for i := range in.overlays {
		in.overlays[i].Close()
	}
	for _, f := range in.files {
		f.Close()
	}
}

func (in *inputs) open(env *cli.Env, path string) (*os.File, error) {
	f, err := env.Input(path)
	if err == nil {
		in.files = append(in.files, f)
	}
	return f, err
}

// inputs opens the files that the arguments and flags name. Close the result even after an error.
func (o *flags) inputs(env *cli.Env, args []string) (*inputs, error) {
	in := &inputs{}
	names := make([]string, len(args))
	paths := make([]string, len(args))
	for i, arg := range args {
		if err := checkArg(arg); err != nil {
			return in, err
		}
		if names[i], paths[i], _ = cli.SplitName(arg); names[i] == "" {
			var err error
			if names[i], err = o.only(arg); err != nil {
				return in, err
			}
		}
	}
	mapFiles, err := o.perStream("map", o.maps, names)
	if err != nil {
		return in, err
	}
	sizes, err := o.perStream("size", o.sizes, names)
	if err != nil {
		return in, err
	}
	options, err := o.overlayOptions(env)
	if err != nil {
		return in, err
	}
	for i, name := range names {
		v, err := o.overlay(env, in, paths[i], mapFiles[name], options)
		if err != nil {
			return in, o.hintChain(args[i], cli.ExplainInput(args[i], paths[i], err))
		}
		delete(mapFiles, name)
		v.Stream = name
		in.overlays = append(in.overlays, *v)
	}
	for _, name := range slices.Sorted(maps.Keys(mapFiles)) {
		return in, cli.Usagef("--map of the stream %q, which has no OVERLAY", name)
	}
	if err := in.resize(sizes); err != nil {
		return in, err
	}
	for _, arg := range o.replace {
		name, path, ok := strings.Cut(arg, "=")
		if !ok || !stream.ValidName(name) {
			return in, cli.Usagef("--replace needs NAME=FILE, and not %q", arg)
		}
		src, err := env.Source(name, path)
		if err != nil {
			return in, err
		}
		in.replace = append(in.replace, src)
	}
	in.total = o.total(in)
	return in, nil
}

// checkArg refuses a [NAME=]VALUE with half of it missing, as from a variable that was not set.
func checkArg(arg string) error {
	if name, value, ok := cli.SplitName(arg); ok && (name == "" || value == "") {
		return cli.Usagef("%q needs a NAME before the = and something after it", arg)
	}
	return nil
}

// only returns the name of the only stream of the base, for arg that needs one.
func (o *flags) only(arg string) (string, error) {
	streams := o.archive.Archive.Info().Streams
	if len(streams) == 1 {
		return streams[0].Name, nil
	}
	var list []string
	for _, s := range streams {
		list = append(list, fmt.Sprintf("%q", s.Name))
	}
	return "", cli.WithHint(cli.Usagef("%q needs the NAME of one of %d streams", arg, len(streams)),
		"the streams are "+strings.Join(list, ", ")+"; write NAME=VALUE")
}

// perStream returns the values of a flag by the names of streams. A value without a name is for the
// only OVERLAY.
func (o *flags) perStream(flag string, args, overlays []string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range args {
		if err := checkArg(arg); err != nil {
			return nil, err
		}
		name, value, _ := cli.SplitName(arg)
		if name == "" && len(overlays) == 1 {
			name = overlays[0]
		} else if name == "" {
			var err error
			if name, err = o.only(arg); err != nil {
				return nil, err
			}
		}
		if _, twice := values[name]; twice {
			return nil, cli.Usagef("--%s of the stream %q is given twice", flag, name)
		}
		values[name] = value
	}
	return values, nil
}

// resize applies --size.
func (in *inputs) resize(sizes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		n, err := cli.ParseSize(sizes[name])
		if err != nil {
			return cli.Usagef("--size: %w", err)
		}
		found := false
		for i := range in.overlays {
			if v := &in.overlays[i]; v.Stream == name {
				v.Size, found = &n, true
			}
		}
		if !found {
			in.overlays = append(in.overlays, commit.Overlay{Stream: name, Size: &n})
		}
	}
	return nil
}

// total returns the size of the result in bytes, or -1 if it is not known.
func (o *flags) total(in *inputs) int64 {
	sizes := map[string]int64{}
	for _, s := range o.archive.Archive.Info().Streams {
		sizes[s.Name] = s.Size
	}
	for _, v := range in.overlays {
		if v.Image != nil {
			sizes[v.Stream] = v.Image.Size()
		}
		if v.Size != nil {
			sizes[v.Stream] = *v.Size
		}
	}
	for _, src := range in.replace {
		if sizes[src.Name] = src.Size; src.Size < 0 {
			return -1
		}
	}
	total := int64(0)
	for _, n := range sizes {
		if total += n; total < 0 {
			return -1
		}
	}
	return total
}
