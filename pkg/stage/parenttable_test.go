package stage

import (
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

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
