package codec

import (
	"bytes"
	"testing"
)

// What samples have in common comes last and once; what a sample repeats for
// itself is not wanted.
func TestCover(t *testing.T) {
	common, own := randomBytes(1, 300), randomBytes(2, 300)
	samples := [][]byte{
		append(randomBytes(3, 2000), common...),
		append(bytes.Repeat(own, 10), common...),
		append(bytes.Clone(common), randomBytes(4, 2000)...),
	}
	got := newCover(samples).build(samples, 4096)
	// A few other strings have the same hash by chance.
	if !bytes.HasSuffix(got, common) || len(got) > 1000 || bytes.Contains(got, own[:50]) {
		t.Errorf("%d bytes, common at %d, own at %d", len(got), bytes.Index(got, common), bytes.Index(got, own[:50]))
	}
	if got := newCover(samples).build(samples, 100); len(got) != 100 {
		t.Errorf("%d bytes of 100", len(got))
	}
}
