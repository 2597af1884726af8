package restore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hexz/pkg/restore"
)

// Holes and zeros become holes or not as Sparse says. The content is the same.
func TestFileOutput(t *testing.T) {
	const n = 1 << 20
	part := bytes.Repeat([]byte("data"), n/4)
	clear(part[n/2:])
	want := bytes.Join([][]byte{make([]byte, 2*n), part, make([]byte, n)}, nil)
	for name, c := range map[string]struct {
		sparse    restore.Sparse
		allocated int64
	}{
		"auto":   {restore.SparseAuto, 2 * n}, // the zeros and the part
		"always": {restore.SparseAlways, n / 2},
		"never":  {restore.SparseNever, 4 * n},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		out, err := restore.NewFileOutput(f, c.sparse)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(out.Hole(n), out.Zeros(n))
		_, writeErr := out.Write(part)
		if err = errors.Join(err, writeErr, out.Hole(n), out.Flush(), f.Sync()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: other content, of %d bytes: %v", name, len(got), err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if got := 512 * info.Sys().(*syscall.Stat_t).Blocks; got < c.allocated || got > c.allocated+n/4 {
			t.Errorf("%s: %d bytes are allocated, want %d", name, got, c.allocated)
		}
	}
}
