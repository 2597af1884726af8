package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file takes its name, whether it had a temporary one or none, also if another file took the name
// meanwhile.
func TestTempFile(t *testing.T) {
	for _, named := range []bool{false, true} {
		for _, before := range []string{"", "at the start", "meanwhile"} {
			dir := t.TempDir()
			path := filepath.Join(dir, strings.Repeat("n", 255))
			var info os.FileInfo
			if before == "at the start" {
				write(t, path, "old")
				info, _ = os.Stat(path)
			}
			f, err := newTempFile(path, info)
			if err != nil {
				t.Fatal(err)
			}
			if named && f.name == "" {
				f.Close()
				if f.File, err = createTemp(path, 0o600); err != nil {
					t.Fatal(err)
				}
				f.name = f.Name()
			}
			if _, err := f.WriteString("new"); err != nil {
				t.Fatal(err)
			}
			if before == "meanwhile" {
				write(t, path, "other")
			}
			if err := f.place(); err != nil {
				t.Errorf("named %v, %s: %v", named, before, err)
			}
			f.remove() // which does nothing then
			f.Close()
			if got := names(t, dir); got != filepath.Base(path) || read(t, path) != "new" {
				t.Errorf("named %v, %s: %s, %q", named, before, got, read(t, path))
			}
		}
	}
}

func TestTempFileRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	f, err := createTemp(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	temp := &tempFile{File: f, target: path, name: f.Name()}
	temp.remove()
	if err := temp.place(); err == nil || names(t, dir) != "" {
		t.Errorf("%v, left %s", err, names(t, dir))
	}
}
