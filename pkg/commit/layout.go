package commit

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// layout knows where the bytes of a changed stream are. Callers must not ask for positions before
// the last one of forgetBefore.
type layout struct {
	base     *archive.Reader
	streamNo int
	baseSize int64
	from     *baseStream
	image    overlay.Image // or nil
	size     int64
	changed  bool // whether there are changes

	entries  []baseEntry // of the base, as far as they were read
	read     int64       // end of these entries
	afterRun bool        // the last of these is a run
	changes  []overlay.Change
	seen     int64 // end of the last change
	noMore   bool  // no more changes come
}

// baseEntry is an entry of the base.
type baseEntry struct {
	at       int64
	afterRun bool // the entry before it is a run
	stream.Entry
}

func (e *baseEntry) end() int64 { return e.at + e.Len }

// extent is a range of one origin, up to end.
type extent struct {
	end    int64
	run    bool             // of zeros
	kind   stream.EntryKind // Zero or Hole
	change bool             // in the image, not in the base
}

// forgetBefore drops everything before p.
func (l *layout) forgetBefore(p int64) {
	n := 0
	for n < len(l.entries) && l.entries[n].end() <= p {
		n++
	}
	l.entries = l.entries[n:]
	n = 0
	for n < len(l.changes) && l.changes[n].End() <= p {
		n++
	}
	l.changes = l.changes[n:]
}

// nextChange returns the first change that ends after p.
func (l *layout) nextChange(p int64) (c overlay.Change, ok bool, err error) {
	for l.image != nil && !l.noMore && l.seen <= p {
		c, err := l.image.Next()
		if errors.Is(err, io.EOF) {
			l.noMore = true
			break
		}
		if err != nil {
			return c, false, fmt.Errorf("overlay: %w", overlayError(err))
		}
		if c.Offset < l.seen || c.Length <= 0 || c.End() > l.image.Size() {
			return c, false, fmt.Errorf("overlay: change of %d bytes at offset %d is out of order or range", c.Length, c.Offset)
		}
		l.seen = c.End()
		if c.Offset < l.size {
			c.Length = min(c.Length, l.size-c.Offset)
			l.changes = append(l.changes, c)
			l.changed = true
		}
	}
	i := sort.Search(len(l.changes), func(i int) bool { return l.changes[i].End() > p })
	if i == len(l.changes) {
		return c, false, nil
	}
	return l.changes[i], true, nil
}

// entryAt returns the entry of the base that holds p, or nil after its end.
func (l *layout) entryAt(p int64) (*baseEntry, error) {
	if p >= l.baseSize {
		return nil, nil
	}
	for l.read <= p {
		e, err := l.from.entry()
		if err != nil {
			return nil, err
		}
		l.entries = append(l.entries, baseEntry{l.read, l.afterRun, e})
		l.read += e.Len
		l.afterRun = e.Kind.IsRun()
	}
	return &l.entries[sort.Search(len(l.entries), func(i int) bool { return l.entries[i].end() > p })], nil
}

// keptNode returns the largest node of the base that begins at p, if cutting at p would give the same
// chunks, and takes agrees. See keptChunk.
func (l *layout) keptNode(p int64, takes func(*stream.Entry) bool) (*stream.Entry, error) {
	if p >= l.baseSize || !takes(&stream.Entry{Kind: stream.NodeRef}) {
		return nil, nil
	}
	c, ok, err := l.nextChange(p)
	if err != nil {
		return nil, err
	}
	end := l.size
	if l.size != l.baseSize {
		end = min(l.size, l.baseSize) - chunker.ZeroRun
	}
	if ok {
		end = min(end, c.Offset-chunker.ZeroRun)
	}
	if end-p < leastNode {
		return nil, nil
	}
	nodes, err := l.from.nodes(p)
	if err != nil {
		return nil, err
	}
	for i := range nodes {
		if nodes[i].Len <= end-p && takes(&nodes[i]) {
			return &nodes[i], nil
		}
	}
	return nil, nil
}

// leastNode is below the length of every node that is worth looking for.
const leastNode = 64

// pass goes on to p, where an entry of the base begins, after one that is no run. The entries before
// it are not read.
func (l *layout) pass(p int64) {
	if l.read <= p {
		l.entries, l.read, l.afterRun = nil, p, false
		l.from.seek(p)
	}
}

// extentAt returns the range from p on, which must lie within the size.
func (l *layout) extentAt(p int64) (extent, error) {
	c, ok, err := l.nextChange(p)
	if err != nil {
		return extent{}, err
	}
	end := l.size
	if ok {
		if c.Offset <= p {
			return extent{end: c.End(), run: c.Zero, kind: stream.Zero, change: true}, nil
		}
		end = c.Offset
	}
	e, err := l.entryAt(p)
	if err != nil {
		return extent{}, err
	}
	if e == nil {
		return extent{end: end, run: true, kind: stream.Hole}, nil
	}
	return extent{end: min(e.end(), end), run: e.Kind.IsRun(), kind: e.Kind}, nil
}

// countZeros returns how many zeros are known to begin at p. It may stop after atMost of them.
func (l *layout) countZeros(p, atMost int64) (int64, error) {
	at := p
	for at < l.size && at-p < atMost {
		s, err := l.extentAt(at)
		if err != nil {
			return 0, err
		}
		if !s.run {
			break
		}
		at = s.end
	}
	return at - p, nil
}

// keptChunk returns the chunk of the base that begins at p, if cutting at p would give the same
// chunk. That is so if neither its bytes have changed nor those after it that could be zeros. After
// a run, the chunk must certainly not begin with zeros.
func (l *layout) keptChunk(p int64, afterRun bool) (*baseEntry, error) {
	e, err := l.entryAt(p)
	if err != nil || e == nil || e.at != p || e.Kind.IsRun() || afterRun && !e.afterRun {
		return nil, err
	}
	reach := e.end() + chunker.ZeroRun
	if l.size != l.baseSize && reach > min(l.size, l.baseSize) {
		return nil, nil
	}
	c, ok, err := l.nextChange(p)
	if err != nil || ok && c.Offset < reach {
		return nil, err
	}
	return e, nil
}

// readAt fills p from offset off.
func (l *layout) readAt(p []byte, off int64) error {
	for len(p) > 0 {
		s, err := l.extentAt(off)
		if err != nil {
			return err
		}
		part := p[:min(int64(len(p)), s.end-off)]
		switch {
		case s.run:
			clear(part)
		case s.change:
			n, err := l.image.ReadAt(part, off)
			if n < len(part) {
				if err == nil || errors.Is(err, io.EOF) {
					err = stage.ErrShrunk
				}
				return fmt.Errorf("overlay: at byte %d: %w", off+int64(n), overlayError(err))
			}
		default:
			if _, err := l.base.ReadAt(l.streamNo, part, off); err != nil {
				return fmt.Errorf("base: %w", err)
			}
		}
		p = p[len(part):]
		off += int64(len(part))
	}
	return nil
}
