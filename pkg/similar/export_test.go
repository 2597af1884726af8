package similar

import (
	"bytes"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
)

// deltaWork is the amount that Delta has looked at, see bases.
type deltaWork struct {
	Held, Looked int64
	Searched     bool
}

// Nearest is nearest.
var Nearest = nearest

// DeltaOf passes a stream through Delta, and returns the output and the work that it took.
func DeltaOf(t testing.TB, thin []byte, find archive.FindFunc) ([]byte, deltaWork) {
	t.Helper()
	var dst bytes.Buffer
	d := &deltifier{out: flow.NewWriter(&dst, "", nil), in: archive.NewScanner(bytes.NewReader(thin), nil)}
	d.o = Options{Find: find, Threads: 2, MaxMemory: DefaultIndex}
	defer d.close()
	if _, err := d.out.Finish(d.run(t.Context())); err != nil {
		t.Fatal(err)
	}
	return dst.Bytes(), deltaWork{d.bases.parentBytes, d.bases.missed, d.bases.sampled}
}
