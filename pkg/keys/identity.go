package keys

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"hexz/pkg/seal"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// ParseIdentities parses a file of at most MaxKeyFile bytes with private keys. The file is one of
//
//   - an age identity file: one AGE-SECRET-KEY-... a line, with empty lines and lines that
//     begin with # in between,
//   - one of these, encrypted by age with a passphrase, binary or armored,
//   - an SSH private key of type ssh-ed25519 or ssh-rsa, with or without a passphrase.
//
// passphrase, which may be nil, is called only when a passphrase is needed. For encrypted age files
// and SSH keys in PEM formats older than OpenSSH's own, that is at once. For SSH keys in OpenSSH's
// format, that is when [Unwrap] has a key that is wrapped for the SSH key. The errors of passphrase
// are wrapped. A wrong passphrase is seal.ErrPassphrase. Any other error comes from r or is seal.ErrFormat;
// an seal.ErrFormat names the line if there is one, and never quotes it.
//
// The identities of SSH keys with a passphrase must not be used concurrently.
func ParseIdentities(r io.Reader, passphrase func() ([]byte, error)) ([]age.Identity, error) {
	text, err := readKeyFile(r, "identities")
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte(armor.Header)) {
		if text, err = io.ReadAll(armor.NewReader(bytes.NewReader(text))); err != nil {
			return nil, seal.Malformed("identity file has a malformed armor")
		}
	}
	if bytes.HasPrefix(text, []byte("age-encryption.org/")) {
		if text, err = decryptIdentities(text, passphrase); err != nil {
			return nil, err
		}
	}
	if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("-----BEGIN ")) {
		id, err := parseSSHIdentity(trimmed, passphrase)
		if err != nil {
			return nil, err
		}
		return []age.Identity{id}, nil
	}

	var list []age.Identity
	err = eachLine(text, func(line string) error {
		id, err := parseIdentity(line)
		list = append(list, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, seal.Malformed("no identities in the file")
	}
	return list, nil
}

// decryptIdentities returns the plaintext of an identity file that age encrypted.
func decryptIdentities(text []byte, passphrase func() ([]byte, error)) ([]byte, error) {
	const what = "identity file"
	stanzas, err := seal.ParseStanzas(text)
	if err != nil {
		return nil, seal.Malformed("%s is damaged: %v", what, err)
	}
	if stanzas[0].Type != seal.Scrypt {
		return nil, seal.Malformed("identity file is encrypted for a key instead of by a passphrase: decrypt it with age first")
	}
	if err := checkScrypt(stanzas); err != nil {
		return nil, seal.Malformed("identity file: %v", err)
	}
	pass, err := seal.AskPassphrase(passphrase, what)
	if err != nil {
		return nil, err
	}
	id, err := PassphraseIdentity(pass)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(text), id)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, seal.WrongPassphrase(what)
	}
	if err != nil {
		return nil, seal.Malformed("%s is damaged: %v", what, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, seal.Malformed("%s is damaged: %v", what, err)
	}
	return plain, nil
}

// parseIdentity parses a line. It leaves out the errors of age's parsers, since they quote
// characters.
func parseIdentity(line string) (age.Identity, error) {
	kind, _, _ := strings.Cut(line, " ")
	switch {
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		id, err := age.ParseHybridIdentity(line)
		if err != nil {
			return nil, seal.Malformed("malformed age secret key")
		}
		return id, nil
	case strings.HasPrefix(line, "AGE-SECRET-KEY-"):
		id, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, seal.Malformed("malformed age secret key")
		}
		return id, nil
	case strings.HasPrefix(strings.ToUpper(line), "AGE-PLUGIN-"):
		return nil, seal.Malformed("age identities of plugins are not supported")
	case strings.HasPrefix(line, "age1"), isSSHPublic(kind), strings.HasPrefix(line, "---- BEGIN SSH2 PUBLIC KEY"):
		return nil, seal.Malformed("this is a public key, and identities are private keys: give the private key of it (one that only an SSH agent or a hardware key holds cannot decrypt)")
	case strings.HasPrefix(line, "untrusted comment:"):
		return nil, seal.Malformed("this is a key of minisign, which is for signatures: it cannot decrypt")
	}
	return nil, seal.Malformed("neither an age identity (AGE-SECRET-KEY-...) nor an SSH private key")
}
