package carve

import (
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Carver finds the remains of a damaged archive or chunk stream, in three steps:
//
//   - open reads the parts of the index that are right in themselves. The index says which segments
//     there are, and vouches for them by their digests, wherever they stand now.
//   - survey finds fragments: frames that follow each other without a gap, in the file and in the
//     content. A frame that stands where the index says, with the digest that the index says, is a
//     landmark, whatever is around it. Between landmarks, survey reads the heads of frames. Where a
//     fragment breaks, survey looks for the next position where a frame holds. choose drops the
//     fragments that contradict others.
//   - Next hands out the frames of the fragments in order, and Check says which parts of a segment
//     are right.
//
// A Carver takes memory for each damaged range, and not for each frame. The work on bytes that
// prove to be no frame is bounded by the size of the file. Only Check is safe for concurrent use.
type Carver struct {
	src     io.ReaderAt
	size    int64
	win     *window // to read frames
	scan    *window // to look for frames
	ciphers *index.Ciphers
	kinds   []string
	sealed  bool          // the header says that it is an archive
	index   *index.Index  // its root is right; or nil
	numbers map[int64]int // of the streams of the index, by id
	state   IndexState
	decoder *codec.Decoder
	dicts   map[int64]bool  // ids of the dictionaries that the decoder has
	closed  map[int64]int64 // without an index: sizes of the streams in their Close frames, or -1

	body      int64 // where the frames begin: after a clear header
	buf       []byte
	fragments []fragment
	number    int64 // of the last sealed frame
	spent     int64 // bytes that were read for frames that proved to be none

	shift        int64    // position of the root, less its position in the trailer
	landmark     landmark // survey: the next one
	nextLandmark func() (landmark, bool)
	passed       index.Position // in the content: the end of the last landmark

	current int // Next: the fragment that at is in
	at      int64
}

// IndexState says how much is left of the index of an archive.
type IndexState string

// The states of an index.
const (
	IndexNone    IndexState = "none"    // a chunk stream has none
	IndexIntact  IndexState = "intact"  // the root is right; pages may be damaged
	IndexDamaged IndexState = "damaged" // there is a trailer, but no root
	IndexMissing IndexState = "missing" // there is no trailer
)

// Open surveys the size bytes of src. With an index that takes as long as reading all bytes.
// Without one it reads the heads of all frames, and all bytes where there is damage. Open fails if
// there is nothing to salvage, or if an encrypted archive cannot be opened: without its clear
// header no key opens it.
func Open(src io.ReaderAt, size int64, o archive.Options) (*Carver, error) {
	s, err := newCarver(src, size, o)
	if err != nil {
		return nil, err
	}
	if err := s.open(o.Identities); err != nil {
		return nil, err
	}
	s.survey()
	s.choose()
	if err := errors.Join(s.win.err, s.scan.err); err != nil {
		return nil, err
	}
	if len(s.fragments) == 0 {
		return nil, index.Corruptf("nothing of a hexz stream was found; if it was encrypted, its header is damaged")
	}
	// Dictionaries of fragments that were dropped do not count.
	if len(s.dicts) > 0 {
		s.dicts = map[int64]bool{}
		s.decoder, err = archive.NewDecoder(o)
	}
	s.at = s.body
	return s, err
}

func newCarver(src io.ReaderAt, size int64, o archive.Options) (*Carver, error) {
	decoder, err := archive.NewDecoder(o)
	return &Carver{
		src: src, size: size, win: newWindow(src, size), scan: newWindow(src, size),
		decoder: decoder, dicts: map[int64]bool{}, numbers: map[int64]int{}, closed: map[int64]int64{},
	}, err
}

// open reads the clear header of an encrypted archive, and the index.
func (s *Carver) open(opener seal.Opener) error {
	f, n, err := s.frameAt(0)
	h, ok := f.(*stream.Header)
	if err == nil && ok {
		s.sealed, _ = h.Meta[index.SealedKey].(bool)
		if h.Encrypted() {
			digest, err := s.digest(0, n)
			if err != nil {
				return err
			}
			if s.ciphers, s.kinds, err = index.Unlock(h, digest, opener); err != nil {
				return err
			}
			s.body = n
		}
	}
	s.state = s.openIndex()
	if s.state == IndexMissing && err == nil && !s.sealed {
		s.state = IndexNone
	}
	if s.index != nil && s.index.Root.Encrypted() && s.ciphers == nil {
		return index.Corruptf("the archive is encrypted, and its clear header is damaged: without it no key opens it")
	}
	return s.win.err
}

// addDict gives a dictionary to the decoder. It reports whether the decoder has the dictionary now.
func (s *Carver) addDict(d *stream.Dict) bool {
	if !s.dicts[d.ID] && d.ID < 1<<32 && len(s.dicts) < stream.MaxDicts {
		s.dicts[d.ID] = s.decoder.AddDict(uint32(d.ID), d.Bytes) == nil
	}
	return s.dicts[d.ID]
}

func (s *Carver) digest(pos, n int64) (index.Hash, error) {
	p := make([]byte, n)
	err := readFull(s.src, p, pos)
	return blake.Sum(p), err
}

// frameAt reads the frame at a position, and returns its length in the file. It does not read the
// payload of a segment, but checks that the file does not end before the payload does. It decrypts
// a sealed frame, which proves the frame.
func (s *Carver) frameAt(pos int64) (stream.Frame, int64, error) {
	in := wire.NewSourceReader(s.win.at(pos))
	if s.ciphers == nil {
		f, err := stream.ReadFrame(in)
		n := in.Pos()
		if seg, ok := f.(*stream.Segment); ok {
			n += int64(seg.Outstanding())
		}
		if err == nil && n > s.size-pos {
			err = stream.ErrTruncated
		}
		return f, n, err
	}
	number, n := index.ReadSealedHead(in)
	if in.Err() == nil && int64(n) > s.size-pos-in.Pos() {
		return nil, 0, stream.ErrTruncated
	}
	s.buf = in.Rest(s.buf, n)
	if err := in.Err(); err != nil {
		return nil, 0, err
	}
	plain, err := s.ciphers.Open(index.FrameDomain, uint64(number), s.buf)
	if err != nil {
		return nil, in.Pos(), err
	}
	s.number = number
	f, err := stream.ParseFrame(plain)
	if seg, ok := f.(*stream.Segment); ok {
		seg.Payload = nil // the payload is in s.buf
	}
	return f, in.Pos(), err
}

// Found is a frame, or a range of the file in which none was found.
type Found struct {
	Frame    stream.Frame // nil if the range is lost
	Pos, Len int64

	raw []byte // the frame as it is stored
}

// Next returns the next frame or lost range, from front to back, and io.EOF at the end. It leaves
// out the clear header of an encrypted archive, ancillary frames, and everything after End.
func (s *Carver) Next() (*Found, error) {
	for s.current < len(s.fragments) {
		c := &s.fragments[s.current]
		if s.at < c.pos {
			return s.lost(c.pos), nil
		}
		if s.at >= c.end {
			s.current++
			continue
		}
		f, n, err := s.frameAt(s.at)
		if err != nil {
			return nil, s.changed(err)
		}
		found := &Found{Frame: f, Pos: s.at, Len: n}
		s.at += n
		switch f := f.(type) {
		case *stream.Segment:
			f.Release()
			found, err := s.load(found.Pos, n)
			return found, s.changed(err)
		case *stream.Dict:
			if !s.addDict(f) {
				return &Found{Pos: found.Pos, Len: n}, nil
			}
		case *stream.Header:
			delete(f.Meta, index.SealedKey)
		case *stream.Ancillary:
			continue
		}
		return found, nil
	}
	if last := len(s.fragments) - 1; !s.fragments[last].ended && s.at < s.size {
		return s.lost(s.size), nil
	}
	return nil, io.EOF
}

// lost returns the range from the current position to another.
func (s *Carver) lost(to int64) *Found {
	f := &Found{Pos: s.at, Len: to - s.at}
	s.at = to
	return f
}

// load reads the whole frame of a segment.
func (s *Carver) load(pos, n int64) (*Found, error) {
	raw := make([]byte, n)
	if s.win.err = readFull(s.src, raw, pos); s.win.err != nil {
		return nil, s.win.err
	}
	plain := raw
	if s.ciphers != nil {
		var err error
		if plain, err = index.OpenSealed(append([]byte(nil), raw...), s.ciphers); err != nil {
			return nil, err
		}
	}
	seg, err := stream.ParseSegment(plain)
	if err != nil {
		return nil, err
	}
	return &Found{Frame: seg, Pos: pos, Len: n, raw: raw}, nil
}

// changed returns the error for a frame that was right in the survey, and is not any more.
func (s *Carver) changed(err error) error {
	if err == nil || s.win.err != nil {
		return s.win.err
	}
	return fmt.Errorf("the file has changed while it was read: %w", err)
}

// Index returns how much is left of the index.
func (s *Carver) Index() IndexState { return s.state }

// Info returns the description of the content from the index, or nil if the index is lost.
func (s *Carver) Info() *index.Info {
	if s.index == nil {
		return nil
	}
	return s.index.Info()
}

// ClosedAt returns the size that the Close frames state of a stream, or -1 if there is none, or if
// they differ. With an index, Info knows better.
func (s *Carver) ClosedAt(id int64) int64 {
	if size, ok := s.closed[id]; ok {
		return size
	}
	return -1
}

// noteClose records what a Close frame states.
func (s *Carver) noteClose(f *stream.Close) {
	size, ok := s.closed[f.ID]
	switch {
	case ok && size != f.Size:
		s.closed[f.ID] = -1
	case s.index == nil && len(s.closed) < stream.MaxStreams:
		s.closed[f.ID] = f.Size
	}
}

// RecipientKinds returns the kinds of the recipients, as Scanner.RecipientKinds does.
func (s *Carver) RecipientKinds() []string { return s.kinds }
