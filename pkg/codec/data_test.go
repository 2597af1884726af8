package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// newRand returns a source that is the same in every run.
func newRand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 1))
}

func randomBytes(seed uint64, n int) []byte {
	r := newRand(seed)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// text returns n bytes of lines that share words and differ in numbers.
func text(seed uint64, n int) []byte {
	r := newRand(seed)
	words := []string{"disk", "image", "chunk", "segment", "frame", "archive", "stream", "kernel"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"kind":%q,"of":%q,"size":%d}`+"\n",
			r.IntN(1<<30), words[r.IntN(8)], words[r.IntN(8)], r.IntN(1<<20))
	}
	return b.Bytes()[:n]
}

// mixed returns n bytes as a disk has them: text, zeros, tables of integers
// and random bytes in turn.
func mixed(seed uint64, n int) []byte {
	r := newRand(seed)
	var b []byte
	for len(b) < n {
		k := 4096 * (1 + r.IntN(8))
		switch r.IntN(4) {
		case 0:
			b = append(b, text(r.Uint64(), k)...)
		case 1:
			b = append(b, make([]byte, k)...)
		case 2:
			for i := range k / 4 {
				b = append(b, byte(i), byte(i>>8), 0, byte(r.IntN(3)))
			}
		case 3:
			b = append(b, randomBytes(r.Uint64(), k)...)
		}
	}
	return b[:n]
}

func newEncoder(t testing.TB, o Options) *Encoder {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newDecoder(t testing.TB) *Decoder {
	t.Helper()
	d, err := NewDecoder(2)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// skipRace leaves out a test of a single goroutine that takes long under the
// race detector. It runs without it.
func skipRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("slow under the race detector")
	}
}
