package archive

import (
	"errors"
	"fmt"
	"io"

	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// An exported index tells what chunks an archive has, without the chunks:
//
//	Header                 the first frame of the archive, as it is
//	entry page*            as they are
//	root                   as it is
//	1*( *Signature Trailer )
//
// The trailer has a magic of its own, and the position of the root in the exported index.

// Index is what Dedup needs to know of a parent: a Reader, or an exported index.
type Index interface {
	ID() Hash
	Info() *Info
	Chunks(visit func(Chunk) error) error
}

// ExportIndex writes an exported index of the archive to w. An encrypted one need not be opened.
func (r *Reader) ExportIndex(w io.Writer) error {
	_, head, err := r.header()
	if err != nil {
		return err
	}
	pos := int64(0)
	write := func(p []byte) error {
		n, err := w.Write(p)
		pos += int64(n)
		return err
	}
	for _, at := range append([]span{head}, r.root.entries...) {
		p := make([]byte, at.len)
		err := r.readAt(p, at.pos)
		if at != head {
			p, err = r.readSpan(at, "entry page")
		}
		if err == nil {
			err = write(p)
		}
		if err != nil {
			return err
		}
	}
	at := r.rootAt
	at.pos = pos
	raw, err := r.readSpan(r.rootAt, "root")
	if err == nil {
		err = write(raw)
	}
	if err != nil {
		return err
	}
	tail := wire.NewWriter()
	for _, s := range r.tail.signatures {
		appendSignature(tail, s.Marshal())
	}
	return write(trailer{at, indexMagic}.append(tail.Written()))
}

// ExportedIndex is an exported index.
type ExportedIndex struct{ r *Reader }

// OpenIndex opens the exported index of size bytes on src. Of o only the identities count.
func OpenIndex(src io.ReaderAt, size int64, o Options) (*ExportedIndex, error) {
	r := &Reader{src: src, size: size, o: o, magic: indexMagic}
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.unlock(o.Identities); err != nil {
		return nil, err
	}
	if err := r.Locked(); err != nil {
		return nil, err
	}
	if err := r.root.open(r.ciphers); err != nil {
		return nil, fmt.Errorf("root at byte %d: %w", r.rootAt.pos, err)
	}
	_, head, err := r.header()
	if err != nil {
		return nil, err
	}
	at := head.end()
	for i := range r.root.entries {
		r.root.entries[i].pos = at
		at = r.root.entries[i].end()
	}
	if at != r.rootAt.pos {
		return nil, corruptf("entry pages end at byte %d, the root is at byte %d", at, r.rootAt.pos)
	}
	return &ExportedIndex{r}, nil
}

// ID returns the id of the archive that the index is of.
func (x *ExportedIndex) ID() Hash { return x.r.ID() }

// Info returns what the archive tells about its content.
func (x *ExportedIndex) Info() *Info { return x.r.Info() }

// Signatures returns those of the archive. They are not verified.
func (x *ExportedIndex) Signatures() []seal.Signature { return x.r.Signatures() }

// Chunks is Reader.Chunks.
func (x *ExportedIndex) Chunks(visit func(Chunk) error) error { return x.r.Chunks(visit) }

// header returns the first frame.
func (r *Reader) header() (*stream.Header, span, error) {
	in := stream.NewReader(io.NewSectionReader(r.src, 0, r.rootAt.pos))
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
