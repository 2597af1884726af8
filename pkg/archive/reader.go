package archive

import (
	"errors"
	"fmt"
	"io"
	"math"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

const (
	tailSize         = 64 << 10 // read at once when opening; holds the root of most archives
	defaultCache     = 20 << 20 // a program that restores with it stays below 64 MiB
	pageCacheBytes   = 4 << 20
	segmentRefMemory = 80
)

// Options of a Reader. The zero value works.
type Options struct {
	Identities []age.Identity // to open an encrypted archive; without any it is locked
	CacheBytes int64          // of decoded segments that are kept, with those of parents; 0 is 20 MiB
	Threads    int            // decoders that may run at a time; 0 is one for each CPU

	// Find finds the parents of a thin archive, when they are needed. Without it they are
	// missing.
	Find FindFunc
}

// Reader reads an archive at random. All methods are safe for concurrent use.
//
// What it returns was verified: the index against the id, each segment against its digest in
// the index, each chunk against its hash. Damage is an ErrCorrupt for the range that it
// concerns, and for nothing else.
//
// Of an encrypted archive, without an identity, the stored bytes and signatures can be
// checked. All else is a LockedError, and Info is empty.
type Reader struct {
	src     io.ReaderAt
	size    int64
	magic   string // of its trailer
	rootAt  span
	root    *root
	tail    *tail
	ciphers *ciphers     // nil if the archive is not encrypted
	locked  *LockedError // or nil
	kinds   []string     // of recipients
	decoder *codec.Decoder
	caches  *caches
	family  *family
	o       Options
}

// NewReader opens the archive of size bytes on src.
func NewReader(src io.ReaderAt, size int64, o Options) (*Reader, error) {
	return newReader(src, size, o, newCaches(o.CacheBytes), newFamily(o.Threads))
}

func newReader(src io.ReaderAt, size int64, o Options, c *caches, f *family) (*Reader, error) {
	r := &Reader{src: src, size: size, o: o, caches: c, family: f, magic: archiveMagic}
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.unlock(o.Identities); err != nil || r.locked != nil {
		return r, err
	}
	if err := r.root.open(r.ciphers); err != nil {
		return nil, fmt.Errorf("root at byte %d: %w", r.rootAt.pos, err)
	}
	return r, r.loadDecoder()
}

// open reads the root and what is behind it.
func (r *Reader) open() error {
	if r.size < trailerSize {
		return corruptf("%d bytes are too few for a hexz archive", r.size)
	}
	buf := make([]byte, min(r.size, tailSize))
	start := r.size - int64(len(buf))
	if err := r.readAt(buf, start); err != nil {
		return err
	}
	last, err := findTrailer(buf, start, r.magic)
	if err != nil {
		return err
	}
	r.rootAt = last.root
	var raw []byte
	if at := r.rootAt; at.pos < start {
		raw, err = r.readSpan(at, "root")
	} else if raw = buf[at.pos-start:][:at.len]; blake.Sum(raw) != at.digest {
		err = corruptf("root at byte %d is damaged", at.pos)
	}
	if err != nil {
		return err
	}
	if r.root, err = parseRoot(raw); err != nil {
		return fmt.Errorf("root at byte %d: %w", r.rootAt.pos, err)
	}
	end := r.rootAt.end()
	if r.size-end > maxTail {
		return corruptf("%d bytes behind the root", r.size-end)
	}
	in := wire.NewReader(io.NewSectionReader(r.src, end, r.size-end))
	if end >= start { // as in most archives: no second read
		in = wire.NewBytesReader(buf[end-start:])
	}
	r.tail, err = readTail(in, last, end)
	return corrupt(err)
}

// unlock finds the keys of an encrypted archive, or sets locked.
func (r *Reader) unlock(ids []age.Identity) error {
	if !r.root.encrypted() {
		return nil
	}
	h, at, err := r.header()
	if err != nil {
		return err
	}
	if !h.Encrypted() {
		return corruptf("header and root do not agree on whether the archive is encrypted")
	}
	r.ciphers, r.kinds, err = unlock(h, at.digest, ids)
	if errors.As(err, &r.locked) {
		return nil
	}
	return err
}

// loadDecoder makes a decoder that knows the dictionaries. Without any, one serves the whole family.
func (r *Reader) loadDecoder() (err error) {
	if len(r.root.dicts) == 0 {
		r.decoder, err = r.family.decoder()
		return err
	}
	if r.decoder, err = codec.NewDecoder(r.o.Threads); err != nil {
		return err
	}
	for _, d := range r.root.dicts {
		raw, err := r.readSpan(d.span, "dictionary")
		if err != nil {
			return err
		}
		var dict *stream.Dict
		if raw, err = r.plain(raw); err == nil {
			dict, err = stream.ParseDict(raw)
		}
		if err == nil && (dict.ID != d.id || d.id > math.MaxUint32) {
			err = corruptf("it has the id %d, the index says %d", dict.ID, d.id)
		}
		if err == nil {
			err = r.decoder.AddDict(uint32(dict.ID), dict.Bytes)
		}
		if err != nil {
			return fmt.Errorf("dictionary at byte %d: %w", d.pos, corrupt(err))
		}
	}
	return nil
}

// ID returns the archive id: the digest of the root, which covers every byte before it.
func (r *Reader) ID() Hash { return r.rootAt.digest }

// Size returns the length of the archive in bytes, but for what Torn tells of.
func (r *Reader) Size() int64 { return r.tail.end }

// Torn tells whether behind the archive there is the beginning of a signature: somebody
// was stopped while it was appended. It has no meaning.
func (r *Reader) Torn() bool { return r.tail.torn }

// Signatures returns the signatures of the archive. They are not verified.
func (r *Reader) Signatures() []seal.Signature { return r.tail.signatures }

// Locked returns an error if the archive is encrypted and no identity was given.
func (r *Reader) Locked() error {
	if r.locked == nil {
		return nil
	}
	return r.locked
}

// Encrypted tells whether the archive is encrypted.
func (r *Reader) Encrypted() bool { return r.root.encrypted() }

// RecipientKinds returns the kinds of those who can open an encrypted archive, see
// seal.RecipientKinds.
func (r *Reader) RecipientKinds() []string { return r.kinds }

// plain returns a frame of the body as it was before it was sealed, in place.
func (r *Reader) plain(frame []byte) ([]byte, error) {
	if r.ciphers == nil {
		return frame, nil
	}
	return openSealed(frame, r.ciphers)
}

// Info returns what the archive tells about its content. The caller must not change it.
func (r *Reader) Info() *Info { return &r.root.info }

// Dicts returns the number of dictionaries.
func (r *Reader) Dicts() int { return len(r.root.dicts) }

// readAt fills p, and makes an early end an ErrCorrupt.
func (r *Reader) readAt(p []byte, pos int64) error {
	n, err := r.src.ReadAt(p, pos)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return corruptf("archive ends at byte %d", pos+int64(n))
	}
	return fmt.Errorf("at byte %d: %w", pos, err)
}

// readSpan reads and verifies a range.
func (r *Reader) readSpan(s span, what string) ([]byte, error) {
	if s.pos > r.size-s.len {
		return nil, corruptf("%s at byte %d ends behind the archive", what, s.pos)
	}
	p := make([]byte, s.len)
	if err := r.readAt(p, s.pos); err != nil {
		return nil, err
	}
	if blake.Sum(p) != s.digest {
		return nil, corruptf("%s at byte %d is damaged", what, s.pos)
	}
	return p, nil
}
