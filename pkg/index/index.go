package index

import (
	"errors"
	"fmt"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// TailSize is how much is read at once when opening, in bytes. It holds the root, unless that tells of
// some hundred streams, parents or dictionaries.
const TailSize = 64 << 10

// Index is the index of an archive: it lists the streams and chunks, and says where they are. It
// comes from an archive, from an exported index, or from a damaged archive whose root is whole. All
// methods are safe for concurrent use.
//
// All results were verified against the id. Damage to a page is an ErrCorrupt for that page, and
// for nothing else.
//
// Without an identity, only the stored bytes and the signatures of an encrypted archive can be
// checked. Everything else is a LockedError, and Info is empty.
type Index struct {
	Src      io.ReaderAt
	FileSize int64
	magic    string // of its trailer
	RootAt   Extent
	Root     *Root
	tail     *Tail        // nil if the archive is damaged
	Ciphers  *Ciphers     // nil if the archive is not encrypted
	locked   *LockedError // or nil
	kinds    []string     // of recipients
	pages    *PageCache
	opened   *Hash // the archive id, if the index was exported in plain form; or nil
}

// Open opens an index in the size bytes of src. magic is that of the trailer: of an archive or of
// an exported index.
func Open(src io.ReaderAt, size int64, magic string, opener seal.Opener, pages *PageCache) (*Index, error) {
	x := &Index{Src: src, FileSize: size, magic: magic, pages: pages}
	if err := x.open(); err != nil {
		return nil, err
	}
	if err := x.unlock(opener); err != nil || x.locked != nil {
		return x, err
	}
	if err := x.Root.Open(x.Ciphers); err != nil {
		return nil, fmt.Errorf("root at byte %d: %w", x.RootAt.Pos, err)
	}
	return x, nil
}

// FromRoot returns the index of a damaged archive whose root was found and is whole. It returns nil
// if the root cannot be read. Without the keys of an encrypted archive the content of the root
// stays sealed.
func FromRoot(raw []byte, at Extent, src io.ReaderAt, size int64, c *Ciphers) *Index {
	root, err := ParseRoot(raw)
	if err != nil {
		return nil
	}
	x := &Index{Src: src, FileSize: size, Root: root, RootAt: at, Ciphers: c, pages: NewPageCache(DefaultPages)}
	if x.place() != nil {
		return nil
	}
	if root.Encrypted() && c == nil {
		return x
	}
	if root.Encrypted() != (c != nil) || root.Open(c) != nil {
		return nil
	}
	return x
}

// open reads the root and the tail after it.
func (x *Index) open() error {
	if x.FileSize < TrailerSize {
		return Corruptf("%d bytes are too few for a hexz archive", x.FileSize)
	}
	buf := make([]byte, min(x.FileSize, TailSize))
	start := x.FileSize - int64(len(buf))
	if err := x.ReadBytes(buf, start); err != nil {
		return err
	}
	last, err := FindTrailer(buf, start, x.magic)
	if err != nil {
		return err
	}
	x.RootAt = last.Root
	var raw []byte
	if at := x.RootAt; at.Pos < start {
		raw, err = x.ReadExtent(at, "root")
	} else if raw = buf[at.Pos-start:][:at.Len]; blake.Sum(raw) != at.Digest {
		err = Corruptf("root at byte %d is damaged", at.Pos)
	}
	if err != nil {
		return err
	}
	if x.Root, err = ParseRoot(raw); err != nil {
		return fmt.Errorf("root at byte %d: %w", x.RootAt.Pos, err)
	}
	if err := x.place(); err != nil {
		return err
	}
	end := x.RootAt.End()
	if x.FileSize-end > maxTail {
		return Corruptf("%d bytes behind the root", x.FileSize-end)
	}
	in := wire.NewReader(io.NewSectionReader(x.Src, end, x.FileSize-end))
	if end >= start { // as in most archives: no second read
		in = wire.NewBytesReader(buf[end-start:])
	}
	x.tail, err = ReadTail(in, last, end)
	return Corrupt(err)
}

// place sets the position of the frames after the last segment, and returns an error if the pages
// cannot lie before the root. An exported index has no body.
func (x *Index) place() error {
	body := x.AreaStart(0)
	if x.NodesOnly() {
		body = x.AreaStart(1)
	}
	x.Root.Rest.Pos = body - x.Root.Rest.Len
	if body < 0 || !x.Exported() && x.Root.Rest.Pos < 0 {
		return Corruptf("root at byte %d: there is no room for its pages before it", x.RootAt.Pos)
	}
	return nil
}

// unlock finds the keys of an encrypted archive, or sets locked.
func (x *Index) unlock(opener seal.Opener) error {
	if !x.Root.Encrypted() {
		return nil
	}
	h, at, err := x.header()
	if err != nil {
		return err
	}
	if !h.Encrypted() {
		return Corruptf("header and root do not agree on whether the archive is encrypted")
	}
	x.Ciphers, x.kinds, err = Unlock(h, at.Digest, opener)
	if errors.As(err, &x.locked) {
		return nil
	}
	return err
}

// ID returns the archive id: the digest of the root, which covers every byte before it.
func (x *Index) ID() Hash {
	if x.opened != nil {
		return *x.opened
	}
	return x.RootAt.Digest
}

// Size returns the length of the archive in bytes, without the rest that Torn reports.
func (x *Index) Size() int64 { return x.tail.End }

// Torn reports whether an interrupted append of signatures has left bytes after the archive. These
// bytes have no meaning.
func (x *Index) Torn() bool { return x.tail.Torn }

// Signatures returns the signatures of the archive. They are not verified.
func (x *Index) Signatures() []seal.Signature { return x.tail.Signatures }

// Locked returns an error if the archive is encrypted and no identity was given.
func (x *Index) Locked() error {
	if x.locked == nil {
		return nil
	}
	return x.locked
}

// Encrypted reports whether the archive is encrypted.
func (x *Index) Encrypted() bool { return x.Root.Encrypted() }

// Exported reports whether x is an exported index, which has no content.
func (x *Index) Exported() bool { return x.magic == indexMagic || x.NodesOnly() }

// NodesOnly reports whether x is an exported index without the pages of segments.
func (x *Index) NodesOnly() bool { return x.magic == nodesMagic }

// RecipientKinds returns the kinds of the recipients of an encrypted archive, see
// seal.RecipientKinds.
func (x *Index) RecipientKinds() []string { return x.kinds }

// Info returns the description of the content. The caller must not change it.
func (x *Index) Info() *Info { return &x.Root.Info }

// ReadBytes fills p from pos. An early end of the file is an ErrCorrupt.
func (x *Index) ReadBytes(p []byte, pos int64) error {
	n, err := x.Src.ReadAt(p, pos)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return Corruptf("archive ends at byte %d", pos+int64(n))
	}
	return fmt.Errorf("at byte %d: %w", pos, err)
}

// ReadExtent reads and verifies a range.
func (x *Index) ReadExtent(s Extent, what string) ([]byte, error) {
	if s.Pos > x.FileSize-s.Len {
		return nil, Damagedf(s, "%s at byte %d ends after the archive", what, s.Pos)
	}
	p := make([]byte, s.Len)
	if err := x.ReadBytes(p, s.Pos); err != nil {
		return nil, err
	}
	if blake.Sum(p) != s.Digest {
		return nil, Damagedf(s, "%s at byte %d is damaged", what, s.Pos)
	}
	return p, nil
}

// header returns the first frame.
func (x *Index) header() (*stream.Header, Extent, error) {
	in := stream.NewReader(io.NewSectionReader(x.Src, 0, x.RootAt.Pos))
	in.KeepDigests(true)
	f, err := in.Next()
	h, ok := f.(*stream.Header)
	switch {
	case err != nil:
		return nil, Extent{}, headerDamage(err)
	case !ok:
		return nil, Extent{}, Corruptf("it does not begin with a header")
	}
	pos, n := in.Range()
	return h, Extent{pos, n, in.Digest()}, nil
}

// headerDamage makes an early end of the header an ErrCorrupt, because the file goes on.
func headerDamage(err error) error {
	if errors.Is(err, stream.ErrTruncated) {
		return Corruptf("header is damaged")
	}
	return err
}

// Plain decrypts a frame of the body in place. A frame of a plain archive is returned unchanged.
func (x *Index) Plain(frame []byte) ([]byte, error) {
	if x.Ciphers == nil {
		return frame, nil
	}
	return OpenSealed(frame, x.Ciphers)
}

// Dicts returns the number of dictionaries.
func (x *Index) Dicts() int { return len(x.Root.Dicts) }
