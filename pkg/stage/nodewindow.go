package stage

import (
	"errors"

	"hexz/pkg/stream"
)

// ErrNeedsChunks is the error of Dedup if a parent is an exported index that has only nodes, and the
// input has references or patches: what they refer to might be part of a node.
var ErrNeedsChunks = errors.New("a stream with references or patches cannot be compared with an index that has only nodes")

// nodeWindow holds back the chunks of a stream until the node of level 0 that they are part of has
// ended: of a parent whose index has only nodes that is the first moment at which they are known.
type nodeWindow struct {
	d       *deduper
	tree    stream.Tree
	offset  int64 // of the first entry
	entries []stream.Entry
	payload []byte
	ended   *stream.Node // the node of the entries, once it has ended
	cut     bool         // the first entries of the node were passed on
}

// How much is held back at most: bytes of chunks, of which a node has 0.4 MB as a rule, and entries, of
// which a run may have any number.
const (
	maxWindow        = 32 << 20
	maxWindowEntries = 1 << 16
)

func newNodeWindow(d *deduper) *nodeWindow {
	w := &nodeWindow{d: d}
	w.tree.Ended = func(n stream.Node) {
		if n.Level == 0 {
			w.ended = &n
		}
	}
	return w
}

// open begins a stream.
func (w *nodeWindow) open() {
	w.tree.Reset()
	w.offset, w.ended, w.cut = 0, nil, false
}

// segment takes the entries of a segment.
func (w *nodeWindow) segment(s *stream.Segment) error {
	if s.Outstanding() > 0 {
		if err := w.d.in.Load(s); err != nil {
			return err
		}
	}
	raw, err := w.d.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind == stream.Ref || e.Kind == stream.Patched {
			return ErrNeedsChunks
		}
		n := e.PayloadLen()
		w.entries = append(w.entries, *e)
		w.payload = append(w.payload, raw[:n]...)
		raw = raw[n:]
		if err := w.tree.Add(e); err != nil {
			return err
		}
		if w.ended == nil && e.Kind != stream.NodeRef && len(w.payload) < maxWindow && len(w.entries) < maxWindowEntries {
			continue
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// close ends a stream.
func (w *nodeWindow) close() error {
	w.tree.Top()
	return w.flush()
}

// flush passes on what was held back, as a node if a parent has it.
func (w *nodeWindow) flush() error {
	if len(w.entries) == 0 {
		return nil
	}
	ended, cut := w.ended, w.cut
	w.ended, w.cut = nil, ended == nil && w.entries[len(w.entries)-1].Kind != stream.NodeRef
	s := &stream.Segment{Stream: w.d.id, Offset: w.offset, Entries: w.entries, Codec: stream.RawCodec, RawLen: len(w.payload), Payload: w.payload}
	w.offset += s.Size()
	w.entries, w.payload = w.entries[:0], w.payload[:0]
	if ended != nil && !cut {
		e, ok, err := w.d.known.Node(*ended)
		if err != nil {
			return err
		}
		if ok {
			return w.d.fold.Hold([]stream.Entry{e})
		}
	}
	return w.d.segment(s)
}
