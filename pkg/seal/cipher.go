package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// Overhead is the number of bytes that a sealed frame is longer than its plaintext.
const Overhead = 16

const infoPrefix = "hexz v1 "

// A Cipher seals the frames of one domain of one archive with AES-256-GCM. It is safe for
// concurrent use.
//
//	key             HKDF-SHA256(secret: file key, salt: header digest, info: "hexz v1 " domain), 32 bytes
//	nonce           4 zero bytes, sequence number (8 bytes, big endian)
//	associated data header digest (32 bytes), sequence number (8 bytes, big endian)
//	sealed frame    ciphertext as long as the plaintext, tag (16 bytes)
type Cipher struct {
	aead   cipher.AEAD
	header [32]byte
}

// NewCipher returns the cipher of a domain, a name that says what the frames are for. Ciphers of
// different domains have independent keys. header is the digest of the clear header that the
// frames belong to.
//
// A cipher must never seal two plaintexts under one sequence number, nor may two ciphers of the
// same file key, header and domain. Otherwise GCM would reveal both plaintexts, and would allow an
// attacker to forge frames.
func NewCipher(k FileKey, header [32]byte, domain string) *Cipher {
	sub, err := hkdf.Key(sha256.New, k[:], header[:], infoPrefix+domain, 32)
	if err != nil {
		panic(err) // only for a length beyond 255 hashes
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		panic(err) // only for a length that AES does not have
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for blocks of other than 16 bytes
	}
	return &Cipher{aead, header}
}

// params holds nonce and associated data in one allocation.
type params [12 + 32 + 8]byte

func (c *Cipher) params(seq uint64) *params {
	var p params
	binary.BigEndian.PutUint64(p[4:], seq)
	copy(p[12:], c.header[:])
	binary.BigEndian.PutUint64(p[44:], seq)
	return &p
}

func (p *params) nonce() []byte { return p[:12] }
func (p *params) data() []byte  { return p[12:] }

// Seal appends the sealed plaintext, of len(plaintext) + Overhead bytes, to dst and returns the
// result. plaintext may be empty, and must be shorter than 64 GiB.
//
// It works in place. With dst = plaintext[:0], or plaintext directly after dst in one array
// (plaintext = dst[len(dst):n]), and Overhead bytes of capacity after plaintext, Seal neither
// copies plaintext nor allocates the result. Any other overlap of plaintext with the spare capacity
// of dst panics.
func (c *Cipher) Seal(dst, plaintext []byte, seq uint64) []byte {
	p := c.params(seq)
	return c.aead.Seal(dst, p.nonce(), plaintext, p.data())
}

// Open appends the plaintext, of len(ciphertext) - Overhead bytes, to dst and returns the
// result. The same overlaps are allowed as in Seal, so Open(ciphertext[:0], ciphertext, seq)
// works in place.
//
// The only error is ErrAuth. The result is then nil, and the spare capacity of dst is overwritten,
// including a ciphertext that was to be opened in place.
func (c *Cipher) Open(dst, ciphertext []byte, seq uint64) ([]byte, error) {
	p := c.params(seq)
	out, err := c.aead.Open(dst, p.nonce(), ciphertext, p.data())
	if err != nil {
		return nil, ErrAuth
	}
	return out, nil
}
