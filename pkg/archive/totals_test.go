package archive

import (
	"testing"

	"hexz/pkg/index"
)

// Each of the totals is compared with the entries of the index, without reading the body.
func TestVerifyTotals(t *testing.T) {
	p := Small(t).Buf.Bytes()
	totals := func(r *Reader) []*int64 {
		t := &r.Root.Info.Totals
		list := []*int64{&t.Segments}
		for _, c := range []*index.Count{&t.Data, &t.Zero, &t.Hole, &t.Ref, &t.Parent} {
			list = append(list, &c.N, &c.Bytes)
		}
		return list
	}
	for i := range totals(open(t, p)) {
		r := open(t, p)
		*totals(r)[i]++
		if err := r.Verify(t.Context(), VerifyOptions{}); !isDamage(err) {
			t.Errorf("number %d of the totals: %v", i, err)
		}
	}
}
