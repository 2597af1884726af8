// Package contenttest makes content for tests.
package contenttest

import "math/rand/v2"

// Bytes returns n bytes with text, noise, repetitions and zeros. The same seed gives the same
// bytes.
func Bytes(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(1, seed))
	var p []byte
	for len(p) < n {
		part := make([]byte, 1+rng.IntN(60000))
		switch rng.IntN(4) {
		case 0:
			rand.NewChaCha8([32]byte{byte(rng.IntN(256))}).Read(part)
		case 1:
			for i := range part {
				part[i] = "the quick brown fox "[(i+rng.IntN(2))%20]
			}
		case 2:
			if len(p) > len(part) {
				at := rng.IntN(len(p) - len(part))
				copy(part, p[at:])
			}
		}
		p = append(p, part...)
	}
	return p[:n]
}
