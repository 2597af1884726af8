package dedup

import (
	"runtime"
	"testing"
)

// At every size the index costs what the package comment says. The result of Bytes is compared with
// the heap.
func TestMemory(t *testing.T) {
	const last = 1_000_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := new(Index)
	most := 0.0
	for i := range uint64(last) {
		x.Add(number(i))
		n := int64(i + 1)
		if x.Bytes() > 64*n+256<<10 {
			t.Fatalf("%d hashes: %d bytes", n, x.Bytes())
		}
		if n >= 100_000 {
			perChunk := float64(x.Bytes()) / float64(n)
			if most = max(most, perChunk); perChunk > 64 {
				t.Fatalf("%d hashes: %.1f bytes each", n, perChunk)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	heap := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("at most %.1f bytes a chunk from 100,000 on; heap %d, Bytes %d", most, heap, x.Bytes())
	if diff := heap - x.Bytes(); diff > heap/10 || diff < -heap/10 {
		t.Errorf("heap has grown by %d, Bytes says %d", heap, x.Bytes())
	}
	// The total of all allocations bounds the memory during growth: tables are doubled, so the old
	// ones add up to the new ones at most.
	tables := int64(x.slots) * 8
	if total := int64(after.TotalAlloc - before.TotalAlloc); total > x.Bytes()+tables+1<<20 {
		t.Errorf("allocated %d for an index of %d", total, x.Bytes())
	}
	runtime.KeepAlive(x)
}
