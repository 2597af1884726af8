package stage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
	"hexz/pkg/parents"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

func TestCheckParents(t *testing.T) {
	dir := t.TempDir()
	list := stagetest.Versions(3)
	paths := stagetest.ThinChain(t, dir, list[:2])
	write := func(dir, name string, p []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	indexes, half := t.TempDir(), t.TempDir()
	for i, path := range paths {
		var exported bytes.Buffer
		if err := stagetest.OpenFile(t, path, nil).Export(&exported, index.ExportOptions{}); err != nil {
			t.Fatal(err)
		}
		write(indexes, filepath.Base(path)+".hxi", exported.Bytes())
		if i == 1 {
			write(half, "v1.hxi", exported.Bytes())
		}
	}
	damaged := t.TempDir()
	for _, path := range paths {
		p, _ := os.ReadFile(path)
		p[len(p)-70] ^= 1
		write(damaged, filepath.Base(path), p)
	}
	write(half, "broken.hxi", []byte("no index"))
	write(half, "noise.hxz", stagetest.Content(5000))

	parent, err := parents.Open(nil, paths[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	thin := stagetest.Pipe(t, list[2], stagetest.Cutting(stage.ChunkOptions{}), stagetest.DroppingKnown(stage.DedupOptions{Parents: []parents.Parent{parent}}), stagetest.Encoding(stage.CompressOptions{}))
	var offsets []int64 // of references to parents
	if _, err := inspect.Stream(bytes.NewReader(thin), inspect.Options{Chunk: func(c inspect.ChunkLine) error {
		if c.Parent != nil {
			offsets = append(offsets, c.Offset)
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	last := stagetest.OpenFile(t, paths[0], nil).Info().Totals.Data.N
	for name, c := range map[string]struct {
		dir    string
		change func(*stream.Entry)
		want   error
		text   string
	}{
		"archives":        {dir: dir},
		"indexes":         {dir: indexes},
		"another ordinal": {indexes, func(e *stream.Entry) { e.Ordinal++ }, stream.ErrCorrupt, "has another hash or length"},
		"no such ordinal": {dir, func(e *stream.Entry) { e.Ordinal = last + 100 }, stream.ErrCorrupt, "which has"},
		"another hash":    {dir, func(e *stream.Entry) { e.Hash[31] ^= 1 }, stream.ErrCorrupt, "has another hash or length"},
		"another parent":  {dir, func(e *stream.Entry) { e.Parent ^= 1 }, stream.ErrCorrupt, "parent"},
		"missing":         {half, nil, archive.ErrParent, "v0.hxz"},
		"no directory":    {filepath.Join(dir, "none"), nil, os.ErrNotExist, "none"},
		"damaged":         {damaged, nil, stream.ErrCorrupt, "damaged"},
	} {
		in := thin
		if c.change != nil {
			in = stagetest.Pipe(t, thin, stagetest.Changing(stream.ParentRef, c.change))
		}
		var buf bytes.Buffer
		_, err := stage.Seal(t.Context(), &buf, bytes.NewReader(in), stage.SealOptions{CheckParents: c.dir})
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if c.change != nil && !strings.Contains(err.Error(), fmt.Sprintf(`stream "disk", chunk at offset %d: `, offsets[9])) {
			t.Errorf("%s: %v does not say where", name, err)
		}
		if index.HasTrailer(bytes.NewReader(buf.Bytes()), int64(buf.Len())) {
			t.Errorf("%s: an archive was made", name)
		}
	}
	// The broken index might have been the one that is missing.
	_, err = stage.Seal(t.Context(), io.Discard, bytes.NewReader(thin), stage.SealOptions{CheckParents: half})
	if err == nil || !strings.Contains(err.Error(), "broken.hxi") {
		t.Errorf("missing, and an index that cannot be opened: %v", err)
	}
	// Without parents there is nothing to look for.
	plain := stagetest.Pipe(t, list[2], stagetest.Cutting(stage.ChunkOptions{}))
	if _, err := stage.Seal(t.Context(), io.Discard, bytes.NewReader(plain), stage.SealOptions{CheckParents: half}); err != nil {
		t.Errorf("not thin: %v", err)
	}
}
