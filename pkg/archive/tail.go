package archive

import (
	"bytes"
	"errors"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

const (
	maxSignature  = 4 << 10 // bytes of the text of a signature
	maxSignatures = 64
	maxTail       = 512 << 10 // bytes of all signatures and trailers

	maxAppend = tailSize - trailerSize // bytes that are appended at once, so that the last trailer is found
)

// tail is what stands behind the root:
//
//	tail = 1*( *Signature Trailer )
//
// Signatures that are added later get another trailer, the same as the one before. So an
// archive stays whole while they are appended: behind a trailer the input may end within the
// next signatures, which do not count then.
type tail struct {
	signatures []seal.Signature
	end        int64 // of the last trailer
	torn       bool  // something is behind it
}

// readTail reads what stands behind the root, where the trailers are to be want, up to the end
// of the input.
// Positions of in are base less than those of the file.
func readTail(in *wire.Reader, want trailer, base int64) (*tail, error) {
	t := &tail{}
	var pending []seal.Signature
	limit := in.Pos() + maxTail
	for in.More() {
		pos := base + in.Pos()
		isTrailer := in.IsBytes()
		raw, err := readRaw(in, limit-in.Pos())
		if errors.Is(err, io.ErrUnexpectedEOF) {
			if !want.tears(raw, pos, isTrailer) {
				return nil, corruptf("signatures are damaged at byte %d", pos)
			}
			break
		}
		if err != nil {
			return nil, corrupt(err)
		}
		if len(raw) == 1 && raw[0] == 0 && t.end > 0 {
			if err := padding(in, limit); err != nil {
				return nil, err
			}
			break
		}
		if !isTrailer {
			s, err := parseSignature(raw)
			if err != nil {
				return nil, err
			}
			if pending = append(pending, s); len(t.signatures)+len(pending) > maxSignatures {
				return nil, corruptf("more than %d signatures", maxSignatures)
			}
			continue
		}
		last, err := parseTrailer(raw, pos)
		if err != nil {
			return nil, err
		}
		if last != want {
			return nil, corruptf("trailer at byte %d names another root", pos)
		}
		t.signatures = append(t.signatures, pending...)
		pending = nil
		t.end = base + in.Pos()
	}
	if err := in.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if t.end == 0 {
		return nil, stream.ErrTruncated
	}
	behind := base + in.Pos() - t.end
	if behind > maxAppend {
		return nil, corruptf("%d bytes behind the last trailer", behind)
	}
	t.torn = behind > 0
	return t, nil
}

// tears tells whether raw, at byte pos, can be what is left of an append: the beginning of a
// trailer like t, or of a signature. What has a trailer in it was appended to its end, and is
// damaged.
func (t trailer) tears(raw []byte, pos int64, isTrailer bool) bool {
	if isTrailer {
		return bytes.HasPrefix(t.append(nil), raw)
	}
	_, err := findTrailer(raw, pos, t.magic)
	return err != nil
}

// padding takes zero bytes behind a trailer, up to position limit, which a file system may leave of
// an append that a power cut has stopped.
func padding(in *wire.Reader, limit int64) error {
	for in.More() {
		if raw, err := readRaw(in, limit-in.Pos()); err != nil || len(raw) != 1 || raw[0] != 0 {
			return corruptf("something stands behind the archive")
		}
	}
	return in.Err()
}

// readRaw reads a frame of the index, a signature or a trailer, of at most limit bytes, as it is.
func readRaw(in *wire.Reader, limit int64) ([]byte, error) {
	var raw bytes.Buffer
	in.Tee(&raw)
	in.Skip(limit)
	in.Tee(nil)
	return raw.Bytes(), in.Err()
}

// A signature frame is [19, text, BLAKE3 of the text]: no key is needed to see that it is
// damaged.

func appendSignature(w *wire.Writer, text []byte) {
	digest := blake.Sum(text)
	w.Array(3)
	w.Int(int64(kindSignature))
	w.Bytes(text)
	w.Bytes(digest[:])
}

// appendTail appends signatures of the id of the archive with that root, and a trailer.
func appendTail(dst []byte, root span, keys []seal.SecretKey) ([]byte, error) {
	w := wire.NewWriter()
	for _, k := range keys {
		text, err := seal.Sign(k, root.digest)
		if err != nil {
			return nil, err
		}
		appendSignature(w, text)
	}
	return trailer{root, archiveMagic}.append(append(dst, w.Written()...)), nil
}

func parseSignature(frame []byte) (s seal.Signature, err error) {
	in := wire.NewBytesReader(frame)
	indexFrame(in, kindSignature, 3)
	text := in.Bytes(maxSignature)
	var digest Hash
	in.Fixed(digest[:])
	if err := finish(in); err != nil {
		return s, err
	}
	if digest != blake.Sum(text) {
		return s, corruptf("a signature is damaged")
	}
	if s, err = seal.ParseSignature(text); err != nil {
		err = corruptf("signature: %v", err)
	}
	return s, err
}

// findTrailer returns the last trailer in buf, the end of a file from byte start on: at its end,
// or in front of what was left of an append. Whether its root is right has not been looked at;
// if it is not, no other trailer is tried, since a root may be large.
func findTrailer(buf []byte, start int64, magic string) (trailer, error) {
	head := trailer{magic: magic}.append(nil)[:2+len(magic)]
	var first error
	for end := len(buf); ; {
		at := bytes.LastIndex(buf[:end], head)
		if at < 0 {
			if first == nil {
				first = corruptf("no trailer: not a hexz archive, or it was cut short")
			}
			return trailer{}, first
		}
		if at+trailerSize <= len(buf) {
			t, err := parseTrailer(buf[at:at+trailerSize], start+int64(at))
			if err == nil {
				return t, nil
			}
			if first == nil {
				first = err
			}
		}
		end = at + len(head) - 1
	}
}

// HasTrailer tells whether the file of size bytes ends like an archive. If it begins like one
// but does not end so, it was cut short. If its end cannot be read, NewReader is to say so.
func HasTrailer(src io.ReaderAt, size int64) bool {
	_, err := lastTrailer(src, size, archiveMagic)
	return err == nil || !errors.Is(err, stream.ErrCorrupt)
}

// IsIndex tells whether the file of size bytes ends like an exported index.
func IsIndex(src io.ReaderAt, size int64) bool {
	_, err := lastTrailer(src, size, indexMagic)
	return err == nil
}

// TrailerID returns the id that stands at the end of an archive. Nothing of it is verified. If there
// is none the error is ErrCorrupt; any other says that the end cannot be read.
func TrailerID(src io.ReaderAt, size int64) (Hash, error) {
	t, err := lastTrailer(src, size, archiveMagic)
	return t.root.digest, err
}

func lastTrailer(src io.ReaderAt, size int64, magic string) (trailer, error) {
	buf := make([]byte, min(size, tailSize))
	if n, err := src.ReadAt(buf, size-int64(len(buf))); n < len(buf) && err != nil {
		return trailer{}, err
	}
	return findTrailer(buf, size-int64(len(buf)), magic)
}
