package stage_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/parents"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Nodes are checked as chunks are, and so are the nodes that they consist of in a parent.
func TestCheckParentsOfNodes(t *testing.T) {
	dir := t.TempDir()
	cut := stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 256}})
	list := stagetest.Versions(3)
	write := func(name string, p []byte) parents.Parent {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, p, 0o666); err != nil {
			t.Fatal(err)
		}
		p0, err := parents.Open(nil, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p0.Close)
		return p0
	}
	thin := func(p []byte, on ...parents.Parent) []byte {
		find := &parents.Finder{Dirs: []string{dir}}
		defer find.Close()
		return stagetest.Pipe(t, p, cut, stagetest.DroppingKnown(stage.DedupOptions{Parents: on, Find: find.Index}))
	}
	check := func(in []byte) error {
		_, err := stage.Seal(t.Context(), io.Discard, bytes.NewReader(in), stage.SealOptions{CheckParents: dir})
		return err
	}
	v0 := write("v0.hxz", stagetest.Pipe(t, list[0], cut, stagetest.Sealing()))
	next := thin(list[1], v0)
	v1 := write("v1.hxz", stagetest.Pipe(t, next, stagetest.Sealing()))
	for name, c := range map[string]struct {
		change func(*stream.Entry)
		text   string
	}{
		"as it is":       {func(*stream.Entry) {}, ""},
		"another node":   {func(e *stream.Entry) { e.Offset += 256 }, "there is another node of level"},
		"within a chunk": {func(e *stream.Entry) { e.Offset++ }, "begins or ends within the entry"},
		"no such stream": {func(e *stream.Entry) { e.Stream++ }, "node of stream 1, there are 1"},
		"no such range":  {func(e *stream.Entry) { e.Offset = 1 << 40 }, "which has 614400 bytes"},
		"another digest": {func(e *stream.Entry) { e.Hash[0]++ }, "there is another node of level"},
	} {
		err := check(stagetest.Pipe(t, next, stagetest.Changing(stream.NodeRef, c.change)))
		if c.text == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, stream.ErrCorrupt) || !strings.Contains(err.Error(), c.text) ||
			!strings.Contains(err.Error(), `stream "disk", node at offset `) || !strings.Contains(err.Error(), v0.Index.ID().String()) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// All of v1 is a node of it, which consists of nodes of v0.
	last := thin(list[1], v1)
	if info := stagetest.OpenArchive(t, stagetest.Pipe(t, last, stagetest.Sealing())).Info(); info.Totals.Node.N != 1 || info.Totals.Node.Bytes != int64(len(list[1])) {
		t.Fatalf("not one node: %+v", info.Totals)
	}
	if err := check(last); err != nil {
		t.Errorf("nodes within a node: %v", err)
	}
	lies := write("lies.hxz", stagetest.Pipe(t, next, stagetest.Changing(stream.NodeRef, func(e *stream.Entry) { e.Offset += 256 }), stagetest.Sealing()))
	from, to := v1.Index.ID(), lies.Index.ID()
	if err := check(bytes.Replace(last, from[:], to[:], 1)); !errors.Is(err, stream.ErrCorrupt) || !strings.Contains(err.Error(), "parent "+v0.Index.ID().String()) {
		t.Errorf("another node within a node: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "v0.hxz")); err != nil {
		t.Fatal(err)
	}
	if err := check(last); !errors.Is(err, archive.ErrParent) || !strings.Contains(err.Error(), v0.Index.ID().String()) {
		t.Errorf("a parent of a parent is missing: %v", err)
	}
}
