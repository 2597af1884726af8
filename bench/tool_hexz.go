package main

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// pipeline is hexz: it packs by a pipeline. What comes later is a thin archive beside the first.
type pipeline struct {
	store
	chunk, compress []string // options
	delta           []string // of hexz-delta; nil: without it
	encrypt         bool
	threads         int // 0: as many as there are

	recipient string
}

func hexzKind(name, how string, options pipeline, skip ...string) Kind {
	return Kind{Name: name, How: how, Needs: "hexz-chunk", Dedup: true, Skip: skip, Open: func(dir store) Tool {
		h := options
		h.store = dir
		return &h
	}}
}

func (h *pipeline) Fresh(r *Runner) {
	h.store.Fresh(r)
	if h.encrypt {
		h.recipient = strings.TrimSpace(r.Output(command("hexz-keygen", "encrypt", "-o", h.beside("key"))))
	}
}

// archive returns the path of what a version is packed to.
func (h *pipeline) archive(name string) string { return h.data(name + ".hxz") }

func (h *pipeline) Pack(v Version) Command { return h.packed(v, "") }

func (h *pipeline) Next(v, base Version) Command { return h.packed(v, h.archive(base.Name)) }

func (h *pipeline) packed(v Version, parent string) Command {
	var threads, thin []string
	if h.threads > 0 {
		threads = []string{"-T", strconv.Itoa(h.threads)}
	}
	if parent != "" {
		thin = []string{"--parent", parent}
	}
	stages := [][]string{
		slices.Concat([]string{"hexz-chunk"}, threads, h.chunk, []string{v.File}),
		slices.Concat([]string{"hexz-dedup"}, thin),
	}
	if parent != "" && h.delta != nil {
		stages = append(stages, slices.Concat([]string{"hexz-delta", "--parent-dir", filepath.Dir(parent)}, thin, h.delta))
	}
	seal := []string{"hexz-seal", "-o", h.archive(v.Name)}
	if h.encrypt {
		seal = append(seal, "-q", "-r", h.recipient)
	}
	return Command{Stages: append(stages, slices.Concat([]string{"hexz-compress"}, threads, h.compress), seal)}
}

func (h *pipeline) Restore(v Version, target string) Command {
	return h.read(v.Name, "hexz-cat", "-o", target)
}

func (h *pipeline) Salvage(v Version, target string) Command {
	return h.read(v.Name, "hexz-cat", "--keep-going", "-o", target)
}

func (h *pipeline) Verify() Command { return h.read(first, "hexz-verify") }

// VerifyStored checks without decoding, and without a key.
func (h *pipeline) VerifyStored() Command {
	return command("hexz-verify", "--level", "stored", h.archive(first))
}

// read returns the command of a reader. An option -o without a target is left out.
func (h *pipeline) read(name string, argv ...string) Command {
	if argv[len(argv)-1] == "" {
		argv = argv[:len(argv)-2]
	}
	if h.encrypt {
		argv = append(argv, "-i", h.beside("key"))
	}
	return command(append(argv, h.archive(name))...)
}
