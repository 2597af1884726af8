package vectors

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stage"
)

// TestSealAgain makes each archive anew from its frames. The body decides every byte of the index, also
// of an archive that another program has written.
func TestSealAgain(t *testing.T) {
	each(t, func(t *testing.T, f *file) {
		if f.Verdict != "ok" && f.Verdict != "codec" && f.Verdict != "parent" || f.ids != nil || f.SignedBy != nil {
			return
		}
		if f.File == "ancillary.hxz" {
			return // a stage drops such frames
		}
		var frames, sealed bytes.Buffer
		_, err := stage.Unseal(t.Context(), &frames, bytes.NewReader(f.bytes), stage.UnsealOptions{})
		if err == nil {
			_, err = stage.Seal(t.Context(), &sealed, &frames, stage.SealOptions{})
		}
		if err != nil || !bytes.Equal(sealed.Bytes(), f.bytes) {
			t.Errorf("%d bytes, and not the same %d (%v)", sealed.Len(), len(f.bytes), err)
		}
	})
}

// TestPages counts the pages of segments, and of nodes from level 0 up, where archives are to have several.
func TestPages(t *testing.T) {
	want := map[string]string{"pages.hxz": "[2 1]", "node-pages.hxz": "[3 3 1]", "zstd.hxz": "[1 1]"}
	each(t, func(t *testing.T, f *file) {
		if want[f.File] == "" {
			return
		}
		var pages []int64
		for _, l := range must(f.open(f.ids)).Root.Lists {
			pages = append(pages, int64(l.Pages))
		}
		if got := fmt.Sprint(pages); got != want[f.File] {
			t.Errorf("pages of each list: %s", got)
		}
	})
}

// TestIndexes opens the exported indexes, which tell of an archive what it tells itself.
func TestIndexes(t *testing.T) {
	each(t, func(t *testing.T, f *file) {
		if f.Of == "" {
			return
		}
		x, err := index.OpenAny(bytes.NewReader(f.bytes), int64(len(f.bytes)), f.ids)
		if err != nil {
			t.Fatal(err)
		}
		if !x.NodesOnly() {
			if err := x.CheckPages(func(err error) bool { t.Error(err); return true }); err != nil {
				t.Error(err)
			}
		}
		for _, err := range x.Nodes(0) {
			if err != nil {
				t.Error(err)
			}
		}
		if x.ID().String() != f.ID || !x.Exported() || x.NodesOnly() != strings.Contains(f.File, "nodes") || x.Encrypted() != (f.ids != nil) {
			t.Errorf("id %v, of nodes only %v, encrypted %v", x.ID(), x.NodesOnly(), x.Encrypted())
		}
		f.compareStreams(t, x.Info())
		for _, of := range load(t) {
			if of.File == f.Of {
				f.compareExport(t, &of)
			}
		}
	})
}

// compareExport exports the index of an archive again.
func (f *file) compareExport(t *testing.T, of *row) {
	t.Helper()
	p := read(t, of.File)
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Identities: identities(t, of)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = r.Export(&out, index.ExportOptions{Open: strings.Contains(f.File, "open"), NodesOnly: strings.Contains(f.File, "nodes")})
	if err != nil || of.ID != f.ID || !bytes.Equal(out.Bytes(), f.bytes) {
		t.Errorf("%s has the id %s, and another index (%v)", of.File, of.ID, err)
	}
}
