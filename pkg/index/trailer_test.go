package index

import (
	"bytes"
	"errors"
	"testing"

	"hexz/pkg/stream"
)

// A trailer with a damaged byte does not count: the trailer before it does. Without another trailer
// the archive is damaged.
func TestFindTrailer(t *testing.T) {
	const start = 1000
	want := Trailer{Root: Extent{Pos: 300, Len: 200, Digest: Hash{1, 2, 3}}, Magic: ArchiveMagic}
	whole := want.Append(nil)
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		if got, err := FindTrailer(append(bytes.Clone(whole), damaged...), start, ArchiveMagic); err != nil || got != want {
			t.Errorf("byte %d of the last trailer is damaged: %+v, %v", at, got, err)
		}
		if _, err := FindTrailer(damaged, start, ArchiveMagic); !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("byte %d of the only trailer is damaged: %v", at, err)
		}
	}
}
