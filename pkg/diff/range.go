package diff

import (
	"bytes"
	"context"
)

const (
	// minEqual is how many equal bytes end a range that differs. Fewer are part of the range: in
	// bytes that have nothing in common, one of 256 is the same.
	minEqual = 32

	diffBlock = 256 << 10 // bytes that are compared at once
)

// compareStreams compares two streams. The walkers must be at the starts of these.
func (d *differ) compareStreams(ctx context.Context) error {
	short, long := d.a.size, d.b.size
	if short > long {
		short, long = long, short
	}
	for at := int64(0); at < short; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := d.sameNode()
		equal := n > 0
		if equal {
			d.a.skip(n)
			d.b.skip(n)
		} else if err == nil {
			equal, err = d.nextBound()
		}
		end := min(d.a.at, d.b.at, short)
		switch {
		case err != nil:
			return err
		case equal:
		case d.now.Exact:
			err = d.compareBytes(ctx, at, end)
		default:
			err = d.noteRange(at, end)
		}
		if err != nil {
			return err
		}
		at = end
		d.o.Progress.Report(d.done + at)
	}
	if short < long {
		if err := d.noteRange(short, long); err != nil {
			return err
		}
	}
	return d.reportPending()
}

// nextBound moves both walkers on to the next offset where both have a bound, or one its end. It
// reports whether the bytes up to there are known to be the same. A run of zeros has bounds
// everywhere.
func (d *differ) nextBound() (equal bool, err error) {
	a, b := d.a, d.b
	if err := a.fillStretch(); err != nil {
		return false, err
	}
	if err := b.fillStretch(); err != nil {
		return false, err
	}
	x, y := a.stretch, b.stretch
	switch {
	case x.zero && y.zero:
		n := min(x.len, y.len)
		a.advance(n)
		b.advance(n)
		return true, nil
	case !x.zero && !y.zero && x.len == y.len:
		a.advance(x.len)
		b.advance(x.len)
		return x.hash == y.hash, nil
	case x.zero:
		b.advance(y.len)
	default:
		a.advance(x.len)
	}
	for a.at != b.at {
		behind, ahead := a, b
		if a.at > b.at {
			behind, ahead = b, a
		}
		if behind.at == behind.size {
			break
		}
		if err := behind.fillStretch(); err != nil {
			return false, err
		}
		n := behind.stretch.len
		if behind.stretch.zero {
			n = min(n, ahead.at-behind.at)
		}
		behind.advance(n)
	}
	return false, nil
}

// compareBytes reads and compares a range of both streams.
func (d *differ) compareBytes(ctx context.Context, from, to int64) error {
	for from < to {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := int(min(to-from, diffBlock))
		p, q, err := d.readBoth(from, n)
		if err != nil {
			return err
		}
		for i := 0; i < n; {
			if end := min(i+64, n); bytes.Equal(p[i:end], q[i:end]) {
				i = end
				continue
			}
			for p[i] == q[i] {
				i++
			}
			start := i
			for i < n && p[i] != q[i] {
				i++
			}
			if err := d.noteRange(from+int64(start), from+int64(i)); err != nil {
				return err
			}
		}
		from += int64(n)
		d.o.Progress.Report(d.done + from)
	}
	return nil
}

// readBoth reads n bytes of both streams, side by side. They are valid up to the next call.
func (d *differ) readBoth(off int64, n int) (p, q []byte, err error) {
	if d.buffers[0] == nil {
		d.buffers = [2][]byte{make([]byte, diffBlock), make([]byte, diffBlock)}
	}
	p, q = d.buffers[0][:n], d.buffers[1][:n]
	done := make(chan error, 1)
	go func() { done <- d.a.readAt(p, off) }()
	err = d.b.readAt(q, off)
	if errA := <-done; errA != nil {
		err = errA
	}
	return p, q, err
}

// noteRange notes that the bytes of a range differ.
func (d *differ) noteRange(from, to int64) error {
	d.report.Identical = false
	if d.o.Brief {
		return errStop
	}
	if p := &d.pending; p.Length > 0 && from-(p.Offset+p.Length) < minEqual {
		p.Length = to - p.Offset
		return nil
	}
	if err := d.reportPending(); err != nil {
		return err
	}
	d.pending = Range{from, to - from}
	return nil
}

// reportPending passes on the range that was noted.
func (d *differ) reportPending() error {
	p := d.pending
	d.pending = Range{}
	if p.Length == 0 {
		return nil
	}
	d.now.Ranges++
	d.now.Differ += p.Length
	if d.o.Range != nil {
		return d.o.Range(p)
	}
	return nil
}
