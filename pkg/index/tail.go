package index

import (
	"bytes"
	"errors"
	"io"

	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

const (
	maxSignature  = 4 << 10 // bytes of the text of a signature
	MaxSignatures = 64
	maxTail       = 512 << 10 // bytes of all signatures and trailers

	MaxAppend = TailSize - TrailerSize // most bytes of one append, so that FindTrailer sees a trailer
	tornBlock = 512                    // bytes that a disk writes as one unit, aligned in the file
)

// Tail is the part of an archive after the root:
//
//	tail   = 1*append [ rest ]
//	append = *Signature Trailer
//
// All trailers are equal. The rest is left by an interrupted append. A rest does not count, so an
// archive stays whole while signatures are appended. See restOf for the bytes that may be a rest.
type Tail struct {
	Signatures []seal.Signature
	End        int64 // of the last trailer
	Torn       bool  // there is a rest
}

// ReadTail reads the tail, whose trailers must all equal want, up to the end of the input. Position
// 0 of in is at byte base of the file.
func ReadTail(in *wire.Reader, want Trailer, base int64) (*Tail, error) {
	base += in.Pos()
	p := in.ReadAll(maxTail + 1)
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(p) > maxTail {
		return nil, Corruptf("more than %d bytes after the root", maxTail)
	}
	return parseTail(p, want, base)
}

// parseTail is ReadTail for the bytes p, which stand at byte pos.
func parseTail(p []byte, want Trailer, pos int64) (*Tail, error) {
	t := &Tail{End: pos}
	for len(p) > 0 {
		n, list, err := parseAppend(p, want, t.End)
		switch {
		case err == nil:
		case t.End > pos: // at least one append is whole
			t.Torn = true
			return t, restOf(p, want, t.End)
		case errors.Is(err, errCut):
			return nil, stream.ErrTruncated
		default:
			return nil, err
		}
		if t.Signatures = append(t.Signatures, list...); len(t.Signatures) > MaxSignatures {
			return nil, Corruptf("more than %d signatures", MaxSignatures)
		}
		t.End += int64(n)
		p = p[n:]
	}
	if t.End == pos {
		return nil, stream.ErrTruncated
	}
	return t, nil
}

// errCut means that the bytes are the beginning of an append, and end before its trailer does.
var errCut = errors.New("an append is cut short")

// parseAppend reads signatures and a trailer, which must equal want, from the beginning of p. p
// stands at byte pos. n is the length of signatures and trailer. The error is errCut or an
// ErrCorrupt.
func parseAppend(p []byte, want Trailer, pos int64) (n int, list []seal.Signature, err error) {
	last := want.Append(nil)
	for {
		left := p[n:]
		switch {
		case bytes.HasPrefix(left, last):
			return n + len(last), list, nil
		case bytes.HasPrefix(last, left):
			return 0, nil, errCut
		case len(left) >= TrailerSize && bytes.HasPrefix(left, want.Head()):
			if _, err := ParseTrailer(left[:TrailerSize], pos+int64(n)); err != nil {
				return 0, nil, err
			}
			return 0, nil, Corruptf("trailer at byte %d names another root", pos+int64(n))
		}
		s, size, err := parseSignature(left)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, nil, errCut
		}
		if err != nil {
			return 0, nil, Corruptf("at byte %d: neither a signature nor a trailer: %v", pos+int64(n), err)
		}
		list = append(list, s)
		n += size
	}
}

// restOf returns an ErrCorrupt unless p can be the rest of an interrupted append. p stands at byte
// pos, after the last whole append. A rest is the beginning of an append, up to the end of p or up
// to the first lost block. A block is 512 bytes at a multiple of 512 in the file. It is lost if p
// has only zeros there: the file was extended, and the block was never written. Blocks after the
// first lost block may have been written or not. But
//
//   - p has at most MaxAppend bytes;
//   - a trailer of another root in p is one of another archive;
//   - the archive's own trailer before the first lost block, or in a p without lost blocks, was
//     written after its whole append, so p is damaged;
//   - no block has 64 zeros in a row, unless the block is lost or p ends with these zeros.
func restOf(p []byte, want Trailer, pos int64) error {
	if len(p) > MaxAppend {
		return Corruptf("%d bytes after the last trailer", len(p))
	}
	lost, err := firstLost(p, pos)
	if err != nil {
		return err
	}
	for at := range p {
		if !bytes.HasPrefix(p[at:], want.Head()) || at+TrailerSize > len(p) {
			continue
		}
		got, err := ParseTrailer(p[at:at+TrailerSize], pos+int64(at))
		if err == nil && (got != want || at+TrailerSize <= lost) {
			return Corruptf("trailer at byte %d, in what is damaged or another archive", pos+int64(at))
		}
	}
	if _, _, err := parseAppend(p[:lost], want, pos); !errors.Is(err, errCut) {
		return err // never nil: a whole append would have been read as one
	}
	return nil
}

// noData is more zeros in a row than any part of an append has.
var noData [64]byte

// firstLost returns where the first lost block in p begins, or the length of p if no block is lost.
// p stands at byte pos. A block that is neither lost nor part of an append is an ErrCorrupt.
func firstLost(p []byte, pos int64) (int, error) {
	first, written := len(p), len(bytes.TrimRight(p, "\x00"))
	for at := 0; at < len(p); {
		end := min(at+tornBlock-int((pos+int64(at))%tornBlock), len(p))
		switch block := p[at:end]; {
		case len(bytes.TrimLeft(block, "\x00")) == 0:
			first = min(first, at)
		case bytes.Contains(p[at:max(min(end, written), at)], noData[:]):
			return 0, Corruptf("something stands after the archive, at byte %d", pos+int64(at))
		}
		at = end
	}
	return first, nil
}

// ReadRaw returns the bytes of the next frame of the index, at most limit.
func ReadRaw(in *wire.Reader, limit int64) ([]byte, error) {
	var raw bytes.Buffer
	in.Tee(&raw)
	in.Skip(limit)
	in.Tee(nil)
	return raw.Bytes(), in.Err()
}
