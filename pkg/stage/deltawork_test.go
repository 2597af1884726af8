package stage

import (
	"bytes"
	"hexz/pkg/archive"
	"testing"
)

// deltaWork is what Delta has looked at, see deltaBases.
type deltaWork struct {
	held, looked int64
	searched     bool
}

// deltaOf passes a stream through Delta, and returns what comes out, and what it took.
func deltaOf(t testing.TB, thin []byte, find archive.FindFunc) ([]byte, deltaWork) {
	t.Helper()
	var dst bytes.Buffer
	d := &deltaing{out: newOutput(&dst, "", nil), in: archive.NewScanner(bytes.NewReader(thin))}
	d.o = DeltaOptions{Find: find, Threads: 2, MaxMemory: DefaultDeltaIndex}
	defer d.close()
	if _, err := d.out.end(d.run(t.Context())); err != nil {
		t.Fatal(err)
	}
	return dst.Bytes(), deltaWork{d.bases.held, d.bases.looked, d.bases.searched}
}
