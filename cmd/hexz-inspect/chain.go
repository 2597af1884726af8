package main

import (
	"bufio"
	"fmt"
	"io"

	"hexz/cmd/internal/cli"
	"hexz/pkg/inspect"
)

// chain prints the parents of an archive as a tree. It then fails if a parent that is needed is
// missing, or if one that exists cannot be read.
func chain(w *bufio.Writer, o *flags, in *cli.Packed, opts inspect.ChainOptions) error {
	if in.Archive == nil {
		return cli.Usagef("--chain is for an archive in a file only")
	}
	rep, err := inspect.Chain(in.Archive, opts)
	if err != nil {
		return err
	}
	rep.Archives[0].Path = in.File.Name()
	if o.json {
		err = encode(w, rep)
	} else {
		err = draw(w, rep)
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = in.Archive.CheckParents()
	}
	if err == nil {
		err = rep.Err()
	}
	return err
}

// draw prints a report as a tree.
func draw(w io.Writer, rep *inspect.ChainReport) error {
	t := &tree{w: w, list: rep.Archives, under: map[int]int{0: -1}}
	for n := range t.list {
		for _, p := range t.list[n].Parents {
			if _, ok := t.under[p.Archive]; !ok {
				t.under[p.Archive] = n
			}
		}
	}
	t.printf("%s\n", t.describe(0))
	t.parents(0, "")
	return t.err
}

// tree prints a chain. An archive that several others name is printed in full below the first of
// them, and as the first digits of its id below the rest.
type tree struct {
	w     io.Writer
	err   error
	list  []inspect.ChainArchive
	under map[int]int // the archive below which each is printed in full
}

func (t *tree) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// parents prints the parents of archive n.
func (t *tree) parents(n int, indent string) {
	list := t.list[n].Parents
	for i, p := range list {
		branch, below := "├── ", "│   "
		if i == len(list)-1 {
			branch, below = "└── ", "    "
		}
		taken := cli.FormatSize(p.Taken.Bytes+p.Nodes.Bytes) + " taken"
		if p.Nodes.N > 0 {
			taken += fmt.Sprintf(", %s of it in %s", cli.FormatSize(p.Nodes.Bytes), cli.Counted(p.Nodes.N, "node"))
		}
		if p.Patches > 0 {
			taken += fmt.Sprintf(", %d patches on it", p.Patches)
		}
		if t.under[p.Archive] != n {
			t.printf("%s%s%.12s  %s\n", indent, branch, p.ID, taken)
			continue
		}
		t.printf("%s%s%s, %s\n", indent, branch, t.describe(p.Archive), taken)
		t.parents(p.Archive, indent+below)
	}
}

// describe returns everything known about archive n.
func (t *tree) describe(n int) string {
	a := &t.list[n]
	stored := fmt.Sprintf("%s  %s: %s stored", a.ID, printable(a.Path), cli.FormatSize(a.Size))
	if a.OtherID != "" {
		stored += fmt.Sprintf(", sealed anew with the id %.12s", a.OtherID)
	}
	switch {
	case a.Missing:
		return fmt.Sprintf("%s  %s: missing", a.ID, printable(a.Hint))
	case a.Error != "":
		return fmt.Sprintf("%s, %s", stored, printable(a.Error))
	}
	return fmt.Sprintf("%s, %s of own data", stored, cli.FormatSize(a.Data.Bytes))
}
