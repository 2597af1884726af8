package chunker

import (
	"errors"
	"io"
)

// bufSize is the least size of a Batch. Large reads are few reads, and the rest after the last cut,
// which has to be moved, is small beside them. A larger batch does not fit into the caches of a
// core. Several workers wait for each other at the end of a batch: with 1 MiB that takes nearly as
// long as the second worker saves.
const (
	bufSize       = 1 << 20
	sharedBufSize = 2 << 20 // with several workers
)

// Piece is the next Len bytes of a stream: a chunk, or a run of zeros of any length.
type Piece struct {
	Len  int64
	Zero bool
	Hole bool // the caller has added this run of zeros: it is a hole
}

// Batch is a run of pieces. Data holds the bytes of its chunks, one after the other. A batch can be
// used again after its data is no longer needed.
type Batch struct {
	Data   []byte
	Pieces []Piece
}

// Reset empties b, which keeps its memory, and returns it.
func (b *Batch) Reset() *Batch {
	b.Data, b.Pieces = b.Data[:0], b.Pieces[:0]
	return b
}

// maxPieces is the approximate number of pieces at which a batch is full.
const maxPieces = 8 << 10

// Splitter cuts its input into pieces. Not safe for concurrent use.
type Splitter struct {
	cut   Cutter
	mark  *marker // nil: cut on the goroutine of Next alone
	src   io.Reader
	off   int64  // position in the stream of the first byte of carry
	carry []byte // read, but not yet in a piece
	inRun bool   // in a zero run that may go on; carry is empty then
	run   int64  // length of that run so far
	edges Edges
	read  int64 // bytes of src so far
	eof   bool
}

// Edges says where a hole of at least ZeroRun bytes borders on the input. Zeros there are part of
// the same run of zeros, however few they are, so that the cut points do not depend on which zeros
// are a hole.
type Edges struct{ HoleBefore, HoleAfter bool }

// NewSplitter returns a Splitter for the cut points of o. Call Start before Next.
//
// With two workers or more, Next works on that many goroutines, its own among them. It may call the
// reader from any of them, but from one at a time. (Fixed cuts need no more than one.) The pieces
// are the same. Workers take about a third more CPU time at the default sizes, and extra memory of
// a quarter of a batch.
func NewSplitter(o Options, workers int) (*Splitter, error) {
	cut, err := New(o)
	if err != nil {
		return nil, err
	}
	s := &Splitter{cut: cut, eof: true}
	if c, ok := cut.(*fastCDC); ok && workers > 1 {
		s.mark = &marker{cdc: c, workers: workers}
	}
	return s, nil
}

// Start makes the splitter read from r, whose first byte is at off in its stream.
func (s *Splitter) Start(r io.Reader, off int64, edges Edges) {
	*s = Splitter{cut: s.cut, mark: s.mark, src: r, off: off, carry: s.carry[:0], inRun: edges.HoleBefore, edges: edges}
}

// Read returns the number of bytes read since Start.
func (s *Splitter) Read() int64 { return s.read }

// need returns the capacity of a batch in bytes.
func (s *Splitter) need() int {
	need := bufSize
	if s.mark != nil {
		need = sharedBufSize
	}
	return max(need, 4*s.cut.Max())
}

// Full reports whether b has no room for another call of Next. An empty batch is never full.
func (s *Splitter) Full(b *Batch) bool {
	return len(b.Pieces) >= maxPieces || len(b.Data) > s.need()/2
}

// Next adds the next pieces to b, which must not be Full: as many as b has room for, up to the end
// of the input. It may add none, if a zero run goes on. It returns io.EOF after the last piece, or
// the error of the reader.
func (s *Splitter) Next(b *Batch) error {
	if s.eof && len(s.carry) == 0 {
		return io.EOF
	}
	if cap(b.Data) < s.need() {
		data := make([]byte, len(b.Data), s.need())
		copy(data, b.Data)
		b.Data = data
	}
	buf := b.Data[len(b.Data):cap(b.Data)]
	n, err := s.fill(buf)
	if err != nil {
		return err
	}
	s.split(b, buf[:n])
	return nil
}

// fill puts the carry and new input into buf, and returns the number of their bytes.
func (s *Splitter) fill(buf []byte) (int, error) {
	n := copy(buf, s.carry)
	if s.mark == nil {
		got, err := s.readFull(buf[n:])
		return n + got, err
	}
	return s.mark.fill(buf, n, s.readFull)
}

// readFull fills p from the source, and sets eof if the source ends.
func (s *Splitter) readFull(p []byte) (int, error) {
	if s.eof {
		return 0, nil
	}
	n, err := io.ReadFull(s.src, p)
	s.read += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.eof, err = true, nil
	}
	return n, err
}

// split cuts the part of buf whose cuts are certain, and keeps the rest. buf follows the data of b;
// the chunks are moved together at the front of buf.
func (s *Splitter) split(b *Batch, buf []byte) {
	pos, used := 0, 0
	for pos < len(buf) || s.inRun {
		if s.inRun {
			n := LeadingZeros(buf[pos:])
			pos += n
			s.run += int64(n)
			if pos == len(buf) && !s.eof {
				break
			}
			if s.run > 0 {
				b.Pieces = append(b.Pieces, Piece{Len: s.run, Zero: true})
			}
			s.inRun, s.run = false, 0
			continue
		}
		end, certain := s.extent(buf[pos:])
		end += pos
		for pos < end && (certain || end-pos >= s.cut.Max()) {
			n := s.next(buf, pos, end)
			if used != pos {
				copy(buf[used:], buf[pos:pos+n])
			}
			b.Pieces = append(b.Pieces, Piece{Len: int64(n)})
			pos += n
			used += n
		}
		if !certain {
			break
		}
		s.inRun = pos < len(buf)
	}
	s.carry = append(s.carry[:0], buf[pos:]...)
	s.off += int64(pos)
	b.Data = b.Data[:len(b.Data)+used]
}

// next returns the length of the chunk at pos, which ends at or before end.
func (s *Splitter) next(buf []byte, pos, end int) int {
	if s.mark != nil {
		return s.mark.cut(pos, end)
	}
	return s.cut.Cut(buf[pos:end], s.off+int64(pos))
}

// extent returns the end of the data at the start of p, and whether the end is certain: the end of
// the input or the start of a zero run. Zeros at the end of p may turn out to begin a run.
func (s *Splitter) extent(p []byte) (end int, certain bool) {
	if i := FirstZeroRun(p); i >= 0 {
		return i, true
	}
	if s.eof && !s.edges.HoleAfter {
		return len(p), true
	}
	return len(p) - TrailingZeros(p), s.eof
}
