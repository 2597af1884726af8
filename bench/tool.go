package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Version is something to store: its name in the store, and the file that it is.
type Version struct{ Name, File string }

// Names of versions.
const (
	first = "first"
	again = "again"
	next  = "next"
)

// Tool is one tool with one set of options, and what it stores. A method that returns a Command
// without stages says that the tool has nothing of the kind.
type Tool interface {
	Fresh(r *Runner)                          // makes an empty store; not measured
	Pack(v Version) Command                   // stores the first version
	Next(v, base Version) Command             // stores a version beside base
	Restore(v Version, target string) Command // to a file; without a target to nowhere, or to Stdout
	Verify() Command                          // checks the content of the first version
	Size() int64                              // bytes of all that is stored
}

// Salvager is a Tool with a way of its own to read what is damaged.
type Salvager interface {
	Salvage(v Version, target string) Command
}

// Kind describes a Tool, and opens one that has its store in a directory.
type Kind struct {
	Name   string
	How    string   // its options, for reports
	Needs  string   // the program that has to be installed
	Dedup  bool     // it finds duplicates
	Slow   bool     // fewer rounds are enough
	ToFile bool     // Restore needs a target: it cannot write to Stdout
	Skip   []string // steps that tell nothing about it
	Open   func(dir store) Tool
}

// packKinds are the tools of pack.
func packKinds() []Kind {
	return []Kind{
		hexzKind("hexz", "zstd, all defaults", pipeline{}),
		hexzKind("hexz s2", "hexz-compress -c s2", pipeline{compress: words("-c s2")}, known, verify),
		hexzKind("hexz lz4", "hexz-compress -c lz4", pipeline{compress: words("-c lz4")}, known, second, verify),
		hexzKind("hexz -r", "zstd, hexz-seal -r to an X25519 key of age", pipeline{encrypt: true}, known, second),
		{Name: "zstd", How: "-T0 -3", Needs: "zstd", Open: newZstd},
		{Name: "lz4", How: "-1", Needs: "lz4", Open: newLz4},
		{Name: "qcow2", How: "qemu-img convert -c, zstd", Needs: "qemu-img", Slow: true, ToFile: true, Open: newQcow2},
		casyncKind("casync"), casyncKind("desync"), resticKind(), borgKind("borg"),
		{Name: "hexz-rust", How: "hexz-cli of crates.io, zstd", Needs: "hexz", Dedup: true, Slow: true, ToFile: true, Open: newRust},
	}
}

// versionKinds are the tools of versions.
func versionKinds() []Kind {
	return []Kind{hexzKind("hexz", "", pipeline{}), casyncKind("casync"), resticKind(), borgKind("borg, lz4")}
}

// deltaKinds are the tools of deltas. The first three cut larger chunks.
func deltaKinds() []Kind {
	var kinds []Kind
	for _, cut := range []string{", --avg 64K", ""} {
		chunk := words(strings.TrimPrefix(cut, ","))
		kinds = append(kinds,
			hexzKind("hexz"+cut, "", pipeline{chunk: chunk}),
			hexzKind("hexz-delta"+cut, "", pipeline{chunk: chunk, delta: []string{}}),
			hexzKind("hexz-delta --self"+cut, "", pipeline{chunk: chunk, delta: words("--self")}))
	}
	kinds = append(kinds, Kind{Name: "zstd --patch-from", Needs: "zstd", Open: newPatchZstd})
	return append(kinds, versionKinds()[1:]...)
}

func (k Kind) skips(step string) bool { return slices.Contains(k.Skip, step) }

// Peer is a Tool that takes part.
type Peer struct {
	Kind
	Tool
	dir store
}

// open opens a tool with its store in a directory of its own below dir.
func (k Kind) open(dir string) *Peer {
	at := store(filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(k.Name)))
	return &Peer{k, k.Open(at), at}
}

// peers opens the tools that are asked for and installed. It returns the names of those that are not
// installed, too.
func (s *Session) peers(kinds []Kind, dir string) (peers []*Peer, missing []string) {
	for _, k := range kinds {
		if len(s.only) > 0 && !slices.Contains(s.only, k.Name) && k.Name != "hexz" {
			continue
		}
		if _, err := exec.LookPath(k.Needs); err != nil {
			s.say("left out: %s: there is no program %s", k.Name, k.Needs)
			missing = append(missing, k.Name)
			continue
		}
		peers = append(peers, k.open(dir))
	}
	return peers, missing
}

// store is the directory of a Tool. What it stores is in data, and all else beside it.
type store string

func (s store) beside(name string) string { return filepath.Join(string(s), name) }
func (s store) data(name string) string   { return filepath.Join(string(s), "data", name) }

func (s store) Fresh(*Runner) {
	s.remove()
	check(os.MkdirAll(s.data(""), 0o777))
}

func (s store) remove()                      { check(os.RemoveAll(string(s))) }
func (s store) Size() int64                  { return sizeOf(s.data("")) }
func (s store) Next(v, base Version) Command { return Command{} }
func (s store) Verify() Command              { return Command{} }
