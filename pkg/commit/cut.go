package commit

import (
	"context"

	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

// recutter cuts a changed stream. At each position it takes over the chunk of the base, if cutting
// the whole stream would certainly give the same one. Otherwise it cuts one more chunk.
type recutter struct {
	*layout
	cut chunker.Cutter
	to  *segmenter
	p   int64
	run int64 // zeros right before p in a run that may go on; 0: a chunk begins at p

	window []byte // bytes that were read, from p on
	buffer []byte
	ahead  int64 // no run of known zeros begins before it
	end    bool  // one begins at ahead, or the stream ends there
}

func (t *recutter) recutAll(ctx context.Context) error {
	for t.p < t.size {
		if err := t.step(); err != nil {
			return err
		}
		t.forgetBefore(t.p)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step moves on from p by at least one byte, or finds that a run has ended.
func (t *recutter) step() error {
	n, err := t.keptNode(t.p, t.to.takes)
	if err != nil {
		return err
	}
	if n != nil {
		t.pass(t.p + n.Len)
		return t.putEntry(*n, nil)
	}
	s, err := t.extentAt(t.p)
	if err != nil {
		return err
	}
	if s.run {
		n := t.run
		if n == 0 {
			if n, err = t.countZeros(t.p, chunker.ZeroRun); err != nil {
				return err
			}
			if n < chunker.ZeroRun {
				n = 0
			}
		}
		if n > 0 {
			return t.putZeros(s.kind, s.end-t.p)
		}
	}
	e, err := t.keptChunk(t.p, t.run > 0)
	if err != nil {
		return err
	}
	if e != nil {
		t.run = 0
		return t.putEntry(e.Entry, nil)
	}
	return t.recutChunk()
}

// putZeros writes a part of a run.
func (t *recutter) putZeros(kind stream.EntryKind, n int64) error {
	t.run += n
	return t.putEntry(stream.Entry{Kind: kind, Len: n}, nil)
}

// putEntry writes an entry and moves on past it.
func (t *recutter) putEntry(e stream.Entry, data []byte) error {
	t.p += e.Len
	t.window = t.window[min(int64(len(t.window)), e.Len):]
	return t.to.add(e, data)
}

// recutChunk cuts a chunk, or writes zeros that were read.
func (t *recutter) recutChunk() error {
	runAfter, err := t.fillWindow()
	if err != nil {
		return err
	}
	w := t.window
	if t.run > 0 {
		if n := chunker.LeadingZeros(w); n > 0 {
			return t.putZeros(stream.Zero, int64(n))
		}
		t.run = 0
		return nil
	}
	end := chunker.FirstZeroRun(w)
	if end < 0 {
		end = len(w)
		if runAfter {
			end -= chunker.TrailingZeros(w)
		}
	}
	if end == 0 {
		return t.putZeros(stream.Zero, int64(chunker.LeadingZeros(w)))
	}
	data := w[:t.cut.Cut(w[:end], t.p)]
	e := stream.Entry{Kind: stream.Data, Len: int64(len(data)), Hash: blake.Sum(data)}
	old, err := t.entryAt(t.p)
	if err != nil {
		return err
	}
	if old != nil && old.at == t.p && !old.Kind.IsRun() && old.Len == e.Len && old.Hash == e.Hash {
		return t.putEntry(old.Entry, nil)
	}
	return t.putEntry(e, data)
}

// fillWindow reads into the window the bytes that decide on the next cut: the longest chunk and a
// possible run after it. It stops earlier at a run of known zeros, or at the end. It reports
// whether zeros at the end of the window may belong to a run.
func (t *recutter) fillWindow() (runAfter bool, err error) {
	if t.ahead <= t.p {
		t.ahead, t.end = t.p, false
	}
	need := t.p + int64(t.cut.Max()) + chunker.ZeroRun
	for !t.end && t.ahead < need {
		if t.ahead == t.size {
			t.end = true
			break
		}
		n, err := t.countZeros(t.ahead, chunker.ZeroRun)
		if err != nil {
			return false, err
		}
		if n >= chunker.ZeroRun {
			t.end = true
			break
		}
		if n == 0 {
			s, err := t.extentAt(t.ahead)
			if err != nil {
				return false, err
			}
			n = s.end - t.ahead
		}
		t.ahead += n
	}
	have := len(t.window)
	size := int(min(t.ahead, need) - t.p)
	if size > have {
		if size > cap(t.window) {
			if 2*size > cap(t.buffer) {
				t.buffer = make([]byte, 2*size)
			}
			t.window = t.buffer[:copy(t.buffer[:cap(t.buffer)], t.window)]
		}
		t.window = t.window[:size]
		if err := t.readAt(t.window[have:], t.p+int64(have)); err != nil {
			return false, err
		}
	}
	return t.p+int64(len(t.window)) < t.size, nil
}
