package hostiletest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrite writes the cases into the directory that HEXZ_HOSTILE names, for the tests of the
// binaries. The file "cases" there lists the outcome that each reader must have.
func TestWrite(t *testing.T) {
	dir := os.Getenv("HEXZ_HOSTILE")
	if dir == "" {
		t.Skip("makes files")
	}
	write := func(name string, p []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var list strings.Builder
	for size, cases := range map[string][]Case{"small": Cases(), "large": Large()} {
		for _, c := range cases {
			name := strings.NewReplacer(" ", "-", ",", "", "^", "").Replace(c.Name) + ".hxz"
			write(name, c.Make())
			fmt.Fprint(&list, size, " ", name)
			for _, reader := range []string{"scan", "cat", "restore", "verify", "inspect", "dedup", "diff", "commit"} {
				fmt.Fprint(&list, " ", c.Class(reader))
			}
			list.WriteByte('\n')
		}
	}
	write("cases", []byte(list.String()))
	write("text.hxz", Text())
	write("names.hxz", NameText())
	write("abort.hxs", AbortText())
}

// A case with a wrong name or word would go unnoticed.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range append(Cases(), Large()...) {
		if seen[c.Name] || c.Want == "" {
			t.Errorf("%q: twice, or nothing expected of it", c.Name)
		}
		seen[c.Name] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d cases", len(seen))
	}
}
