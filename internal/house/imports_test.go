// Package house has tests that hold the sources to the rules of the house.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

type row struct{ of, may string }

// Imports between our own packages go one way:
//
//	cmd -> pkg/commit, pkg/salvage, ... -> pkg/stage -> pkg/archive -> pkg/index -> pkg/stream
//
// Every package has a row with the packages that it may import; the first row that fits counts, and
// a * at the end fits any rest. Whoever needs a new edge adds it here, where a reviewer sees it.
// Helpers of tests are in the last row alone: nothing but a test imports them.
var rows = []row{
	{"hexz", "pkg/*"},
	{"cmd/hexz-*", "cmd/internal/* internal/patient pkg/*"},
	{"cmd/internal/cli", "cmd/internal/unlock internal/patient pkg/*"},
	{"cmd/internal/*", "internal/patient pkg/*"},
	{"pkg/salvage", "pkg/carve pkg/stage pkg/restore pkg/flow pkg/archive pkg/index pkg/stream pkg/codec pkg/dedup pkg/ordered pkg/seal"},
	{"pkg/commit", "pkg/stage pkg/fold pkg/flow pkg/archive pkg/index pkg/stream pkg/blake pkg/chunker pkg/overlay"},
	{"pkg/diff", "pkg/restore pkg/flow pkg/archive pkg/index pkg/stream"},
	{"pkg/inspect", "pkg/archive pkg/index pkg/stream pkg/seal"},
	{"pkg/stage", "pkg/parents pkg/fold pkg/flow pkg/archive pkg/index pkg/stream pkg/blake pkg/chunker pkg/codec pkg/dedup pkg/ordered pkg/overlay pkg/seal internal/patient"},
	{"pkg/similar", "pkg/flow pkg/archive pkg/index pkg/stream pkg/blake pkg/codec pkg/delta pkg/ordered pkg/seal"},
	{"pkg/restore", "pkg/flow pkg/archive pkg/index pkg/stream pkg/blake pkg/chunker pkg/codec pkg/ordered pkg/overlay pkg/seal"},
	{"pkg/fold", "pkg/archive pkg/index pkg/stream pkg/dedup"},
	{"pkg/flow", "pkg/archive pkg/index pkg/stream pkg/codec pkg/dedup pkg/ordered"},
	{"pkg/parents", "pkg/archive pkg/index pkg/stream pkg/seal"},
	{"pkg/carve", "pkg/archive pkg/index pkg/stream pkg/stream/wire pkg/blake pkg/codec pkg/seal"},
	{"pkg/archive", "pkg/index pkg/stream pkg/stream/wire pkg/blake pkg/cache pkg/codec pkg/dedup pkg/delta pkg/ordered pkg/seal"},
	{"pkg/index", "pkg/stream pkg/stream/wire pkg/blake pkg/cache pkg/seal"},
	{"pkg/stream", "pkg/stream/wire pkg/blake"},
	{"pkg/stream/wire", ""},
	{"pkg/cache", ""},
	{"pkg/chunker", ""},
	{"pkg/codec", ""},
	{"pkg/dedup", ""},
	{"pkg/delta", ""},
	{"pkg/blake", ""},
	{"pkg/ordered", ""},
	{"pkg/overlay", ""},
	{"pkg/seal", ""},
	{"pkg/keys", "pkg/seal"},
	{"bench*", "bench/synthetic pkg/archive pkg/index pkg/parents pkg/stage pkg/restore pkg/stream pkg/flow pkg/blake pkg/chunker pkg/codec pkg/ordered"},
	{"internal/*", "pkg/* internal/contenttest"},
}

func TestImports(t *testing.T) {
	code, tests := imports(t)
	for name, imported := range code {
		may, ok := allowed(name)
		if !ok {
			t.Errorf("%s has no row here", name)
		}
		for _, other := range imported {
			if ok && !slices.ContainsFunc(may, func(pattern string) bool { return fits(pattern, other) }) {
				t.Errorf("%s must not import %s", name, other)
			}
		}
	}
	// Tests may use what they like, but pkg never knows of cmd.
	for name, imported := range tests {
		for _, other := range imported {
			if fits("pkg/*", name) && fits("cmd/*", other) {
				t.Errorf("a test of %s must not import %s", name, other)
			}
		}
	}
}

// TestLinks holds age and SSH to their place: private keys are read by hexz-unlock alone, and no other
// binary is made larger by them, but for hexz-seal, which wraps keys for public ones, and hexz-keygen.
func TestLinks(t *testing.T) {
	const age, ssh = "filippo.io/age", "golang.org/x/crypto/ssh"
	may := map[string][]string{"hexz/cmd/hexz-unlock": {age, ssh}, "hexz/cmd/hexz-seal": {age, ssh}, "hexz/cmd/hexz-keygen": {age}}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "hexz/cmd/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		linked := strings.Fields(line)
		for _, name := range []string{age, ssh} {
			if slices.Contains(linked, name) && !slices.Contains(may[linked[0]], name) {
				t.Errorf("%s must not link %s", linked[0], name)
			}
		}
	}
}

// allowed returns what a package may import, and whether it has a row.
func allowed(name string) (may []string, ok bool) {
	i := slices.IndexFunc(rows, func(r row) bool { return fits(r.of, name) })
	if i < 0 {
		return nil, false
	}
	return strings.Fields(rows[i].may), true
}

func fits(pattern, name string) bool {
	start, open := strings.CutSuffix(pattern, "*")
	return name == pattern || open && strings.HasPrefix(name, start)
}

// imports returns what each of our packages imports of the others, and what its tests import. Names
// are without "hexz/".
func imports(t *testing.T) (code, tests map[string][]string) {
	code, tests = map[string][]string{}, map[string][]string{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != ".go" {
			return err
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		into := code
		if strings.HasSuffix(file, "_test.go") {
			into = tests
		}
		name := strings.TrimPrefix(path.Join("hexz", path.Dir(file)), "hexz/")
		into[name] = append(into[name], own(parsed)...)
		return nil
	})
	if err != nil || len(code) == 0 {
		t.Fatalf("%d packages: %v", len(code), err)
	}
	return code, tests
}

func own(file *ast.File) (names []string) {
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if name == "hexz" || strings.HasPrefix(name, "hexz/") {
			names = append(names, strings.TrimPrefix(name, "hexz/"))
		}
	}
	return names
}
