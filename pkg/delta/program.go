// Package delta makes the bytes of a chunk from those of others, its bases, by a patch program:
// copies, and literals for bytes that no base has. Encoder finds copies; Apply runs a program.
//
// A program is a sequence of operations, each of which appends bytes to the result. Operations
// share a position: a base, and an offset in it. The position begins at the start of base 0. It
// moves on with the bytes that are copied, and also with literals, since changed bytes mostly stand
// in the place of old ones. An operation begins with a number (a varint of encoding/binary: seven
// bits a byte, low ones first). n = number >> 2 is at least 1. The two low bits are the kind:
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

// Apply appends the n bytes that a program makes from its bases to dst. It makes room for these n
// bytes and nothing else. A program that makes more or fewer bytes, or copies bytes that no base
// has, is an ErrProgram; dst is returned unchanged.
func Apply(dst, program []byte, bases [][]byte, n int) ([]byte, error) {
	in := newReader(program, n)
	out := slices.Grow(dst, n)
	for in.wanted > 0 {
		run, err := in.nextRun()
		if err != nil {
			return dst, err
		}
		from := program
		if run.Base != NoBase {
			if run.Base >= len(bases) || run.Offset > len(bases[run.Base])-run.Len {
				return dst, in.errorf("a copy of %d bytes from offset %d, which base %d of %d does not have", run.Len, run.Offset, run.Base, len(bases))
			}
			from = bases[run.Base]
		}
		out = append(out, from[run.Offset:][:run.Len]...)
	}
	if err := in.checkEnd(); err != nil {
		return dst, err
	}
	return out, nil
}

// Run is a run of bytes that a program appends. They are bytes of a base or, if Base is NoBase,
// bytes that stand in the program itself.
type Run struct {
	Base   int
	Offset int
	Len    int
}

// Runs calls visit for each run of bytes that a program of n output bytes copies or holds, in
// order. It does not check the bases.
func Runs(program []byte, n int, visit func(Run)) error {
	in := newReader(program, n)
	for in.wanted > 0 {
		run, err := in.nextRun()
		if err != nil {
			return err
		}
		visit(run)
	}
	return in.checkEnd()
}

// reader reads the operations of a program. Once bad is set, all further elements are zeros.
type reader struct {
	left   []byte
	size   int // of the whole program
	wanted int // bytes that are still to be made
	base   int // the position
	at     int64
	bad    bool
}

func newReader(program []byte, n int) reader {
	return reader{left: program, size: len(program), wanted: n}
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrProgram, r.size-len(r.left), fmt.Sprintf(format, args...))
}

// nextRun returns the run that the next operation appends.
func (r *reader) nextRun() (Run, error) {
	v := r.readNumber()
	n := int(v >> 2)
	if n > r.wanted || n == 0 {
		return Run{}, r.errorf("an operation of %d bytes where there is room for %d", n, r.wanted)
	}
	r.wanted -= n
	run := Run{NoBase, r.size - len(r.left), n}
	switch v & 3 {
	case opLiteral:
		r.skipBytes(n)
		r.at += int64(n)
		if r.bad {
			return Run{}, r.errorf("a literal of %d bytes, which it does not have", n)
		}
		return run, nil
	case opSkip:
		r.at += r.readSigned()
	case opJump:
		r.base, r.at = int(r.readNumber()), int64(r.readNumber())
	}
	if r.bad || r.at < 0 || r.at > math.MaxInt32 {
		return Run{}, r.errorf("a copy from offset %d", r.at)
	}
	run.Base, run.Offset = r.base, int(r.at)
	r.at += int64(n)
	return run, nil
}

// checkEnd returns an error if the program goes on.
func (r *reader) checkEnd() error {
	if r.bad || len(r.left) > 0 {
		return r.errorf("its end is not where the chunk ends")
	}
	return nil
}

// maxNumber is the largest length of a number, in bytes: that of 2^31 - 1.
const maxNumber = 5

// readNumber reads a number of up to 2^31 - 1.
func (r *reader) readNumber() uint64 {
	v, k := binary.Uvarint(r.left)
	if k <= 0 || k > maxNumber || v > math.MaxInt32 {
		r.bad = true
		return 0
	}
	r.left = r.left[k:]
	return v
}

// readSigned reads a number from -2^30 to 2^30 - 1.
func (r *reader) readSigned() int64 {
	v := r.readNumber()
	if v&1 != 0 {
		return -int64(v>>1) - 1
	}
	return int64(v >> 1)
}

// skipBytes skips n bytes that stand in the program.
func (r *reader) skipBytes(n int) {
	if n > len(r.left) {
		r.bad = true
		return
	}
	r.left = r.left[n:]
}

// writer writes a program. It numbers bases in the order of their first use.
type writer struct {
	program []byte
	max     int   // bases that it may name
	used    []int // bases by their numbers
	base    int   // the position, as in reader
	at      int64
}

// opHead returns the number that begins an operation op on n bytes.
func opHead(n int, op uint64) uint64 { return uint64(n)<<2 | op }

func (w *writer) appendNumber(n uint64) { w.program = binary.AppendUvarint(w.program, n) }

// appendLiteral appends literal bytes.
func (w *writer) appendLiteral(p []byte) {
	w.appendNumber(opHead(len(p), opLiteral))
	w.program = append(w.program, p...)
	w.at += int64(len(p))
}

// mayUse reports whether the program may copy from a base.
func (w *writer) mayUse(base int) bool {
	return len(w.used) < w.max || slices.Contains(w.used, base)
}

// appendCopy appends n bytes of a base from an offset.
func (w *writer) appendCopy(base int, at int64, n int) {
	if number := slices.Index(w.used, base); number >= 0 {
		base = number
	} else {
		w.used = append(w.used, base)
		base = len(w.used) - 1
	}
	switch {
	case base == w.base && at == w.at:
		w.appendNumber(opHead(n, opCopy))
	case base == w.base:
		w.appendNumber(opHead(n, opSkip))
		w.program = binary.AppendVarint(w.program, at-w.at)
	default:
		w.appendNumber(opHead(n, opJump))
		w.appendNumber(uint64(base))
		w.appendNumber(uint64(at))
	}
	w.base, w.at = base, at+int64(n)
}
