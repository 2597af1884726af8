package stage_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"hexz/internal/hostiletest"
	"hexz/pkg/restore"
	"hexz/pkg/stream"
)

// weighed is an output that measures the memory in use at each write.
type weighed struct {
	sink
	most uint64
}

func (w *weighed) Write(p []byte) (int, error) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	return w.sink.Write(p)
}

// References that repeat a long chunk are written one by one, and not collected.
func TestCatHoldsLittle(t *testing.T) {
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b := hostiletest.New()
	b.Open(1, "disk")
	b.Add("zstd", chunk, hostiletest.Data(chunk))
	b.Add("none", nil, slices.Repeat([]stream.Entry{hostiletest.Ref(chunk, 0)}, 60)...)
	b.Close()
	b.End()
	p := b.Seal()
	var none, out weighed
	none.Write(nil)
	if err := restore.Stream(t.Context(), &out, bytes.NewReader(p), restore.Options{TempDir: t.TempDir()}); err != nil || out.n != 61<<20 {
		t.Fatalf("%d bytes, %v", out.n, err)
	}
	if most := int64(out.most) - int64(none.most); most > 30<<20 {
		t.Errorf("%d bytes of memory in use for references to a chunk of 1 MiB", most)
	}
}
