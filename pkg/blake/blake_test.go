package blake

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"lukechampine.com/blake3"
)

// The independent implementation is the same module's Sum256, which has the official vectors.
func TestSameAsReference(t *testing.T) {
	src := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{1}).Read(src)
	lengths := []int{0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 8192, 8193, 16383, 16384, 16385,
		32767, 32768, 32769, 49152, 65536, 65537, 131072, 200000, 262144, 262145, 300 << 10}
	for _, n := range lengths {
		want := Hash(blake3.Sum256(src[:n]))
		if got := Sum(src[:n]); got != want {
			t.Errorf("Sum of %d bytes: got %v, want %v", n, got, want)
		}
		if got := Sum(src[:n:n]); got != want {
			t.Errorf("Sum of %d bytes without spare capacity: got %v, want %v", n, got, want)
		}
		for _, step := range []int{1, 100, 1024, 16384, 20000, 300000} {
			var h Hasher
			for p := src[:n]; len(p) > 0; {
				k := min(step, len(p))
				h.Write(p[:k])
				p = p[k:]
			}
			if got := h.Sum(); got != want {
				t.Errorf("Hasher of %d bytes in steps of %d: got %v, want %v", n, step, got, want)
			}
		}
	}
}

// The independent implementation is DeriveKey of the same module.
func TestContext(t *testing.T) {
	src := make([]byte, 100<<10)
	rand.NewChaCha8([32]byte{2}).Read(src)
	for _, text := range []string{"", "hexz test context", string(src[:3000])} {
		c := NewContext(text)
		for _, n := range []int{0, 1, 40, 1024, 1025, 16384, 16385, 100 << 10} {
			var want Hash
			blake3.DeriveKey(want[:], text, src[:n])
			if got := c.Sum(src[:n]); got != want {
				t.Errorf("context of %d bytes, %d bytes: got %v, want %v", len(text), n, got, want)
			}
		}
	}
}

func TestHasherGoesOnAfterSum(t *testing.T) {
	var h Hasher
	h.Write(make([]byte, 40000))
	h.Sum()
	h.Write([]byte("tail"))
	want := Sum(append(make([]byte, 40000), "tail"...))
	if got := h.Sum(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	h.Reset()
	if got := h.Sum(); got != Sum(nil) {
		t.Errorf("after Reset: got %v, want %v", got, Sum(nil))
	}
}

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{4 << 10, 16 << 10, 20000, 64 << 10, 256 << 10} {
		p := make([]byte, n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				Sum(p)
			}
		})
		b.Run(strconv.Itoa(n)+"/Sum256", func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				blake3.Sum256(p)
			}
		})
	}
}
