package codec

import (
	"fmt"
	"testing"
)

func benchmarks(b *testing.B, f func(b *testing.B, e *Encoder, src, dst []byte)) {
	src := mixed(1, 256<<10)
	for _, name := range names[1:] {
		for _, level := range []int{1, 3, 6, 10} {
			b.Run(fmt.Sprintf("%s-%d", name, level), func(b *testing.B) {
				e := newEncoder(b, Options{Name: name, Level: level, Threads: 1})
				dst := make([]byte, Bound(len(src)))
				e.Encode(dst, src) // allocates the state
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				f(b, e, src, dst)
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	benchmarks(b, func(b *testing.B, e *Encoder, src, dst []byte) {
		var out []byte
		for b.Loop() {
			_, out = e.Encode(dst, src)
		}
		b.ReportMetric(float64(len(src))/float64(len(out)), "ratio")
	})
}

func BenchmarkDecode(b *testing.B) {
	dec := newDecoder(b)
	raw := make([]byte, 0, Bound(256<<10))
	benchmarks(b, func(b *testing.B, e *Encoder, src, dst []byte) {
		name, out := e.Encode(dst, src)
		for b.Loop() {
			if _, err := dec.Decode(raw, name, out, len(src)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
