package keys

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"hexz/pkg/seal"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

const sshKey = "SSH private key"

// parseSSHIdentity parses a file with one private key in PEM.
func parseSSHIdentity(text []byte, passphrase func() ([]byte, error)) (age.Identity, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, seal.Malformed("malformed %s: no PEM", sshKey)
	case strings.Contains(block.Type, "PUBLIC KEY"):
		return nil, seal.Malformed("this is a public key, and identities are private keys: give the private key of it")
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, seal.Malformed("PEM of another type than an SSH private key")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, seal.Malformed("encrypted PKCS #8 is not supported: convert the key with ssh-keygen -p -f FILE")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, seal.Malformed("text behind the %s: one key a file", sshKey)
	}

	key, err := ssh.ParseRawPrivateKey(text)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		locked := &lockedSSH{text: text, public: missing.PublicKey, passphrase: passphrase}
		if missing.PublicKey == nil {
			// Formats older than OpenSSH's encrypt the public key, too. So it is not known whether
			// the key will be needed.
			return locked.unlock()
		}
		if kind := missing.PublicKey.Type(); kind != ssh.KeyAlgoED25519 && kind != ssh.KeyAlgoRSA {
			return nil, unsupportedSSH(kind)
		}
		return locked, nil
	}
	if err != nil {
		if bytes.Contains(block.Bytes, []byte("sk-ssh-")) || bytes.Contains(block.Bytes, []byte("sk-ecdsa-")) {
			return nil, unsupportedSSH("sk-")
		}
		return nil, seal.Malformed("malformed %s, or one of a type that is not supported", sshKey)
	}
	id, _, err := identityOf(key)
	return id, err
}

// identityOf returns the identity of a key from package ssh, and its public key.
func identityOf(key any) (age.Identity, crypto.PublicKey, error) {
	var id age.Identity
	var public crypto.PublicKey
	var err error
	switch k := key.(type) {
	case *ed25519.PrivateKey: // of OpenSSH's format
		id, err = agessh.NewEd25519Identity(*k)
		public = k.Public()
	case ed25519.PrivateKey: // of PKCS #8
		id, err = agessh.NewEd25519Identity(k)
		public = k.Public()
	case *rsa.PrivateKey:
		id, err = agessh.NewRSAIdentity(k)
		public = k.Public()
	default:
		return nil, nil, seal.Malformed("SSH keys of this type are not supported: use ssh-ed25519, ssh-rsa or age")
	}
	if err != nil {
		return nil, nil, seal.Malformed("malformed %s", sshKey)
	}
	return id, public, nil
}

// A lockedSSH is an SSH private key whose passphrase is asked for when a key is wrapped for it.
// agessh.EncryptedSSHIdentity does the same, but its errors do not distinguish a wrong passphrase
// from anything else.
type lockedSSH struct {
	text       []byte
	public     ssh.PublicKey // nil if the text does not have it in the clear
	passphrase func() ([]byte, error)
	open       age.Identity // set when unlocked
}

func (l *lockedSSH) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if l.open == nil {
		if !l.fits(stanzas) {
			return nil, age.ErrIncorrectIdentity
		}
		id, err := l.unlock()
		if err != nil {
			return nil, err
		}
		l.open = id
	}
	key, err := l.open.Unwrap(stanzas)
	if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
		err = seal.Malformed("wrapped key is damaged: %v", err)
	}
	return key, err
}

// fits reports whether a stanza is meant for the key. The first argument of a stanza is a tag: the
// first four bytes of the SHA-256 of the SSH encoding of the public key, in base64.
func (l *lockedSSH) fits(stanzas []*age.Stanza) bool {
	sum := sha256.Sum256(l.public.Marshal())
	tag := base64.RawStdEncoding.EncodeToString(sum[:4])
	for _, s := range stanzas {
		if s.Type == l.public.Type() && len(s.Args) > 0 && s.Args[0] == tag {
			return true
		}
	}
	return false
}

// unlock asks for the passphrase and decrypts the key.
func (l *lockedSSH) unlock() (age.Identity, error) {
	pass, err := seal.AskPassphrase(l.passphrase, sshKey)
	if err != nil {
		return nil, err
	}
	if len(pass) == 0 {
		return nil, seal.WrongPassphrase(sshKey) // package ssh would call it malformed
	}
	key, err := ssh.ParseRawPrivateKeyWithPassphrase(l.text, pass)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, seal.WrongPassphrase(sshKey)
	}
	if err != nil {
		return nil, seal.Malformed("malformed %s", sshKey)
	}
	id, public, err := identityOf(key)
	if err != nil {
		return nil, err
	}
	if l.public != nil && !samePublic(public, l.public) {
		return nil, seal.Malformed("%s does not fit the public key in its file", sshKey)
	}
	return id, nil
}

func samePublic(k crypto.PublicKey, of ssh.PublicKey) bool {
	p, err := ssh.NewPublicKey(k)
	return err == nil && bytes.Equal(p.Marshal(), of.Marshal())
}
