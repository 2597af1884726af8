package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// The trailer is the last 64 bytes of an archive, a msgpack byte string:
//
//	 0  c4 3e     head of a byte string of 62 bytes
//	 2  8 bytes   magic
//	10  1 byte    version
//	11  5 bytes   check: the first bytes of the BLAKE3 of the trailer with zeros here
//	16  u64 LE    position of the root frame
//	24  u64 LE    length of the root frame
//	32  32 bytes  BLAKE3 of the root frame: the id of the archive
//
// The check finds a trailer that is damaged or was written only in part.
const (
	TrailerSize    = 64
	ArchiveMagic   = "hxz-tail"
	indexMagic     = "hxz-indx" // of an exported index
	nodesMagic     = "hxz-node" // of an exported index that has only nodes
	trailerVersion = 1
)

// Where the check stands in a trailer.
const (
	checkFrom = 11
	checkTo   = 16
)

type Trailer struct {
	Root  Extent
	Magic string
}

// Head returns the first bytes of the trailer. FindTrailer looks for these bytes.
func (t Trailer) Head() []byte { return append([]byte{0xc4, TrailerSize - 2}, t.Magic...) }

func (t Trailer) Append(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, t.Head()...)
	dst = append(dst, trailerVersion, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Root.Pos))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Root.Len))
	dst = append(dst, t.Root.Digest[:]...)
	sum := blake.Sum(dst[from:])
	copy(dst[from+checkFrom:from+checkTo], sum[:])
	return dst
}

// ParseTrailer reads the trailer b, which stands at byte pos. With the error for a damaged trailer
// it returns the fields of that trailer.
func ParseTrailer(b []byte, pos int64) (Trailer, error) {
	var t Trailer
	if len(b) != TrailerSize || b[0] != 0xc4 || b[1] != TrailerSize-2 {
		return t, Corruptf("no trailer: not a hexz archive, or it was cut short")
	}
	t.Magic = string(b[2:10])
	if t.Magic != ArchiveMagic && t.Magic != indexMagic && t.Magic != nodesMagic {
		return t, Corruptf("no trailer: not a hexz archive, or it was cut short")
	}
	if b[10] != trailerVersion {
		return t, Corruptf("trailer of version %d, this program knows version %d", b[10], trailerVersion)
	}
	t.Root.Pos = int64(binary.LittleEndian.Uint64(b[16:]))
	t.Root.Len = int64(binary.LittleEndian.Uint64(b[24:]))
	t.Root.Digest = Hash(b[32:])
	if !bytes.Equal(t.Append(nil), b) {
		return t, Corruptf("trailer at byte %d is damaged", pos)
	}
	if t.Root.Pos < 0 || t.Root.Len < 1 || t.Root.Len > MaxIndexFrame || t.Root.Pos > pos-t.Root.Len {
		return t, Corruptf("trailer names a root of %d bytes at byte %d of %d", t.Root.Len, t.Root.Pos, pos)
	}
	return t, nil
}

// FindTrailer returns the last undamaged trailer in buf, which holds the end of a file from byte
// start on. The trailer is at the end of the file or before the rest of an append. FindTrailer does
// not check the root, and the caller tries no other trailer if the root is damaged, since a root
// may be large. If no trailer is undamaged, it returns the fields of the last one, if any, and the
// error.
func FindTrailer(buf []byte, start int64, magic string) (Trailer, error) {
	head := Trailer{Magic: magic}.Head()
	var last Trailer
	var first error
	for end := len(buf); ; {
		at := bytes.LastIndex(buf[:end], head)
		if at < 0 {
			if first == nil {
				first = Corruptf("no trailer: not a hexz archive, or it was cut short")
			}
			return last, first
		}
		if at+TrailerSize <= len(buf) {
			t, err := ParseTrailer(buf[at:at+TrailerSize], start+int64(at))
			if err == nil {
				return t, nil
			}
			if first == nil {
				last, first = t, err
			}
		}
		end = at + len(head) - 1
	}
}

// HasTrailer reports whether the file of size bytes ends like an archive. A file that begins like
// an archive but does not end like one was cut short. If the end cannot be read, the result is
// true, and NewReader returns the error.
func HasTrailer(src io.ReaderAt, size int64) bool {
	_, err := LastTrailer(src, size, ArchiveMagic)
	return err == nil || !errors.Is(err, stream.ErrCorrupt)
}

// IsIndex reports whether the file of size bytes ends like an exported index.
func IsIndex(src io.ReaderAt, size int64) bool { return magicOf(src, size) != ArchiveMagic }

// magicOf returns the magic of the last trailer of a file: that of an exported index, or that of an
// archive.
func magicOf(src io.ReaderAt, size int64) string {
	for _, magic := range []string{indexMagic, nodesMagic} {
		if _, err := LastTrailer(src, size, magic); err == nil {
			return magic
		}
	}
	return ArchiveMagic
}

// TrailerID returns the id that stands at the end of an archive. The id is not verified. Without a
// trailer the error is an ErrCorrupt. Any other error says that the end cannot be read.
func TrailerID(src io.ReaderAt, size int64) (Hash, error) {
	t, err := LastTrailer(src, size, ArchiveMagic)
	return t.Root.Digest, err
}

func LastTrailer(src io.ReaderAt, size int64, magic string) (Trailer, error) {
	buf := make([]byte, min(size, TailSize))
	if n, err := src.ReadAt(buf, size-int64(len(buf))); n < len(buf) && err != nil {
		return Trailer{}, err
	}
	return FindTrailer(buf, size-int64(len(buf)), magic)
}
