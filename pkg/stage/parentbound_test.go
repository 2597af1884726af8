package stage

import (
	"errors"
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// A parent has no chunk behind its last, and none of another length.
func TestCheckParentsBounds(t *testing.T) {
	c := &parentCheck{parents: []*parentList{{loaded: true}}}
	if err := c.entry(&stream.Entry{Kind: stream.ParentRef, Len: 1}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("the first chunk of none: %v", err)
	}
}

func TestDedupLength(t *testing.T) {
	hash := blake.Sum([]byte("chunk"))
	known := &parentTable{places: []parentPlace{{length: 5}}, numbers: []int32{0}}
	if _, _, err := known.index.Add(hash); err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int64]bool{4: false, 5: true, 6: false} {
		if got := known.find(&stream.Entry{Len: length, Hash: hash}); got != want {
			t.Errorf("a chunk of %d bytes: %v", length, got)
		}
	}
}
