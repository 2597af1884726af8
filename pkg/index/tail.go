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

	MaxAppend = TailSize - TrailerSize // bytes that are appended at once, so that the last trailer is found
	tornBlock = 512                    // bytes that a disk writes as a whole, at multiples of that in the file
)

// Tail is what stands after the root:
//
//	tail   = 1*append [ rest ]
//	append = *Signature Trailer
//
// All trailers are equal. The rest is what an append has left that was interrupted. It does not
// count, so an archive stays whole while signatures are appended. See restOf for what may be one.
type Tail struct {
	Signatures []seal.Signature
	End        int64 // of the last trailer
	Torn       bool  // there is a rest
}

// ReadTail reads what stands after the root, where the trailers are to be want, up to the end
// of the input. Positions of in are base less than those of the file.
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

// parseTail is readTail for the bytes p, which stand at byte pos.
func parseTail(p []byte, want Trailer, pos int64) (*Tail, error) {
	t := &Tail{End: pos}
	for len(p) > 0 {
		n, list, err := parseAppend(p, want, t.End)
		switch {
		case err == nil:
		case t.End > pos: // an append was whole
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

// errCut: the bytes are the beginning of an append, and end before its trailer does.
var errCut = errors.New("an append is cut short")

// parseAppend reads signatures and a trailer, which is to be want, from the beginning of p, which
// stands at byte pos. It returns their length; errCut, or an ErrCorrupt.
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
			return 0, Corruptf("something stands after the archive, at byte %d", pos+int64(at))
		}
		at = end
	}
	return first, nil
}

// ReadRaw reads a frame of the index, of at most limit bytes, as it is.
func ReadRaw(in *wire.Reader, limit int64) ([]byte, error) {
	var raw bytes.Buffer
	in.Tee(&raw)
	in.Skip(limit)
	in.Tee(nil)
	return raw.Bytes(), in.Err()
}
