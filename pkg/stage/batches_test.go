package stage

import (
	"bytes"
	"io"
	"testing"

	"hexz/pkg/chunker"
)

// Small pieces between holes share batches: as many are made as can be under way, and no more.
func TestBatchesAreShared(t *testing.T) {
	split, err := chunker.NewSplitter(chunker.Options{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	extents := 0
	src := Source{Name: "disk", Size: -1, next: func(int64) (extent, error) {
		if extents++; extents > 2000 {
			return extent{}, io.EOF
		}
		if extents%2 == 0 {
			return extent{run: chunker.ZeroRun, hole: true}, nil
		}
		return extent{data: bytes.NewReader(make([]byte, 4096))}, nil
	}}
	c := newPacker(nil, ChunkOptions{Threads: 1})
	seen := map[*batch]bool{}
	for s, err := range c.stepsOf(split, &src, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if s.batch != nil {
			seen[s.batch] = true
			c.give(s.batch)
		}
	}
	if len(seen) < 1 || len(seen) > 2 {
		t.Errorf("%d batches", len(seen))
	}
}
