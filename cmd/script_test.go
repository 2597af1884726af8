// Package cmd has the tests of the binaries that need no shell: scripts in testdata/script, see the
// README there.
package cmd

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Where the binaries and the inputs of all scripts are.
var binDir, inDir string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hexz-scripts-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir, inDir = filepath.Join(dir, "bin"), filepath.Join(dir, "in")
	if err := cmp.Or(build(), makeInputs()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("PATH", binDir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

// build makes all binaries, as users have them. With GOFLAGS=-cover and GOCOVERDIR it tells what the
// scripts reach of them.
func build() error {
	// What is read here is what go test looks at before it says "(cached)".
	for _, dir := range []string{"../cmd", "../internal", "../pkg"} {
		if err := filepath.WalkDir(dir, func(string, os.DirEntry, error) error { return nil }); err != nil {
			return err
		}
	}
	mains, err := filepath.Glob("hexz-*")
	if err != nil {
		return err
	}
	args := []string{"build", "-o", binDir + "/"}
	for _, name := range mains {
		args = append(args, "./"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// names returns the names of all binaries.
func names(t *testing.T) (all []string) {
	entries, err := os.ReadDir(binDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestScripts runs each script of each directory but those of TestEvery.
func TestScripts(t *testing.T) {
	const dir = "testdata/script"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "every" {
			t.Run(e.Name(), func(t *testing.T) { runScripts(t, filepath.Join(dir, e.Name())) })
		}
	}
}

// TestEvery runs the scripts of testdata/script/every for each binary, whose name is $NAME.
func TestEvery(t *testing.T) {
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) { runScripts(t, "testdata/script/every", "NAME="+name) })
	}
}

func runScripts(t *testing.T, dir string, vars ...string) {
	testscript.Run(t, testscript.Params{
		Dir:                dir,
		Cmds:               commands,
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("IN", inDir)
			env.Vars = append(env.Vars, vars...)
			return nil
		},
	})
}
