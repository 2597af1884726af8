package stage

import (
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/fold"
	"hexz/pkg/stream"
)

func TestDedupLength(t *testing.T) {
	hash := blake.Sum([]byte("chunk"))
	known := &parentTable{Table: fold.Table{Numbers: []int32{0}}, places: []parentPlace{{length: 5}}}
	if _, _, err := known.index.Add(hash); err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int64]bool{4: false, 5: true, 6: false} {
		if got := known.refer(&stream.Entry{Len: length, Hash: hash}); got != want {
			t.Errorf("a chunk of %d bytes: %v", length, got)
		}
	}
}
