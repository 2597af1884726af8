package overlay

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
)

func TestSparse(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("holes are not known here")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range []int64{0, 1 << 20, 9<<20 + 4096} {
		if _, err := f.WriteAt(make([]byte, 8192), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(9<<20 + 5000); err != nil {
		t.Fatal(err)
	}
	img, err := NewSparse(f)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := all(img)
	want := []Change{{0, 8192, false}, {1 << 20, 8192, false}, {9<<20 + 4096, 904, false}}
	if err != nil || !reflect.DeepEqual(list, want) || img.Size() != 9<<20+5000 {
		t.Errorf("%v, %v", list, err)
	}
	empty, err := os.Create(filepath.Join(t.TempDir(), "empty"))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if img, err = NewSparse(empty); err != nil {
		t.Fatal(err)
	}
	if list, _, err := all(img); err != nil || len(list) != 0 {
		t.Errorf("empty: %v, %v", list, err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := NewSparse(null); err == nil {
		t.Error("a device was taken for a sparse file")
	}
}
