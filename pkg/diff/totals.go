package diff

import (
	"bytes"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Totals count distinct chunks by their hashes, wherever they are in the compared streams. The
// bytes of each count once.
type Totals struct {
	Shared index.Count `json:"shared"`
	OnlyA  index.Count `json:"only_a"`
	OnlyB  index.Count `json:"only_b"`
}

// chunk is a chunk of an archive.
type chunk struct {
	hash stream.Hash
	size uint32
}

// distinct sorts chunks by hash, and drops doubles.
func distinct(all []chunk) []chunk {
	slices.SortFunc(all, func(x, y chunk) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	return slices.CompactFunc(all, func(x, y chunk) bool { return x.hash == y.hash })
}

// compareChunks counts the chunks that are in both of two lists of distinct chunks, and those in
// one only.
func compareChunks(a, b []chunk) (t Totals) {
	for len(a) > 0 || len(b) > 0 {
		order := len(b) - len(a) // if one list is at its end, the other comes first
		if len(a) > 0 && len(b) > 0 {
			order = bytes.Compare(a[0].hash[:], b[0].hash[:])
		}
		switch {
		case order == 0:
			t.Shared.Add(int64(a[0].size))
			a, b = a[1:], b[1:]
		case order < 0:
			t.OnlyA.Add(int64(a[0].size))
			a = a[1:]
		default:
			t.OnlyB.Add(int64(b[0].size))
			b = b[1:]
		}
	}
	return t
}
