package commit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hexz/pkg/overlay"
)

// A file of another format is not a raw image, unless the caller says so.
func TestOpenOverlay(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("KDMV and so on"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenOverlay(f, OverlayOptions{}); !errors.Is(err, ErrNotRaw) || !errors.Is(err, overlay.ErrInvalid) {
		t.Errorf("a VMDK file: %v", err)
	}
	if v, err := OpenOverlay(f, OverlayOptions{Format: FormatRaw}); err != nil || v.Qcow2 {
		t.Errorf("as a raw image: %+v, %v", v, err)
	}
}
