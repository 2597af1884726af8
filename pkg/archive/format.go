// Package archive writes and reads sealed streams: the frames of a chunk stream, an index
// behind them, and a trailer. docs/format.md is the specification.
//
// A Writer makes an archive in one pass to any io.Writer. A Reader opens one on an
// io.ReaderAt and reads at random: the root names the map pages, a map page the segments,
// and references are resolved by ordinal. A Scanner reads a stream or an archive from front
// to back. All three hand out nothing that was not verified.
package archive

import (
	"encoding/binary"
	"errors"
	"fmt"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// Hash is a BLAKE3-256 digest.
type Hash = blake.Hash

// The kinds of the index frames.
const (
	kindMapPage   stream.Kind = 16
	kindEntryPage stream.Kind = 17
	kindRoot      stream.Kind = 18
	kindSignature stream.Kind = 19
)

const (
	pageSegments = 1024    // segments of a page, at most
	pageBytes    = 1 << 20 // bytes of entries of a page; one segment more may go in
	runFrames    = 1024    // body frames of a run

	maxIndexFrame = 256 << 20                                // bytes of a page or root: a root for 400 TiB
	maxFrame      = stream.MaxPayload + 64*stream.MaxEntries // bytes of a frame of the body
	maxPages      = 1 << 20
)

// Keys in the Meta of the header.
const (
	sealedKey  = "archive" // true: an index follows behind the End frame
	wrappedKey = "age"     // the wrapped file key of an encrypted archive
)

// The trailer is the last 64 bytes of an archive, a msgpack byte string:
//
//	 0  c4 3e     head of a byte string of 62 bytes
//	 2  8 bytes   magic
//	10  1 byte    version
//	11  5 bytes   zero
//	16  u64 LE    position of the root frame
//	24  u64 LE    length of the root frame
//	32  32 bytes  BLAKE3 of the root frame: the id of the archive
const (
	trailerSize    = 64
	archiveMagic   = "hxz-tail"
	indexMagic     = "hxz-indx" // of an exported index
	trailerVersion = 1
)

type trailer struct {
	root  span
	magic string
}

// span is a range of the file with the digest of its bytes.
type span struct {
	pos, len int64
	digest   Hash
}

func (s span) end() int64 { return s.pos + s.len }

func (t trailer) append(dst []byte) []byte {
	dst = append(dst, 0xc4, trailerSize-2)
	dst = append(dst, t.magic...)
	dst = append(dst, trailerVersion, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.root.pos))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.root.len))
	return append(dst, t.root.digest[:]...)
}

// parseTrailer reads the trailer b, which stands at byte pos.
func parseTrailer(b []byte, pos int64) (trailer, error) {
	var t trailer
	if len(b) != trailerSize || b[0] != 0xc4 || b[1] != trailerSize-2 {
		return t, corruptf("no trailer: not a hexz archive, or it was cut short")
	}
	t.magic = string(b[2:10])
	if t.magic != archiveMagic && t.magic != indexMagic {
		return t, corruptf("no trailer: not a hexz archive, or it was cut short")
	}
	if b[10] != trailerVersion || [5]byte(b[11:16]) != [5]byte{} {
		return t, corruptf("trailer of version %d, this program knows version %d", b[10], trailerVersion)
	}
	t.root.pos = int64(binary.LittleEndian.Uint64(b[16:]))
	t.root.len = int64(binary.LittleEndian.Uint64(b[24:]))
	t.root.digest = Hash(b[32:])
	if t.root.pos < 0 || t.root.len < 1 || t.root.len > maxIndexFrame || t.root.pos > pos-t.root.len {
		return t, corruptf("trailer names a root of %d bytes at byte %d of %d", t.root.len, t.root.pos, pos)
	}
	return t, nil
}

func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// corrupt makes err an ErrCorrupt, unless it is one.
func corrupt(err error) error {
	if err == nil || errors.Is(err, stream.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w: %w", stream.ErrCorrupt, err)
}
