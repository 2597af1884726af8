package carve

import (
	"bytes"
	"slices"
	"testing"

	"hexz/pkg/archive"
)

// If the index is intact, frames that stand where they should are found, whatever stands around
// them.
func TestSalvageLandmarks(t *testing.T) {
	const size, count, hit = 700, 20, 4
	content := text(9, size*count)
	p, segments := packed(content, size, "none")
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := r.AreaStart(0)
	at := segments[hit]
	over := func(q []byte) []byte { // q overwrites the segment; the file keeps its length
		bad := bytes.Clone(p)
		clear(bad[at:segments[hit+1]])
		copy(bad[at:segments[hit+1]], q)
		return bad
	}
	for what, bad := range map[string][]byte{
		"the last frames of the body, misplaced": over(p[body-100 : body]),
		"a later segment, misplaced":             over(p[segments[count-2]:segments[count-1]]),
		"an earlier segment, misplaced":          over(p[segments[1]:segments[2]]),
		"a segment cut short":                    slices.Delete(bytes.Clone(p), int(at)+300, int(at)+340),
		"a segment drawn out":                    slices.Insert(bytes.Clone(p), int(at)+300, make([]byte, 40)...),
		"a segment that says it is longer":       over(bytes.Replace(p[at:segments[hit+1]], []byte{0xc5, size >> 8, size & 255}, []byte{0xc5, 8, 0}, 1)),
	} {
		found, s := salvaged(t, bad)
		if s == nil || s.Index() != IndexIntact {
			t.Fatalf("%s: nothing was found, or no index", what)
		}
		for i := range count {
			if chunk := found[0][int64(i*size)]; i != hit && !bytes.Equal(chunk, content[i*size:][:size]) {
				t.Errorf("%s: segment %d, which was not hit, is lost", what, i)
			}
		}
	}
}
