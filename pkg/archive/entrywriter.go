package archive

import "hexz/pkg/stream"

// EntryWriter writes a range of a stream to an Output, entry by entry. Bytes that are neighbours in
// memory are written at once.
type EntryWriter struct {
	out      Output
	at       int64 // offset of the next entry
	from, to int64
	pending  []byte
}

// NewEntryWriter returns an EntryWriter for what the entries from offset at on have between the
// offsets from and to.
func NewEntryWriter(out Output, at, from, to int64) *EntryWriter {
	return &EntryWriter{out: out, at: at, from: from, to: to}
}

// Add writes the next entry. p is the bytes of a chunk, which must not change until Flush. It is not
// used if the entry is a run, or outside of the range.
func (w *EntryWriter) Add(e *stream.Entry, p []byte) error {
	start, end := max(w.at, w.from), min(w.at+e.Len, w.to)
	skip := start - w.at
	w.at += e.Len
	if start >= end {
		return nil
	}
	if !e.Kind.IsRun() {
		return w.bytes(p[skip : skip+end-start])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if e.Kind == stream.Hole {
		return w.out.Hole(end - start)
	}
	return w.out.Zeros(end - start)
}

// Skip moves on past an entry of n bytes that the caller writes. Flush comes before.
func (w *EntryWriter) Skip(n int64) { w.at += n }

func (w *EntryWriter) bytes(p []byte) error {
	if adjacent(w.pending, p) {
		w.pending = w.pending[:len(w.pending)+len(p)]
		return nil
	}
	err := w.Flush()
	w.pending = p
	return err
}

// Flush writes what Add has kept.
func (w *EntryWriter) Flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	_, err := w.out.Write(w.pending)
	w.pending = nil
	return err
}

// adjacent reports whether p lies in memory right after q, in the same slice.
func adjacent(q, p []byte) bool {
	return len(q) > 0 && cap(q) >= len(q)+len(p) && &q[:len(q)+1][len(q)] == &p[0]
}
