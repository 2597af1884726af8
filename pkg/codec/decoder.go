package codec

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Decoder decodes payloads of every codec, and of Others. Its methods may be called
// concurrently.
type Decoder struct {
	Others Decoders // for codecs that the package does not have; set before the first Decode

	zstd *zstd.Decoder

	mu    sync.Mutex // held while a dictionary is added
	dicts map[uint32]struct{}
}

// NewDecoder returns a decoder that decodes at most threads zstd payloads at
// once, about 600 KiB of memory each; further calls wait for their turn. 0 is
// GOMAXPROCS.
func NewDecoder(threads int) (*Decoder, error) {
	if threads < 0 {
		return nil, fmt.Errorf("codec: %d threads", threads)
	}
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	z, err := newZstdDecoder(threads)
	if err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	return &Decoder{zstd: z, dicts: make(map[uint32]struct{})}, nil
}

// AddDict makes a zstd dictionary available to later calls of Decode. It
// copies dict. A malformed dictionary, one whose own id is not id, and a
// second one of the same id are errors.
func (d *Decoder) AddDict(id uint32, dict []byte) error {
	own, err := DictID(dict)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if own != id {
		return fmt.Errorf("%w: dictionary %d says that it is %d", ErrCorrupt, id, own)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.dicts[id]; ok {
		return fmt.Errorf("%w: second dictionary %d", ErrCorrupt, id)
	}
	// DecodeAll works on a snapshot of the options, so calls that are
	// running are not disturbed.
	if err := d.zstd.ResetWithOptions(nil, zstd.WithDecoderDicts(dict)); err != nil {
		return fmt.Errorf("%w: dictionary %d: %w", ErrCorrupt, id, err)
	}
	d.dicts[id] = struct{}{}
	return nil
}

// Decode decodes src, which was encoded by the codec called name, to exactly
// rawLen bytes. It uses the memory of dst, from its start and up to its
// capacity, and new memory where that is too small; dst and src must not
// overlap. The result never shares memory with src.
//
// Every error wraps ErrCorrupt, but for an UnknownError and what Others return; the content of dst
// is lost then. Whatever src
// says, no more than rawLen bytes, a quarter of that, and a constant of less
// than 1 MiB is ever allocated, and rawLen itself only for an input that may
// hold as much.
func (d *Decoder) Decode(dst []byte, name string, src []byte, rawLen int) ([]byte, error) {
	if rawLen < 0 || rawLen > MaxSize || len(src) > MaxSize {
		return nil, fmt.Errorf("%w: length %d, decoded %d: the limit is %d",
			ErrCorrupt, len(src), rawLen, MaxSize)
	}
	switch name {
	case None:
		if len(src) != rawLen {
			return nil, lenError(None, len(src), rawLen)
		}
		return append(dst[:0], src...), nil
	case Zstd:
		return d.decodeZstd(dst, src, rawLen)
	case LZ4:
		return decodeLZ4(dst, src, rawLen)
	case S2:
		return decodeS2(dst, src, rawLen)
	}
	decode := d.Others[name]
	if decode == nil {
		return nil, &UnknownError{name}
	}
	out, err := decode(src, rawLen)
	if err != nil {
		return nil, fmt.Errorf("codec %s: %w", name, err)
	}
	return checkLen(name, out, rawLen)
}

// checkLen returns out if it has the right length.
func checkLen(name string, out []byte, rawLen int) ([]byte, error) {
	if len(out) != rawLen {
		return nil, lenError(name, len(out), rawLen)
	}
	return out, nil
}

func lenError(name string, got, want int) error {
	return fmt.Errorf("%w: %s: decodes to %d bytes, not %d", ErrCorrupt, name, got, want)
}
