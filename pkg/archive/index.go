package archive

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

const (
	tailSize         = 64 << 10 // read at once when opening; holds the root of most archives
	pageCacheBytes   = 4 << 20
	segmentRefMemory = 80
)

// Index is the index of an archive: what streams and chunks there are, and where. It is that of an
// archive, of an exported index, or of a damaged archive whose root is whole. All methods are safe
// for concurrent use.
//
// What it returns was verified against the id. Damage is an ErrCorrupt for the page that it
// concerns, and for nothing else.
//
// Of an encrypted archive, without an identity, the stored bytes and signatures can be
// checked. All else is a LockedError, and Info is empty.
type Index struct {
	src     io.ReaderAt
	size    int64
	magic   string // of its trailer
	rootAt  span
	root    *root
	tail    *tail        // nil of a damaged archive
	ciphers *ciphers     // nil if the archive is not encrypted
	locked  *LockedError // or nil
	kinds   []string     // of recipients
	pages   *pageCache
	opened  *Hash // the archive id, of an index that was exported opened; or nil
}

// pageCache keeps map pages of several indexes.
type pageCache = cache[pageKey, []segmentRef]

// pageKey names a map page by its number.
type pageKey struct {
	x *Index
	n int64
}

func newPageCache() *pageCache {
	return newCache(pageCacheBytes, func(k pageKey) ([]segmentRef, int64, error) { return k.x.loadPage(k.n) }, nil)
}

// openIndex opens the index of an archive, or an exported index, of size bytes on src, by the magic
// of its trailer.
func openIndex(src io.ReaderAt, size int64, magic string, ids []age.Identity, pages *pageCache) (*Index, error) {
	x := &Index{src: src, size: size, magic: magic, pages: pages}
	if err := x.open(); err != nil {
		return nil, err
	}
	if err := x.unlock(ids); err != nil || x.locked != nil {
		return x, err
	}
	if err := x.root.open(x.ciphers); err != nil {
		return nil, fmt.Errorf("root at byte %d: %w", x.rootAt.pos, err)
	}
	return x, nil
}

// indexOf returns the index of a damaged archive, by its root, which was found and is whole. It is nil
// if the root cannot be read. Without the keys of an encrypted archive it says no more than that.
func indexOf(raw []byte, at span, src io.ReaderAt, size int64, c *ciphers) *Index {
	root, err := parseRoot(raw)
	if err != nil {
		return nil
	}
	x := &Index{src: src, size: size, root: root, rootAt: at, ciphers: c, pages: newPageCache()}
	if root.encrypted() && c == nil {
		return x
	}
	if root.encrypted() != (c != nil) || root.open(c) != nil {
		return nil
	}
	return x
}

// open reads the root and what is behind it.
func (x *Index) open() error {
	if x.size < trailerSize {
		return corruptf("%d bytes are too few for a hexz archive", x.size)
	}
	buf := make([]byte, min(x.size, tailSize))
	start := x.size - int64(len(buf))
	if err := x.readAt(buf, start); err != nil {
		return err
	}
	last, err := findTrailer(buf, start, x.magic)
	if err != nil {
		return err
	}
	x.rootAt = last.root
	var raw []byte
	if at := x.rootAt; at.pos < start {
		raw, err = x.readSpan(at, "root")
	} else if raw = buf[at.pos-start:][:at.len]; blake.Sum(raw) != at.digest {
		err = corruptf("root at byte %d is damaged", at.pos)
	}
	if err != nil {
		return err
	}
	if x.root, err = parseRoot(raw); err != nil {
		return fmt.Errorf("root at byte %d: %w", x.rootAt.pos, err)
	}
	end := x.rootAt.end()
	if x.size-end > maxTail {
		return corruptf("%d bytes behind the root", x.size-end)
	}
	in := wire.NewReader(io.NewSectionReader(x.src, end, x.size-end))
	if end >= start { // as in most archives: no second read
		in = wire.NewBytesReader(buf[end-start:])
	}
	x.tail, err = readTail(in, last, end)
	return corrupt(err)
}

// unlock finds the keys of an encrypted archive, or sets locked.
func (x *Index) unlock(ids []age.Identity) error {
	if !x.root.encrypted() {
		return nil
	}
	h, at, err := x.header()
	if err != nil {
		return err
	}
	if !h.Encrypted() {
		return corruptf("header and root do not agree on whether the archive is encrypted")
	}
	x.ciphers, x.kinds, err = unlock(h, at.digest, ids)
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
	return x.rootAt.digest
}

// Size returns the length of the archive in bytes, but for what Torn tells of.
func (x *Index) Size() int64 { return x.tail.end }

// Torn reports whether after the archive there is what an append of signatures has left, which
// was interrupted. It has no meaning.
func (x *Index) Torn() bool { return x.tail.torn }

// Signatures returns the signatures of the archive. They are not verified.
func (x *Index) Signatures() []seal.Signature { return x.tail.signatures }

// Locked returns an error if the archive is encrypted and no identity was given.
func (x *Index) Locked() error {
	if x.locked == nil {
		return nil
	}
	return x.locked
}

// Encrypted tells whether the archive is encrypted.
func (x *Index) Encrypted() bool { return x.root.encrypted() }

// RecipientKinds returns the kinds of those who can open an encrypted archive, see
// seal.RecipientKinds.
func (x *Index) RecipientKinds() []string { return x.kinds }

// Info returns what the archive tells about its content. The caller must not change it.
func (x *Index) Info() *Info { return &x.root.info }

// readAt fills p, and makes an early end an ErrCorrupt.
func (x *Index) readAt(p []byte, pos int64) error {
	n, err := x.src.ReadAt(p, pos)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return corruptf("archive ends at byte %d", pos+int64(n))
	}
	return fmt.Errorf("at byte %d: %w", pos, err)
}

// readSpan reads and verifies a range.
func (x *Index) readSpan(s span, what string) ([]byte, error) {
	if s.pos > x.size-s.len {
		return nil, damagedf(s, "%s at byte %d ends after the archive", what, s.pos)
	}
	p := make([]byte, s.len)
	if err := x.readAt(p, s.pos); err != nil {
		return nil, err
	}
	if blake.Sum(p) != s.digest {
		return nil, damagedf(s, "%s at byte %d is damaged", what, s.pos)
	}
	return p, nil
}

// header returns the first frame.
func (x *Index) header() (*stream.Header, span, error) {
	in := stream.NewReader(io.NewSectionReader(x.src, 0, x.rootAt.pos))
	in.KeepDigests(true)
	f, err := in.Next()
	h, ok := f.(*stream.Header)
	switch {
	case err != nil:
		return nil, span{}, headerDamage(err)
	case !ok:
		return nil, span{}, corruptf("it does not begin with a header")
	}
	pos, n := in.Range()
	return h, span{pos, n, in.Digest()}, nil
}

// headerDamage makes an early end of the header an ErrCorrupt: the file goes on.
func headerDamage(err error) error {
	if errors.Is(err, stream.ErrTruncated) {
		return corruptf("header is damaged")
	}
	return err
}

// plain returns a frame of the body as it was before it was sealed, in place.
func (x *Index) plain(frame []byte) ([]byte, error) {
	if x.ciphers == nil {
		return frame, nil
	}
	return openSealed(frame, x.ciphers)
}

// Dicts returns the number of dictionaries.
func (x *Index) Dicts() int { return len(x.root.dicts) }
