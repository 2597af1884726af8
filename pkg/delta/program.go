// Package delta makes the bytes of a chunk from those of others, its bases, by a patch program:
// copies, and literals for what no base has. Encoder finds copies; Apply runs a program.
//
// A program is a sequence of operations, each of which appends bytes to the result. There is a
// position: a base, and an offset in it. It begins at the start of base 0, and moves on with what
// is copied, and also with literals, since what has changed mostly stands in the place of what
// was there before. An operation begins with a number (a varint of encoding/binary: seven bits a
// byte, low ones first); with n = number >> 2 and at least 1, its two low bits tell what follows:
//
//	0  literal   n bytes follow, which are appended
//	1  copy      n bytes from the position
//	2  skip      a signed varint, by which the position moves; then as copy
//	3  jump      two varints, the number of a base and an offset in it; then as copy
//
// A copy lies within its base. docs/format.md is the specification.
package delta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrProgram is returned for a program that is not well-formed.
var ErrProgram = errors.New("patch program is damaged")

const (
	opLiteral = iota
	opCopy
	opSkip
	opJump
)

// Apply appends the n bytes that a program makes of its bases to dst. It allocates for these n
// bytes and nothing else. What makes more or fewer, or copies what is not there, is an ErrProgram;
// dst is returned as it was.
func Apply(dst, program []byte, bases [][]byte, n int) ([]byte, error) {
	in := reader{left: program, size: len(program)}
	out := dst
	if cap(out)-len(out) < n {
		out = append(make([]byte, 0, len(dst)+n), dst...)
	}
	base, at := 0, int64(0)
	for left := int64(n); left > 0; {
		v := in.number()
		size := int64(v >> 2)
		if size > left || size == 0 {
			return dst, in.fail("an operation of %d bytes where there is room for %d", size, left)
		}
		left -= size
		switch v & 3 {
		case opLiteral:
			out = append(out, in.bytes(int(size))...)
			at += size
			continue
		case opSkip:
			at += in.signed()
		case opJump:
			k, to := in.number(), in.number()
			if k >= uint64(len(bases)) {
				return dst, in.fail("base %d of %d", k, len(bases))
			}
			base, at = int(k), int64(to)
		}
		if in.bad || base >= len(bases) || at < 0 || at > int64(len(bases[base]))-size {
			return dst, in.fail("a copy of %d bytes from offset %d, which the base does not have", size, at)
		}
		out = append(out, bases[base][at:at+size]...)
		at += size
	}
	if in.bad || len(in.left) > 0 {
		return dst, in.fail("its end is not where the chunk ends")
	}
	return out, nil
}

// reader reads the elements of a program. Once it is bad it returns zeros.
type reader struct {
	left []byte
	size int
	bad  bool
}

func (r *reader) fail(format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrProgram, r.size-len(r.left), fmt.Sprintf(format, args...))
}

// number reads a number of up to 2^31 - 1.
func (r *reader) number() uint64 {
	v, k := binary.Uvarint(r.left)
	if k <= 0 || v > math.MaxInt32 {
		r.bad = true
		return 0
	}
	r.left = r.left[k:]
	return v
}

// signed reads a number of less than 2^30 up or down.
func (r *reader) signed() int64 {
	v := r.number()
	if v&1 != 0 {
		return -int64(v>>1) - 1
	}
	return int64(v >> 1)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.left) {
		r.bad = true
		return nil
	}
	p := r.left[:n]
	r.left = r.left[n:]
	return p
}

// writer writes a program. It numbers bases in the order of their first use.
type writer struct {
	program []byte
	used    []int // bases by their numbers
	base    int   // the position: the number of a base
	at      int64
}

// head is the number that an operation on n bytes begins with.
func head(n int, op uint64) uint64 { return uint64(n)<<2 | op }

func (w *writer) number(n uint64) { w.program = binary.AppendUvarint(w.program, n) }

// literal appends bytes as they are.
func (w *writer) literal(p []byte) {
	w.number(head(len(p), opLiteral))
	w.program = append(w.program, p...)
	w.at += int64(len(p))
}

// copy appends n bytes of a base from an offset.
func (w *writer) copy(base int, at int64, n int) {
	if number := slices.Index(w.used, base); number >= 0 {
		base = number
	} else {
		w.used = append(w.used, base)
		base = len(w.used) - 1
	}
	switch {
	case base == w.base && at == w.at:
		w.number(head(n, opCopy))
	case base == w.base:
		w.number(head(n, opSkip))
		w.program = binary.AppendVarint(w.program, at-w.at)
	default:
		w.number(head(n, opJump))
		w.number(uint64(base))
		w.number(uint64(at))
	}
	w.base, w.at = base, at+int64(n)
}
