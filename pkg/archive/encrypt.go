package archive

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"

	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// domain is what is sealed under one key, by numbers of its own.
type domain int

const (
	frameDomain domain = iota // frames of the body
	mapDomain                 // keys of map pages, by page
	entryDomain               // entries of entry pages, by page
	infoDomain                // info of the root
	domains
)

// domainNames go into the derivation of the keys.
var domainNames = [domains]string{"frames", "map pages", "entry pages", "info"}

// ciphers are the keys of an encrypted archive. Those of a plain one are nil, and leave all as
// it is.
type ciphers [domains]*seal.Cipher

func newCiphers(k seal.FileKey, header Hash) *ciphers {
	c := &ciphers{}
	for d, name := range domainNames {
		c[d] = seal.NewCipher(k, header, name)
	}
	return c
}

func (c *ciphers) seal(d domain, number int, p []byte) []byte {
	if c == nil {
		return p
	}
	return c[d].Seal(nil, p, uint64(number))
}

// open decrypts p in place.
func (c *ciphers) open(d domain, number int, p []byte) ([]byte, error) {
	if c == nil {
		return p, nil
	}
	out, err := c[d].Open(p[:0], p, uint64(number))
	if err != nil {
		return nil, corruptf("%s %d: %v", domainNames[d], number, err)
	}
	return out, nil
}

// LockedError says that an archive is encrypted, and that there was no identity to open it.
type LockedError struct {
	Kinds []string // of recipient who can open it, see seal.RecipientKinds
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the archive is encrypted (%s), and no identity was given", strings.Join(e.Kinds, ", "))
}

// checkSealed returns an ErrCorrupt if the key of archives in h is anything but true; or is missing, if
// there has to be one.
func checkSealed(h *stream.Header, must bool) error {
	value, there := h.Meta[sealedKey]
	if there && value != true || must && !there {
		return corruptf("the header does not say that it is one of an archive")
	}
	return nil
}

// unlock returns the keys of the archive that begins with header h, whose digest is given, and
// the kinds of its recipients. Without identities it fails with a LockedError.
func unlock(h *stream.Header, digest Hash, ids []age.Identity) (c *ciphers, kinds []string, err error) {
	if err := checkSealed(h, true); err != nil {
		return nil, nil, err
	}
	wrapped, _ := h.Meta[wrappedKey].([]byte)
	if kinds, err = seal.RecipientKinds(wrapped); err != nil {
		return nil, nil, corruptf("wrapped key in the header: %v", err)
	}
	if len(ids) == 0 {
		return nil, kinds, &LockedError{kinds}
	}
	key, err := seal.Unwrap(wrapped, ids)
	if errors.Is(err, seal.ErrFormat) {
		err = corrupt(err)
	}
	if err != nil {
		return nil, kinds, err
	}
	return newCiphers(key, digest), kinds, nil
}

// A Sealed frame is [8, number, ciphertext]: the ciphertext of an encoded frame.

// sealedRoom is what the head of a Sealed frame takes at most.
const sealedRoom = 24

// appendSealedHead writes what stands in front of n bytes of ciphertext.
func appendSealedHead(w *wire.Writer, number int64, n int) {
	w.Array(3)
	w.Int(int64(stream.KindSealed))
	w.Int(number)
	w.BytesHead(n)
}

// readSealedHead reads the head of a Sealed frame.
func readSealedHead(in *wire.Reader) (number int64, n int) {
	tuple(in, 3)
	if kind := stream.Kind(in.Int(int64(stream.FirstAncillary))); in.Err() == nil && kind != stream.KindSealed {
		in.Failf("frame of %s where a sealed frame was expected", kind)
	}
	return in.Int(stream.MaxSize), in.BytesLen(maxFrame)
}

// openSealed decrypts a Sealed frame that was read as a whole, in place.
func openSealed(frame []byte, c *ciphers) ([]byte, error) {
	in := wire.NewBytesReader(frame)
	number, n := readSealedHead(in)
	if err := in.Err(); err != nil {
		return nil, corrupt(err)
	}
	if int64(len(frame))-in.Pos() != int64(n) {
		return nil, corruptf("sealed frame of %d bytes where %d were expected", in.Pos()+int64(n), len(frame))
	}
	return c.open(frameDomain, int(number), frame[in.Pos():])
}
