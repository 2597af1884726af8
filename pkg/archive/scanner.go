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

	index  *index.Builder    // that of the body
	pages  [2][]index.Extent // its pages, by area
	refs   refCheck
	buf    []byte // a frame of the index
	id     index.Hash
	tail   *index.Tail // once the archive was read
	signed []seal.PublicKey
	err    error
}

// NewScanner returns a Scanner on r. An encrypted archive is opened by one of the identities.
// Without any, the first Next returns a LockedError.
func NewScanner(r io.Reader, opener seal.Opener) *Scanner {
	return &Scanner{in: newBodyReader(r, opener, true)}
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
func (s *Scanner) CheckRefs() { s.refs.hashed = true }

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
	if err := s.note(f); err != nil {
		return err
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

// note adds the last frame to the index.
func (s *Scanner) note(f stream.Frame) error {
	if s.index == nil {
		s.index = index.NewBuilder(s.in.ciphers, s.page)
		if s.in.ciphers != nil {
			s.index.Root.Features = []string{stream.FeatureEncrypted}
		}
	}
	if skipped(f) {
		s.index.AddOther(s.in.at)
		return nil
	}
	if seg, ok := f.(*stream.Segment); ok {
		if err := s.refs.segment(seg.Entries); err != nil {
			return err
		}
	}
	return s.index.Add(f, s.in.at)
}

// page takes a page of the index of the body.
func (s *Scanner) page(area int, p []byte) error {
	s.pages[area] = append(s.pages[area], index.Extent{Len: int64(len(p)), Digest: blake.Sum(p)})
	return nil
}

// readTail reads the index and the tail after it. The index must be that of the body.
func (s *Scanner) readTail() error {
	in := s.in.file.Wire()
	if err := s.index.Finish(in.Pos()); err != nil {
		return err
	}
	for _, pages := range s.pages {
		for _, want := range pages {
			if err := s.indexFrame(&want, "page of the index"); err != nil {
				return err
			}
		}
	}
	w := wire.NewWriter()
	index.AppendRoot(w, &s.index.Root)
	at := index.Extent{Len: int64(len(w.Written())), Digest: blake.Sum(w.Written())}
	if err := s.indexFrame(&at, "root"); err != nil {
		return err
	}
	t, err := index.ReadTail(in, index.Trailer{Root: at, Magic: index.ArchiveMagic}, 0)
	if err != nil {
		return err
	}
	if err := index.CheckSigned(t.Signatures, at.Digest, s.signed); err != nil {
		return err
	}
	s.id, s.tail = at.Digest, t
	return nil
}

// indexFrame reads the next frame of the index, and sets its position. It must be the one that the
// body leads to.
func (s *Scanner) indexFrame(want *index.Extent, what string) error {
	in := s.in.file.Wire()
	want.Pos = in.Pos()
	s.buf = in.Rest(s.buf, int(want.Len))
	switch err := in.Err(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w in the index of the archive, at byte %d", stream.ErrTruncated, in.Pos())
	case err != nil:
		return err
	case blake.Sum(s.buf) != want.Digest:
		return index.Corruptf("%s at byte %d is damaged, or not that of the body", what, want.Pos)
	}
	return nil
}
