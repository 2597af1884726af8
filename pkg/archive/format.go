// Package archive writes and reads sealed streams: the frames of a chunk stream, an index
// behind them, and a trailer. docs/format.md is the specification.
//
// A Writer makes an archive in one pass to any io.Writer. A Reader opens one on an
// io.ReaderAt and reads at random: the root names the map pages, a map page the segments,
// and references are resolved by ordinal. A Scanner reads a stream or an archive from front
// to back. All three hand out nothing that was not verified.
package archive

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

// span is a range of the file with the digest of its bytes.
type span struct {
	pos, len int64
	digest   Hash
}

func (s span) end() int64 { return s.pos + s.len }

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
