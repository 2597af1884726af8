package inspect_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/inspect"
	"hexz/pkg/parents"
)

func TestChain(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(4)
	paths := stagetest.ThinChain(t, dir, list)
	f := &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	r := stagetest.OpenFile(t, paths[3], f.Find)
	rep, err := inspect.Chain(r, inspect.ChainOptions{Find: f.Find})
	if err != nil || len(rep.Archives) != 4 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for i, a := range rep.Archives { // v3, then v2, v1, v0
		n := 3 - i
		taken := int64(0)
		for k, p := range a.Parents {
			if rep.Archives[p.Archive].ID != p.ID || p.Archive != i+1+k {
				t.Errorf("v%d: parent %d is %+v", n, k, p)
			}
			taken += p.Taken.Bytes
		}
		info, _ := os.Stat(paths[n])
		if len(a.Parents) != n || a.Data.Bytes+taken > int64(len(list[n])) || a.Data.Bytes == 0 || a.Size != info.Size() || a.Missing || a.Error != "" {
			t.Errorf("v%d: %+v", n, a)
		}
		if i > 0 && (a.Path != paths[n] || a.Hint != filepath.Base(paths[n])) {
			t.Errorf("v%d: is at %q, hint %q", n, a.Path, a.Hint)
		}
	}

	// Missing and damaged archives are part of the report.
	f.Close()
	if err := os.Remove(paths[1]); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(paths[2])
	raw[len(raw)-70] ^= 1 // in the root
	if err := os.WriteFile(paths[2], raw, 0o666); err != nil {
		t.Fatal(err)
	}
	f = &parents.Finder{Dirs: []string{dir}}
	defer f.Close()
	rep, err = inspect.Chain(r, inspect.ChainOptions{Find: f.Find})
	if err != nil || len(rep.Archives) != 4 {
		t.Fatalf("%+v, %v", rep, err)
	}
	damaged, missing := rep.Archives[1], rep.Archives[2]
	if damaged.Missing || !strings.Contains(damaged.Error, "damaged") || damaged.Path != paths[2] {
		t.Errorf("damaged: %+v", damaged)
	}
	if !missing.Missing || !strings.Contains(missing.Error, dir) || missing.Path != "" {
		t.Errorf("missing: %+v", missing)
	}
	if rep, err = inspect.Chain(r, inspect.ChainOptions{}); err != nil || !rep.Archives[3].Missing {
		t.Errorf("nowhere to look: %+v, %v", rep, err)
	}
	other, _ := os.Open(paths[0])
	defer other.Close()
	info, _ := other.Stat()
	rep, err = inspect.Chain(r, inspect.ChainOptions{Find: stagetest.Yielding(archive.Copy{ReaderAt: other, Size: info.Size()}, nil)})
	if err != nil || !strings.Contains(rep.Archives[1].Error, "it has the id") || rep.Archives[3].Error != "" {
		t.Errorf("another archive was found: %+v, %v", rep, err)
	}
	boom := errors.New("boom")
	rep, err = inspect.Chain(r, inspect.ChainOptions{Find: stagetest.Yielding(archive.Copy{}, boom)})
	if err != nil || rep.Archives[1].Error != "boom" || rep.Archives[1].Missing {
		t.Errorf("search failed: %+v, %v", rep, err)
	}
}
