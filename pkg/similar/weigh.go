package similar

import (
	"slices"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

const (
	// weighFrom: patches that cost more than 1/weighFrom of their chunk are weighed. Cheaper
	// patches always beat the codec, except for constant data.
	weighFrom = 32

	// The bytes that the name of a base takes in an archive: in the body and in the index.
	parentBaseBytes, ownBaseBytes = 16, 48
)

// weighPatch drops the patch of j, unless it makes the chunk a fifth smaller than a codec does. The
// margin is needed because operations compress worse than text, and literals lose their context.
// Safe for concurrent use.
func (b *bases) weighPatch(j *job) error {
	if j.patch == nil || j.cost <= len(j.data)/weighFrom {
		return nil
	}
	w := b.scratch.Get().(*scratch)
	defer b.scratch.Put(w)
	size := func(p []byte) int {
		_, out := b.codec.Encode(w.coded, p)
		return len(out)
	}
	w.coded = slices.Grow(w.coded[:0], codec.Bound(len(j.data)))
	patch := size(j.code)
	for i := range j.patch.Bases {
		if patch += parentBaseBytes; j.patch.Bases[i].Parent == stream.OwnBase {
			patch += ownBaseBytes - parentBaseBytes
		}
	}
	if patch*5 > size(j.data)*4 {
		j.patch, j.code = nil, nil
	}
	return nil
}
