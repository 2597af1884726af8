package index

import (
	"errors"
	"fmt"
	"strings"

	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// domain is a set of byte strings that are sealed under one key. Each domain numbers them by
// itself.
type domain int

const (
	FrameDomain     domain = iota // frames of the body
	mapDomain                     // keys of map pages, by page
	entryDomain                   // entries of entry pages, by page
	nodeDomain                    // nodes of pages of nodes, see nodePageNumber
	directoryDomain               // keys of directory pages, see pageKey.sealed
	infoDomain                    // info of the root
	domains
)

// domainNames go into the derivation of the keys.
var domainNames = [domains]string{"frames", "map pages", "entry pages", "node pages", "directory pages", "info"}

// Ciphers are the keys of an encrypted archive. nil Ciphers are for a plain archive: they change
// nothing.
type Ciphers [domains]*seal.Cipher

func NewCiphers(k seal.FileKey, header Hash) *Ciphers {
	c := &Ciphers{}
	for d, name := range domainNames {
		c[d] = seal.NewCipher(k, header, name)
	}
	return c
}

func (c *Ciphers) Seal(d domain, number uint64, p []byte) []byte {
	if c == nil {
		return p
	}
	return c[d].Seal(nil, p, number)
}

// Open decrypts p in place.
func (c *Ciphers) Open(d domain, number uint64, p []byte) ([]byte, error) {
	if c == nil {
		return p, nil
	}
	out, err := c[d].Open(p[:0], p, number)
	if err != nil {
		return nil, Corruptf("%s %d: %v", domainNames[d], number, err)
	}
	return out, nil
}

// LockedError says that an archive is encrypted, and that no identity was given.
type LockedError struct {
	Kinds []string // of recipient who can open it, see seal.RecipientKinds
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the archive is encrypted (%s), and no identity was given", strings.Join(e.Kinds, ", "))
}

// CheckSealed returns an ErrCorrupt if h has a value of SealedKey that is not true. If must is set,
// a missing value is an ErrCorrupt as well.
func CheckSealed(h *stream.Header, must bool) error {
	value, there := h.Meta[SealedKey]
	if there && value != true || must && !there {
		return Corruptf("the header does not say that it is one of an archive")
	}
	return nil
}

// Unlock returns the keys of the archive that begins with header h, and the kinds of its
// recipients. digest is that of the header. Without an opener Unlock fails with a LockedError.
func Unlock(h *stream.Header, digest Hash, opener seal.Opener) (c *Ciphers, kinds []string, err error) {
	if err := CheckSealed(h, true); err != nil {
		return nil, nil, err
	}
	wrapped, _ := h.Meta[WrappedKey].([]byte)
	if kinds, err = seal.RecipientKinds(wrapped); err != nil {
		return nil, nil, Corruptf("wrapped key in the header: %v", err)
	}
	if opener == nil {
		return nil, kinds, &LockedError{kinds}
	}
	key, err := opener.OpenKey(wrapped)
	if errors.Is(err, seal.ErrFormat) {
		err = Corrupt(err)
	}
	if err != nil {
		return nil, kinds, err
	}
	return NewCiphers(key, digest), kinds, nil
}

// A Sealed frame is [8, number, ciphertext]: the ciphertext of an encoded frame.

// SealedRoom is the greatest length of the head of a Sealed frame, in bytes.
const SealedRoom = 24

// AppendSealedHead writes the head of a Sealed frame, which stands before n bytes of ciphertext.
func AppendSealedHead(w *wire.Writer, number int64, n int) {
	w.Array(3)
	w.Int(int64(stream.KindSealed))
	w.Int(number)
	w.BytesHead(n)
}

// ReadSealedHead reads the head of a Sealed frame.
func ReadSealedHead(in *wire.Reader) (number int64, n int) {
	tuple(in, 3)
	if kind := stream.Kind(in.Int(int64(stream.FirstAncillary))); in.Err() == nil && kind != stream.KindSealed {
		in.Failf("frame of %s where a sealed frame was expected", kind)
	}
	return in.Int(stream.MaxSize), in.BytesLen(MaxFrame)
}

// OpenSealed decrypts a whole Sealed frame in place.
func OpenSealed(frame []byte, c *Ciphers) ([]byte, error) {
	in := wire.NewBytesReader(frame)
	number, n := ReadSealedHead(in)
	if err := in.Err(); err != nil {
		return nil, Corrupt(err)
	}
	if int64(len(frame))-in.Pos() != int64(n) {
		return nil, Corruptf("sealed frame of %d bytes where %d were expected", in.Pos()+int64(n), len(frame))
	}
	return c.Open(FrameDomain, uint64(number), frame[in.Pos():])
}
