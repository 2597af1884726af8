package index

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hexz/pkg/blake"
	"hexz/pkg/seal"
	"hexz/pkg/stream/wire"
)

// File is an archive to which signatures can be appended, such as an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// Sign appends signatures of the archive's id to f, the archive of which x is the index. It writes
// and syncs them at once. If that fails or is interrupted, the archive is the same as before. A key
// that has signed before does not sign again. Sign returns how many keys signed.
//
// A signature says that the signer has seen the bytes of the archive: verify the archive before.
func (x *Index) Sign(f File, keys ...seal.SecretKey) (int, error) {
	fresh := Distinct(slices.DeleteFunc(slices.Clone(keys), func(k seal.SecretKey) bool { return x.SignedBy(k.Public()) }))
	if len(fresh) == 0 {
		return 0, nil
	}
	if n := len(x.tail.Signatures) + len(fresh); n > MaxSignatures {
		return 0, fmt.Errorf("there would be %d signatures, the limit is %d", n, MaxSignatures)
	}
	more, err := AppendTail(nil, x.RootAt, fresh)
	if err != nil {
		return 0, err
	}
	if x.tail.Torn {
		if err := f.Truncate(x.tail.End); err != nil {
			return 0, err
		}
	}
	_, err = f.WriteAt(more, x.tail.End)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return 0, errors.Join(err, f.Truncate(x.tail.End))
	}
	return len(fresh), nil
}

// Distinct returns keys without duplicates.
func Distinct(keys []seal.SecretKey) []seal.SecretKey {
	var list []seal.SecretKey
	for _, k := range keys {
		if !slices.ContainsFunc(list, func(l seal.SecretKey) bool { return l.Public().Equal(k.Public()) }) {
			list = append(list, k)
		}
	}
	return list
}

// ErrUnsigned is the error for an archive that lacks a demanded signature. The archive may be
// sound.
var ErrUnsigned = errors.New("a signature that was asked for is missing or wrong")

// Demand returns an ErrUnsigned unless all keys have signed the archive's id. It does not verify
// the bytes that the id stands for. But all other reads through x verify their bytes against the
// id.
func (x *Index) Demand(keys []seal.PublicKey) error {
	return CheckSigned(x.tail.Signatures, x.ID(), keys)
}

// SignedBy reports whether one of the signatures is of the archive's id and by key k.
func (x *Index) SignedBy(k seal.PublicKey) bool {
	return x.Demand([]seal.PublicKey{k}) == nil
}

// CheckSigned returns an ErrUnsigned unless each of the keys has made one of the signatures.
func CheckSigned(list []seal.Signature, id Hash, keys []seal.PublicKey) error {
	for _, k := range keys {
		if slices.ContainsFunc(list, func(s seal.Signature) bool { return k.Verify(id, s) == nil }) {
			continue
		}
		if len(list) == 0 {
			return fmt.Errorf("%w: it is not signed by key %s, nor by any other", ErrUnsigned, k.KeyID())
		}
		var others []string
		for _, s := range list {
			if s.KeyID() == k.KeyID() {
				return fmt.Errorf("%w: its signature by key %s is not valid for this archive", ErrUnsigned, k.KeyID())
			}
			others = append(others, s.KeyID())
		}
		return fmt.Errorf("%w: it is not signed by key %s; there are signatures by %s", ErrUnsigned, k.KeyID(), strings.Join(others, ", "))
	}
	return nil
}

// A signature frame is [19, text, BLAKE3 of the text]: damage shows without a key.

func AppendSignature(w *wire.Writer, text []byte) {
	digest := blake.Sum(text)
	w.Array(3)
	w.Int(int64(KindSignature))
	w.Bytes(text)
	w.Bytes(digest[:])
}

// AppendTail appends signatures of the archive id, which is the digest of root, and a trailer.
func AppendTail(dst []byte, root Extent, keys []seal.SecretKey) ([]byte, error) {
	w := wire.NewWriter()
	for _, k := range keys {
		text, err := seal.Sign(k, root.Digest)
		if err != nil {
			return nil, err
		}
		AppendSignature(w, text)
	}
	return Trailer{root, ArchiveMagic}.Append(append(dst, w.Written()...)), nil
}

// parseSignature reads a signature frame from the beginning of p, and returns its length. The error
// is an io.ErrUnexpectedEOF if the frame is cut short, or an ErrCorrupt.
func parseSignature(p []byte) (s seal.Signature, n int, err error) {
	in := wire.NewBytesReader(p)
	IndexFrame(in, KindSignature, 3)
	text := in.Bytes(maxSignature)
	var digest Hash
	in.Fixed(digest[:])
	if err := in.Err(); err != nil {
		return s, 0, err
	}
	if digest != blake.Sum(text) {
		return s, 0, Corruptf("a signature is damaged")
	}
	if s, err = seal.ParseSignature(text); err != nil {
		err = Corruptf("signature: %v", err)
	}
	return s, int(in.Pos()), err
}
