package parents

import (
	"os"
	"path/filepath"
	"testing"
)

// Few files of parents are open at a time. A file that was replaced meanwhile is not read.
func TestFilePool(t *testing.T) {
	dir := t.TempDir()
	var pool filePool
	var files []*pooledFile
	for i := range 50 {
		path := filepath.Join(dir, string(rune('A'+i)))
		if err := os.WriteFile(path, []byte{byte(i)}, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := pool.add(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for range 2 {
		for i, f := range files {
			p := make([]byte, 1)
			if _, err := f.ReadAt(p, 0); err != nil || p[0] != byte(i) {
				t.Errorf("file %d: %v, %v", i, p, err)
			}
			if n := pool.open.Len(); n > maxOpenParents {
				t.Fatalf("%d files are open", n)
			}
		}
	}
	pool.close()
	if pool.open.Len() != 0 {
		t.Error("files stay open")
	}
	if err := os.Rename(files[1].path, files[0].path); err != nil {
		t.Fatal(err)
	}
	if _, err := files[0].ReadAt(make([]byte, 1), 0); !isReadError(err) {
		t.Errorf("another file: %v", err)
	}
}
