package archive

import (
	"errors"
	"fmt"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Scanner reads a chunk stream, or the body of an archive as a chunk stream, from front to back.
// References of an archive lose their ordinals on the way, so that the stream may be changed and
// sealed again.
//
// A Scanner verifies all stored bytes of an archive: the digests of the frames against the root,
// and the root against the trailer. It also checks that index and body agree. It hands out the End
// frame only when all of that was right. Reader.Verify checks more: payloads, digests of whole
// streams, and the targets of references (but see CheckRefs).
type Scanner struct {
	in     *bodyReader
	leaves bool // payloads of a stream are left unread
	sealed bool
	runs   []index.Run
	run    blake.Hasher

	agrees agreement
	id     index.Hash
	tail   *index.Tail // once the archive was read
	signed []seal.PublicKey
	err    error
}

// NewScanner returns a Scanner on r. An encrypted archive is opened by one of the identities.
// Without any, the first Next returns a LockedError.
func NewScanner(r io.Reader, opener seal.Opener) *Scanner {
	return &Scanner{in: newBodyReader(r, opener, true), agrees: agreement{w: wire.NewWriter()}}
}

// ID returns the archive id, once the End frame was read, and whether the input is an archive.
func (s *Scanner) ID() (index.Hash, bool) { return s.id, s.sealed }

// InArchive reports whether the frames so far are those of an archive, so that damage of what comes
// after them will be found.
func (s *Scanner) InArchive() bool { return s.sealed }

// Signatures returns the signatures of the archive, once the End frame was read. They are not
// verified.
func (s *Scanner) Signatures() []seal.Signature {
	if s.tail == nil {
		return nil
	}
	return s.tail.Signatures
}

// Demand makes Next return an error instead of the End frame if one of the keys has not signed the
// archive, or if the input is not an archive. Call it before the first Next.
func (s *Scanner) Demand(signed []seal.PublicKey) { s.signed = signed }

// CheckRefs makes the Scanner also check that references of an archive name the chunk that has
// their hash. The check takes 8 bytes of memory for each chunk. Call it before the first Next.
func (s *Scanner) CheckRefs() { s.agrees.check = true }

// RecipientKinds returns the kinds of the recipients of an encrypted archive, see
// seal.RecipientKinds.
func (s *Scanner) RecipientKinds() []string { return s.in.kinds }

// Range returns the position and length of the last frame, or of the whole archive after its End
// frame.
func (s *Scanner) Range() (pos, length int64) {
	if s.tail != nil {
		return 0, s.tail.End
	}
	return s.in.at.Pos, s.in.at.Len
}

// LeaveStreamPayloads leaves the payloads of a stream unread, as stream.Reader.LeavePayloads does.
// Payloads of an archive are read all the same. Call it before the first Next.
func (s *Scanner) LeaveStreamPayloads() { s.leaves = true }

// Load reads an outstanding payload, see stream.Reader.Load.
func (s *Scanner) Load(seg *stream.Segment) error { return s.in.file.Load(seg) }

// Forward copies n bytes of an outstanding payload, see stream.Reader.Forward.
func (s *Scanner) Forward(dst io.Writer, n int, direct stream.Mover) error {
	return s.in.file.Forward(dst, n, direct)
}

// Next returns frames and errors as stream.Reader.Next does. It skips ancillary frames and the
// clear header of an encrypted archive.
func (s *Scanner) Next() (stream.Frame, error) {
	if s.tail != nil && s.err == nil {
		s.err = io.EOF
	}
	for s.err == nil {
		var f stream.Frame
		if f, s.err = s.in.next(); s.err != nil {
			break
		}
		if s.err = s.take(f); s.err != nil {
			break
		}
		if !skipped(f) {
			return f, nil
		}
	}
	return nil, s.err
}

func skipped(f stream.Frame) bool {
	if h, ok := f.(*stream.Header); ok {
		return h.Encrypted()
	}
	_, ok := f.(*stream.Ancillary)
	return ok
}

func (s *Scanner) take(f stream.Frame) error {
	if h, ok := f.(*stream.Header); ok {
		if err := s.header(h); err != nil {
			return err
		}
	}
	if d, ok := f.(*stream.Dict); ok {
		if id, err := codec.DictID(d.Bytes); err != nil || int64(id) != d.ID {
			return index.Corruptf("dictionary %d is malformed, or has another id", d.ID)
		}
	}
	if _, ok := f.(*stream.End); ok && !s.sealed {
		return s.onlyEnd()
	}
	if !s.sealed {
		return nil
	}
	if err := s.note(); err != nil {
		return err
	}
	if !skipped(f) {
		if err := s.agrees.frame(f, s.in.at); err != nil {
			return err
		}
	}
	switch f := f.(type) {
	case *stream.Segment:
		for i := range f.Entries {
			dropOrdinals(&f.Entries[i])
		}
	case *stream.End:
		return s.readTail()
	}
	return nil
}

// dropOrdinals removes the ordinals that an entry does not have in a chunk stream.
func dropOrdinals(e *stream.Entry) {
	switch e.Kind {
	case stream.Ref:
		e.Ordinal = stream.NoOrdinal
	case stream.Patched:
		for i := range e.Patch.Bases {
			if b := &e.Patch.Bases[i]; b.Parent == stream.OwnBase {
				b.Ordinal = stream.NoOrdinal
			}
		}
	}
}

// onlyEnd checks that nothing stands after the End frame of a stream. It does so before the frame
// is handed out, since a stage cannot take back a frame that it has passed on.
func (s *Scanner) onlyEnd() error {
	if _, err := s.in.next(); err != io.EOF {
		return err
	}
	return index.CheckSigned(nil, index.Hash{}, s.signed)
}

// header handles a header. An encrypted archive has two: the clear header, then the header of the
// stream.
func (s *Scanner) header(h *stream.Header) error {
	if !s.sealed {
		if err := index.CheckSealed(h, false); err != nil {
			return err
		}
		_, s.sealed = h.Meta[index.SealedKey]
	}
	delete(h.Meta, index.SealedKey)
	s.in.file.KeepDigests(s.sealed)
	s.in.file.LeavePayloads(s.leaves && !s.sealed)
	return nil
}

// note adds the last frame to the current run.
func (s *Scanner) note() error {
	at := s.in.at
	last := len(s.runs) - 1
	if last < 0 || s.runs[last].Frames == index.RunFrames {
		if s.endRun(); len(s.runs) == index.MaxPages {
			return index.Corruptf("more than %d frames", index.MaxPages*index.RunFrames)
		}
		s.runs = append(s.runs, index.Run{Extent: index.Extent{Pos: at.Pos}})
		last++
	}
	s.run.Write(at.Digest[:])
	s.runs[last].Frames++
	s.runs[last].Len = at.End() - s.runs[last].Pos
	return nil
}

func (s *Scanner) endRun() {
	if last := len(s.runs) - 1; last >= 0 {
		s.runs[last].Digest = s.run.Sum()
		s.run.Reset()
	}
}

// readTail reads the index and the tail after it.
func (s *Scanner) readTail() error {
	s.endRun()
	in := s.in.file.Wire()
	var at index.Extent
	var pages []index.Extent
	var end *index.Root
	for end == nil {
		frame, err := s.indexFrame(&at)
		if err != nil {
			return err
		}
		if index.FrameKind(frame) != index.KindRoot {
			if pages = append(pages, at); int64(len(pages)) > 2*s.agrees.body.segments {
				return index.Corruptf("more index pages than %d segments have", s.agrees.body.segments)
			}
			if err := s.page(frame); err != nil {
				return fmt.Errorf("index page at byte %d: %w", at.Pos, err)
			}
		} else if end, err = s.root(frame); err != nil {
			return fmt.Errorf("root at byte %d: %w", at.Pos, err)
		}
	}
	t, err := index.ReadTail(in, index.Trailer{Root: at, Magic: index.ArchiveMagic}, 0)
	if err != nil {
		return err
	}
	if err := s.compare(end, pages); err != nil {
		return err
	}
	if err := s.agrees.holds(end); err != nil {
		return err
	}
	if err := index.CheckSigned(t.Signatures, at.Digest, s.signed); err != nil {
		return err
	}
	s.id, s.tail = at.Digest, t
	return nil
}

// page adds a page of the index to agrees.
func (s *Scanner) page(frame []byte) error {
	if index.FrameKind(frame) == index.KindMapPage && s.agrees.entries == 0 {
		return s.agrees.mapPage(frame, s.in.ciphers)
	}
	return s.agrees.entryPage(frame, s.in.ciphers)
}

func (s *Scanner) root(frame []byte) (*index.Root, error) {
	r, err := index.ParseRoot(frame)
	if err != nil {
		return nil, err
	}
	if r.Encrypted() != (s.in.ciphers != nil) {
		return nil, index.Corruptf("header and root do not agree on whether the archive is encrypted")
	}
	return r, r.Open(s.in.ciphers)
}

// indexFrame returns the bytes of the next frame of the index, and sets its extent.
func (s *Scanner) indexFrame(at *index.Extent) ([]byte, error) {
	in := s.in.file.Wire()
	at.Pos = in.Pos()
	raw, err := index.ReadRaw(in, index.MaxIndexFrame)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w in the index of the archive, at byte %d", stream.ErrTruncated, in.Pos())
	} else if err != nil {
		return nil, index.Corrupt(err)
	}
	at.Len = in.Pos() - at.Pos
	at.Digest = blake.Sum(raw)
	return raw, nil
}

// compare compares the pages and runs that were read with the root.
func (s *Scanner) compare(end *index.Root, pages []index.Extent) error {
	want := append(append([]index.Extent(nil), end.Maps...), end.Entries...)
	if len(pages) != len(want) || len(s.runs) != len(end.Runs) {
		return index.Corruptf("root names %d pages and %d runs of frames, there are %d and %d", len(want), len(end.Runs), len(pages), len(s.runs))
	}
	for i, at := range pages {
		if at != want[i] {
			return index.Corruptf("index page at byte %d is damaged", at.Pos)
		}
	}
	for i, r := range s.runs {
		if r != end.Runs[i] {
			return index.Corruptf("frames from byte %d to %d: at least one is damaged", r.Pos, r.End())
		}
	}
	return nil
}
