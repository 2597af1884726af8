package archive

import (
	"errors"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// bodyReader reads and decrypts the frames of a stream, or of the body of an archive. The first
// frame of an encrypted archive is the clear header. The header of the stream comes after it.
type bodyReader struct {
	file    *stream.Reader // reads the input as it is stored
	frames  *stream.Reader // reads frames: file, or a reader of the decrypted frames
	opened  *openReader    // nil if the archive is not encrypted
	opener  seal.Opener
	kinds   []string       // of recipients
	ciphers *index.Ciphers // used instead of opener; nil if not known
	count   int64          // frames that were decrypted
	digests bool           // whether the digests of frames are wanted
	at      index.Extent   // of the last frame as stored; without the digest if the stream is plain
}

// newBodyReader returns a bodyReader on r. It always computes the digest of a clear header.
func newBodyReader(r io.Reader, opener seal.Opener, digests bool) *bodyReader {
	file := stream.NewReader(r)
	file.KeepDigests(true)
	return &bodyReader{file: file, frames: file, opener: opener, digests: digests}
}

// next returns the next frame, as stream.Reader.Next does.
func (b *bodyReader) next() (stream.Frame, error) {
	f, err := b.frames.Next()
	if b.opened != nil {
		b.at = b.opened.at
		if b.count++; err == nil && (b.frames.Wire().Pos() != b.opened.pos || b.opened.number != b.count) {
			err = &stream.FrameError{Kind: f.Kind(), Err: index.Corruptf("a sealed frame has to hold one frame, and no more")}
		}
		var at *stream.FrameError
		if errors.As(err, &at) {
			at.Offset = b.at.Pos // in the file, rather than in the decrypted bytes
		}
		if h, ok := f.(*stream.Header); err == nil && ok && h.Encrypted() {
			err = index.Corruptf("an encrypted archive inside of an encrypted archive")
		}
		return f, err
	}
	b.at.Pos, b.at.Len = b.file.Range()
	b.at.Digest = b.file.Digest()
	h, ok := f.(*stream.Header)
	if err == nil && ok && h.Encrypted() {
		return f, b.unlock(h)
	}
	if ok && !b.digests {
		b.file.KeepDigests(false)
	}
	return f, err
}

// unlock makes b go on with the content of the Sealed frames.
func (b *bodyReader) unlock(h *stream.Header) error {
	if b.ciphers == nil {
		var err error
		if b.ciphers, b.kinds, err = index.Unlock(h, b.at.Digest, b.opener); err != nil {
			return err
		}
	}
	b.opened = &openReader{in: b.file.Wire(), ciphers: b.ciphers, digests: b.digests}
	b.frames = stream.NewReader(b.opened)
	return nil
}

// openReader reads the decrypted content of the Sealed frames of in, one frame after the other.
type openReader struct {
	in      *wire.Reader
	ciphers *index.Ciphers
	digests bool         // whether at needs digests
	number  int64        // of the next frame
	buf     []byte       // ciphertext
	plain   []byte       // the unread rest of the last frame
	pos     int64        // bytes of all decrypted frames so far, with plain
	at      index.Extent // of the last frame in the file
}

func (o *openReader) Read(p []byte) (int, error) {
	for len(o.plain) == 0 {
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// next decrypts the next frame. The input may end before a frame, but not within one.
func (o *openReader) next() error {
	o.at.Pos = o.in.Pos()
	if !o.in.More() {
		if err := o.in.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	var h blake.Hasher
	if o.digests {
		o.in.Tee(&h)
	}
	number, n := index.ReadSealedHead(o.in)
	o.buf = o.in.Rest(o.buf, n)
	o.in.Tee(nil)
	switch err := o.in.Err(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return stream.ErrTruncated
	case err != nil:
		return err
	case number != o.number:
		return index.Corruptf("sealed frame %d where %d was expected: a frame is missing, doubled or out of order", number, o.number)
	}
	o.number++
	o.at.Len, o.at.Digest = o.in.Pos()-o.at.Pos, h.Sum()
	var err error
	o.plain, err = o.ciphers.Open(index.FrameDomain, uint64(number), o.buf)
	o.pos += int64(len(o.plain))
	if err == nil && len(o.plain) == 0 {
		err = index.Corruptf("sealed frame %d is empty", number)
	}
	return err
}
