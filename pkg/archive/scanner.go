package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// Scanner reads a chunk stream, or the body of an archive as a chunk stream, from front to
// back. References of an archive lose their ordinals on the way, so that what comes out may
// be changed and sealed again.
//
// Of an archive it verifies all stored bytes: the digests of the frames, against the root,
// against the trailer. The End frame is handed out only when they were right.
type Scanner struct {
	in     *stream.Reader
	defers bool
	sealed bool
	runs   []run
	run    blake.Hasher
	id     Hash
	err    error
}

// NewScanner returns a Scanner on r.
func NewScanner(r io.Reader) *Scanner {
	s := &Scanner{in: stream.NewReader(r)}
	s.in.KeepDigests(true)
	return s
}

// ID returns the archive id behind the End frame of an archive, and whether it was one.
func (s *Scanner) ID() (Hash, bool) { return s.id, s.sealed }

// Range returns the position and length of the last frame; behind the End frame of an archive,
// those of the archive.
func (s *Scanner) Range() (pos, length int64) {
	if s.id != (Hash{}) {
		return 0, s.in.Wire().Pos()
	}
	return s.in.Range()
}

// Defer leaves the payloads of a stream unread, as stream.Reader.Defer does; those of an archive
// are read all the same. Call it before the first Next.
func (s *Scanner) Defer() { s.defers = true }

// Load reads a deferred payload, see stream.Reader.Load.
func (s *Scanner) Load(seg *stream.Segment) error { return s.in.Load(seg) }

// Forward takes n bytes of a deferred payload, see stream.Reader.Forward.
func (s *Scanner) Forward(dst io.Writer, n int, direct stream.Mover) error {
	return s.in.Forward(dst, n, direct)
}

// Next returns frames and errors as stream.Reader.Next does, but for ancillary frames.
func (s *Scanner) Next() (stream.Frame, error) {
	for s.err == nil {
		var f stream.Frame
		if f, s.err = s.in.Next(); s.err != nil {
			break
		}
		if s.err = s.take(f); s.err != nil {
			break
		}
		if _, skip := f.(*stream.Ancillary); !skip {
			return f, nil
		}
	}
	return nil, s.err
}

func (s *Scanner) take(f stream.Frame) error {
	if h, ok := f.(*stream.Header); ok {
		s.header(h)
	}
	if _, ok := f.(*stream.End); ok && !s.sealed {
		return s.onlyEnd()
	}
	if !s.sealed {
		return nil
	}
	s.note()
	switch f := f.(type) {
	case *stream.Segment:
		for i := range f.Entries {
			f.Entries[i].Ordinal = stream.NoOrdinal
		}
	case *stream.End:
		return s.tail()
	}
	return nil
}

// onlyEnd makes sure that nothing stands behind the End frame of a stream, before it is handed
// out: once a stage has passed it on, it could not take it back.
func (s *Scanner) onlyEnd() error {
	if _, err := s.in.Next(); err != io.EOF {
		return err
	}
	return nil
}

func (s *Scanner) header(h *stream.Header) {
	s.sealed, _ = h.Meta[sealedKey].(bool)
	delete(h.Meta, sealedKey)
	s.in.KeepDigests(s.sealed)
	s.in.Defer(s.defers && !s.sealed)
}

// note adds the last frame to the current run.
func (s *Scanner) note() {
	pos, n := s.in.Range()
	last := len(s.runs) - 1
	if last < 0 || s.runs[last].frames == runFrames {
		s.endRun()
		s.runs = append(s.runs, run{span: span{pos: pos}})
		last++
	}
	digest := s.in.Digest()
	s.run.Write(digest[:])
	s.runs[last].frames++
	s.runs[last].len = pos + n - s.runs[last].pos
}

func (s *Scanner) endRun() {
	if last := len(s.runs) - 1; last >= 0 {
		s.runs[last].digest = s.run.Sum()
		s.run.Reset()
	}
}

// tail reads the index and the trailer.
func (s *Scanner) tail() error {
	s.endRun()
	in := s.in.Wire()
	var at span
	var pages []span
	var end *root
	for in.More() && !in.IsBytes() {
		if end != nil {
			return corruptf("index frame at byte %d behind the root", in.Pos())
		}
		frame, err := s.indexFrame(&at)
		if err != nil {
			return err
		}
		if frameKind(frame) != kindRoot {
			pages = append(pages, at)
		} else if end, err = parseRoot(frame); err != nil {
			return fmt.Errorf("root at byte %d: %w", at.pos, err)
		}
	}
	var last span
	raw, err := s.indexFrame(&last)
	if err != nil {
		return err
	}
	t, err := parseTrailer(raw, last.pos)
	if err != nil {
		return err
	}
	if end == nil || t.root != at {
		return corruptf("trailer names another root")
	}
	s.id = at.digest
	if in.More() {
		return corruptf("bytes behind the trailer at byte %d", in.Pos())
	}
	return s.compare(end, pages)
}

// indexFrame reads a frame of the index, or the trailer, as it is.
func (s *Scanner) indexFrame(at *span) ([]byte, error) {
	in := s.in.Wire()
	at.pos = in.Pos()
	var raw bytes.Buffer
	in.Tee(&raw)
	in.Skip(maxIndexFrame)
	in.Tee(nil)
	if err := in.Err(); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w in the index of the archive, at byte %d", stream.ErrTruncated, in.Pos())
	} else if err != nil {
		return nil, corrupt(err)
	}
	at.len = in.Pos() - at.pos
	at.digest = blake.Sum(raw.Bytes())
	return raw.Bytes(), nil
}

// compare holds what was read against the root.
func (s *Scanner) compare(end *root, pages []span) error {
	want := append(append([]span(nil), end.maps...), end.entries...)
	if len(pages) != len(want) || len(s.runs) != len(end.runs) {
		return corruptf("root names %d pages and %d runs of frames, there are %d and %d", len(want), len(end.runs), len(pages), len(s.runs))
	}
	for i, at := range pages {
		if at != want[i] {
			return corruptf("index page at byte %d is damaged", at.pos)
		}
	}
	for i, r := range s.runs {
		if r != end.runs[i] {
			return corruptf("frames from byte %d to %d: at least one is damaged", r.pos, r.end())
		}
	}
	return nil
}
