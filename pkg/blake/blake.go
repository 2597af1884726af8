// Package blake computes BLAKE3-256 digests on the calling goroutine.
//
// lukechampine.com/blake3 starts a goroutine for every 16 KiB of input. hexz hashes chunks of that
// size on workers of its own, so this package drives the compression functions of that module's
// guts package directly. The digests are the same, at two to three times the speed per core.
//
// The algorithm is the one of the BLAKE3 paper (O'Connor, Aumasson, Neves, Wilcox-O'Hearn,
// 2020), unkeyed or in derive-key mode, with 32 bytes of output.
package blake

import (
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/bits"

	"lukechampine.com/blake3/guts"
)

// Size is the length of a digest in bytes.
const Size = 32

// Hash is a BLAKE3-256 digest.
type Hash [Size]byte

// String returns h in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// bufSize is the widest input of guts.CompressBuffer: 16 BLAKE3 chunks of 1 KiB.
const bufSize = guts.MaxSIMD * guts.ChunkSize

// mode is what tells the digests of one purpose from those of another.
type mode struct {
	key   *[8]uint32
	flags uint32
}

var plain = mode{key: &guts.IV}

// tree is the stack of complete subtrees of bufSize bytes << height, at most one of each height.
type tree struct {
	stack [48][8]uint32
	count uint64 // buffers pushed; its bits say which heights are taken
}

func (t *tree) push(n guts.Node, m mode) {
	cv := guts.ChainingValue(n)
	i := 0
	for ; t.count&(1<<i) != 0; i++ {
		cv = guts.ChainingValue(guts.ParentNode(t.stack[i], cv, m.key, m.flags))
	}
	t.stack[i] = cv
	t.count++
}

// root merges the last, possibly partial, buffer with the stack.
func (t *tree) root(n guts.Node, m mode) Hash {
	for i := bits.TrailingZeros64(t.count); i < bits.Len64(t.count); i++ {
		if t.count&(1<<i) != 0 {
			n = guts.ParentNode(t.stack[i], guts.ChainingValue(n), m.key, m.flags)
		}
	}
	n.Flags |= guts.FlagRoot
	out := guts.WordsToBytes(guts.CompressNode(n))
	return Hash(out[:Size])
}

// Sum returns the digest of p.
func Sum(p []byte) Hash { return sum(p, plain) }

func sum(p []byte, m mode) Hash {
	if len(p) <= bufSize {
		var t tree
		return t.root(compress(p, 0, m), m)
	}
	return sumLong(p, m)
}

func sumLong(p []byte, m mode) Hash {
	var t tree
	for len(p) > bufSize {
		t.push(compress(p[:bufSize:len(p)], t.count, m), m)
		p = p[bufSize:]
	}
	return t.root(compress(p, t.count, m), m)
}

// compress returns the node of buffer number n of a message; p is at most bufSize bytes.
func compress(p []byte, n uint64, m mode) guts.Node {
	if cap(p) >= bufSize {
		// The vector code reads whole buffers and drops the lanes after len(p).
		return guts.CompressBuffer((*[bufSize]byte)(p[:bufSize]), len(p), m.key, n*guts.MaxSIMD, m.flags)
	}
	var buf [bufSize]byte
	copy(buf[:], p)
	return guts.CompressBuffer(&buf, len(p), m.key, n*guts.MaxSIMD, m.flags)
}

// Context makes digests in derive-key mode: of the same bytes, two contexts give different digests,
// and none is the plain digest of any bytes. So what is hashed for one purpose cannot pose as what
// is hashed for another. A Context may be used by several goroutines at once.
type Context struct{ key [8]uint32 }

// NewContext returns the Context of a text, which should name the program, the time and the purpose.
func NewContext(text string) *Context {
	h := sum([]byte(text), mode{&guts.IV, guts.FlagDeriveKeyContext})
	c := &Context{}
	for i := range c.key {
		c.key[i] = binary.LittleEndian.Uint32(h[4*i:])
	}
	return c
}

// Sum returns the digest of p in the context c.
func (c *Context) Sum(p []byte) Hash { return sum(p, mode{&c.key, guts.FlagDeriveKeyMaterial}) }

// Hasher computes the digest of bytes that arrive in pieces. The zero value is ready. It is an
// io.Writer that never fails. It is not safe for concurrent use.
type Hasher struct {
	t   tree
	buf [bufSize]byte
	n   int
}

// Write adds p to the message.
func (h *Hasher) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		// The last buffer stays unpushed, as it may turn out to be the root.
		if h.n == bufSize {
			h.t.push(compress(h.buf[:], h.t.count, plain), plain)
			h.n = 0
		}
		if h.n == 0 && len(p) > bufSize {
			h.t.push(compress(p[:bufSize:len(p)], h.t.count, plain), plain)
			p = p[bufSize:]
			continue
		}
		c := copy(h.buf[h.n:], p)
		h.n += c
		p = p[c:]
	}
	return total, nil
}

// Sum returns the digest of all bytes written since the last Reset. It does not change h.
func (h *Hasher) Sum() Hash {
	t := h.t
	return t.root(compress(h.buf[:h.n], t.count, plain), plain)
}

// Reset starts a new message.
func (h *Hasher) Reset() {
	h.t.count = 0
	h.n = 0
}

// NewHash returns a Hasher as a hash.Hash.
func NewHash() hash.Hash { return &stdHash{} }

type stdHash struct{ h Hasher }

func (s *stdHash) Write(p []byte) (int, error) { return s.h.Write(p) }
func (s *stdHash) Reset()                      { s.h.Reset() }
func (s *stdHash) Size() int                   { return Size }
func (s *stdHash) BlockSize() int              { return guts.BlockSize }
func (s *stdHash) Sum(b []byte) []byte         { sum := s.h.Sum(); return append(b, sum[:]...) }
