package index

import (
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
	KindRoot      stream.Kind = 18
	KindSignature stream.Kind = 19
	kindDirectory stream.Kind = 20
	kindNodePage  stream.Kind = 21
)

const (
	PageSegments = 256      // a page ends with that many segments,
	PageBytes    = 16 << 10 // or with the segment that makes that many bytes of entries
	PageNodes    = 256      // nodes of a page
	FanOut       = 256      // pages that a directory page lists, and the most that the root lists

	MaxIndexFrame = 256 << 20                                // bytes of a page or root
	MaxFrame      = stream.MaxPayload + 64*stream.MaxEntries // bytes of a frame of the body
	MaxPages      = 1 << 31
)

// Keys in the Meta of the header.
const (
	SealedKey  = "archive" // true: an index follows the End frame
	WrappedKey = "age"     // the wrapped file key of an encrypted archive
)

// Extent is a range of the file with the digest of its bytes.
type Extent struct {
	Pos, Len int64
	Digest   Hash
}

func (s Extent) End() int64 { return s.Pos + s.Len }

func Corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// Corrupt makes err an ErrCorrupt, unless it is one.
func Corrupt(err error) error {
	if err == nil || errors.Is(err, stream.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w: %w", stream.ErrCorrupt, err)
}
