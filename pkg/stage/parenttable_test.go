package stage

import (
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

func TestDedupLength(t *testing.T) {
	hash := blake.Sum([]byte("chunk"))
	known := newParentTable(0, nil)
	known.Numbers = []int32{0}
	if _, err := known.chunks.Add(hash, parentPlace{length: 5}); err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int64]bool{4: false, 5: true, 6: false} {
		if got, err := known.refer(&stream.Entry{Len: length, Hash: hash}); got != want || err != nil {
			t.Errorf("a chunk of %d bytes: %v, %v", length, got, err)
		}
	}
}
