package parents

import (
	"errors"
	"testing"

	"hexz/pkg/stream"
)

// A parent has no chunk after its last, and none of another length.
func TestCheckParentsBounds(t *testing.T) {
	c := &Check{parents: []*chunkList{{loaded: true}}}
	if err := c.entry(&stream.Entry{Kind: stream.ParentRef, Len: 1}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("the first chunk of none: %v", err)
	}
	// The last chunk of a stream may be of any length.
	c = &Check{parents: []*chunkList{{loaded: true, hashes: []stream.Hash{{1}}, sizes: []uint32{5}}}}
	if err := c.entry(&stream.Entry{Kind: stream.ParentRef, Hash: stream.Hash{1}, Len: 6}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("another length: %v", err)
	}
}
