package archive

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
	maxSignatures = 64
	maxTail       = 512 << 10 // bytes of all signatures and trailers

	maxAppend = tailSize - trailerSize // bytes that are appended at once, so that the last trailer is found
	tornBlock = 512                    // bytes that a disk writes as a whole, at multiples of that in the file
)

// tail is what stands after the root:
//
//	tail   = 1*append [ rest ]
//	append = *Signature Trailer
//
// All trailers are equal. The rest is what an append has left that was interrupted. It does not
// count, so an archive stays whole while signatures are appended. See restOf for what may be one.
type tail struct {
	signatures []seal.Signature
	end        int64 // of the last trailer
	torn       bool  // there is a rest
}

// readTail reads what stands after the root, where the trailers are to be want, up to the end
// of the input. Positions of in are base less than those of the file.
func readTail(in *wire.Reader, want trailer, base int64) (*tail, error) {
	base += in.Pos()
	p := in.ReadAll(maxTail + 1)
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(p) > maxTail {
		return nil, corruptf("more than %d bytes after the root", maxTail)
	}
	return parseTail(p, want, base)
}

// parseTail is readTail for the bytes p, which stand at byte pos.
func parseTail(p []byte, want trailer, pos int64) (*tail, error) {
	t := &tail{end: pos}
	for len(p) > 0 {
		n, list, err := parseAppend(p, want, t.end)
		switch {
		case err == nil:
		case t.end > pos: // an append was whole
			t.torn = true
			return t, restOf(p, want, t.end)
		case errors.Is(err, errCut):
			return nil, stream.ErrTruncated
		default:
			return nil, err
		}
		if t.signatures = append(t.signatures, list...); len(t.signatures) > maxSignatures {
			return nil, corruptf("more than %d signatures", maxSignatures)
		}
		t.end += int64(n)
		p = p[n:]
	}
	if t.end == pos {
		return nil, stream.ErrTruncated
	}
	return t, nil
}

// errCut: the bytes are the beginning of an append, and end before its trailer does.
var errCut = errors.New("an append is cut short")

// parseAppend reads signatures and a trailer, which is to be want, from the beginning of p, which
// stands at byte pos. It returns their length; errCut, or an ErrCorrupt.
func parseAppend(p []byte, want trailer, pos int64) (n int, list []seal.Signature, err error) {
	last := want.append(nil)
	for {
		left := p[n:]
		switch {
		case bytes.HasPrefix(left, last):
			return n + len(last), list, nil
		case bytes.HasPrefix(last, left):
			return 0, nil, errCut
		case len(left) >= trailerSize && bytes.HasPrefix(left, want.head()):
			if _, err := parseTrailer(left[:trailerSize], pos+int64(n)); err != nil {
				return 0, nil, err
			}
			return 0, nil, corruptf("trailer at byte %d names another root", pos+int64(n))
		}
		s, size, err := parseSignature(left)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, nil, errCut
		}
		if err != nil {
			return 0, nil, corruptf("at byte %d: neither a signature nor a trailer: %v", pos+int64(n), err)
		}
		list = append(list, s)
		n += size
	}
}

// restOf returns an ErrCorrupt unless p, which stands at byte pos after the last whole append, can be
// what an append has left that was interrupted. That is so if p is the beginning of an append, up to
// the end of p or up to the first lost block: one of the 512 bytes at multiples of 512 in the file,
// of which p has only zeros. The file was extended then, and the block was never written. Blocks
// after it may have been written or not. But
//
//   - p has up to maxAppend bytes;
//   - a trailer of another root in it is one of another archive;
//   - its own trailer before a lost block, or without any, was written after all of its append, so p is
//     damaged;
//   - no block has 64 zeros in a row, unless it is lost, or p ends with them.
func restOf(p []byte, want trailer, pos int64) error {
	if len(p) > maxAppend {
		return corruptf("%d bytes after the last trailer", len(p))
	}
	lost, err := firstLost(p, pos)
	if err != nil {
		return err
	}
	for at := range p {
		if !bytes.HasPrefix(p[at:], want.head()) || at+trailerSize > len(p) {
			continue
		}
		got, err := parseTrailer(p[at:at+trailerSize], pos+int64(at))
		if err == nil && (got != want || at+trailerSize <= lost) {
			return corruptf("trailer at byte %d, in what is damaged or another archive", pos+int64(at))
		}
	}
	if _, _, err := parseAppend(p[:lost], want, pos); !errors.Is(err, errCut) {
		return err // never nil: a whole append would have been read as one
	}
	return nil
}

// noData is more zeros in a row than any part of an append has.
var noData [64]byte

// firstLost returns where in p, which stands at byte pos, the first lost block begins. Without any it
// is the length of p. An ErrCorrupt is for a block that is no part of an append, nor lost.
func firstLost(p []byte, pos int64) (int, error) {
	first, written := len(p), len(bytes.TrimRight(p, "\x00"))
	for at := 0; at < len(p); {
		end := min(at+tornBlock-int((pos+int64(at))%tornBlock), len(p))
		switch block := p[at:end]; {
		case len(bytes.TrimLeft(block, "\x00")) == 0:
			first = min(first, at)
		case bytes.Contains(p[at:max(min(end, written), at)], noData[:]):
			return 0, corruptf("something stands after the archive, at byte %d", pos+int64(at))
		}
		at = end
	}
	return first, nil
}

// readRaw reads a frame of the index, of at most limit bytes, as it is.
func readRaw(in *wire.Reader, limit int64) ([]byte, error) {
	var raw bytes.Buffer
	in.Tee(&raw)
	in.Skip(limit)
	in.Tee(nil)
	return raw.Bytes(), in.Err()
}
