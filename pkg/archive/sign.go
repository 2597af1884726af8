package archive

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hexz/pkg/seal"
)

// File is an archive that can be added to, such as an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// Sign appends signatures of the archive's id to f, of size bytes, which r has open. They are
// written at once and synced. If that fails or is interrupted, the archive is what it was before. A key
// that has signed already signs no more; Sign returns how many did.
//
// A signature says that the signer has seen the bytes of the archive: verify them before.
func (r *Reader) Sign(f File, keys ...seal.SecretKey) (int, error) {
	fresh := distinct(slices.DeleteFunc(slices.Clone(keys), func(k seal.SecretKey) bool { return r.SignedBy(k.Public()) }))
	if len(fresh) == 0 {
		return 0, nil
	}
	if n := len(r.tail.signatures) + len(fresh); n > maxSignatures {
		return 0, fmt.Errorf("there would be %d signatures, the limit is %d", n, maxSignatures)
	}
	more, err := appendTail(nil, r.rootAt, fresh)
	if err != nil {
		return 0, err
	}
	if r.tail.torn {
		if err := f.Truncate(r.tail.end); err != nil {
			return 0, err
		}
	}
	_, err = f.WriteAt(more, r.tail.end)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return 0, errors.Join(err, f.Truncate(r.tail.end))
	}
	return len(fresh), nil
}

// distinct returns keys, each once.
func distinct(keys []seal.SecretKey) []seal.SecretKey {
	var list []seal.SecretKey
	for _, k := range keys {
		if !slices.ContainsFunc(list, func(l seal.SecretKey) bool { return l.Public().Equal(k.Public()) }) {
			list = append(list, k)
		}
	}
	return list
}

// Demand returns an error unless all keys have signed the archive's id. It says nothing of the
// bytes that the id stands for; but whatever else is read from r is what the id stands for.
func (r *Reader) Demand(keys []seal.PublicKey) error {
	return checkSigned(r.tail.signatures, r.ID(), keys)
}

// SignedBy tells whether one of the signatures is that of the archive's id by a key.
func (r *Reader) SignedBy(k seal.PublicKey) bool {
	return r.Demand([]seal.PublicKey{k}) == nil
}

// checkSigned returns an error unless each of the keys has made one of the signatures.
func checkSigned(list []seal.Signature, id Hash, keys []seal.PublicKey) error {
	for _, k := range keys {
		if slices.ContainsFunc(list, func(s seal.Signature) bool { return k.Verify(id, s) == nil }) {
			continue
		}
		if len(list) == 0 {
			return corruptf("it is not signed by key %s, nor by any other", k.KeyID())
		}
		var others []string
		for _, s := range list {
			if s.KeyID() == k.KeyID() {
				return corruptf("its signature by key %s is not valid for this archive", k.KeyID())
			}
			others = append(others, s.KeyID())
		}
		return corruptf("it is not signed by key %s; there are signatures by %s", k.KeyID(), strings.Join(others, ", "))
	}
	return nil
}
