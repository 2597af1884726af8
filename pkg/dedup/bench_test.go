package dedup

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var sizes = []int{10_000, 1_000_000, 10_000_000}

// fill returns an index of n hashes, and these hashes in random order.
func fill(b *testing.B, n int) (*Index, [][32]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	x := new(Index)
	hashes := make([][32]byte, n)
	for i := range hashes {
		hashes[i] = randomHash(r)
		if _, _, err := x.Add(hashes[i]); err != nil {
			b.Fatal(err)
		}
	}
	r.Shuffle(n, func(i, j int) { hashes[i], hashes[j] = hashes[j], hashes[i] })
	return x, hashes
}

// BenchmarkAdd fills an index; the time is that of one hash. bytes/chunk is the most at any size
// from a tenth of the last size on.
func BenchmarkAdd(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, hashes := fill(b, n)
			most := 0.0
			b.ResetTimer()
			for i := 0; i < b.N; {
				x := new(Index)
				for j := 0; j < n && i < b.N; j++ {
					x.Add(hashes[j])
					if j >= n/10 {
						most = max(most, float64(x.Bytes())/float64(j+1))
					}
					i++
				}
			}
			b.ReportMetric(most, "bytes/chunk")
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		x, hashes := fill(b, n)
		b.Run(fmt.Sprintf("hit-%d", n), func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				if _, ok := x.Lookup(hashes[i%n]); !ok {
					b.Fatal("lost")
				}
			}
		})
		b.Run(fmt.Sprintf("miss-%d", n), func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				h := hashes[i%n]
				h[0] ^= 0x80
				if _, ok := x.Lookup(h); ok {
					b.Fatal("found what is not there")
				}
			}
		})
	}
}
