package keys

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"hexz/pkg/seal"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// MaxKeyFile is the greatest length of a file of recipients or identities, in bytes.
const MaxKeyFile = 1 << 20

// ParseRecipient parses a public key of age ("age1...", also the post-quantum "age1pq1...") or of
// SSH ("ssh-ed25519 ...", "ssh-rsa ..." of 2048 bits and more, as in a .pub file). The only error
// is seal.ErrFormat. It says what the text is instead, and never quotes it.
//
// Keys in hardware and of plugins are refused even where their public part would be enough to wrap
// a key: this package could not unwrap that key.
func ParseRecipient(s string) (age.Recipient, error) {
	s = strings.TrimSpace(s)
	kind, _, _ := strings.Cut(s, " ")
	switch {
	case s == "":
		return nil, seal.Malformed("recipient is empty")
	case strings.ContainsAny(s, "\r\n"):
		return nil, seal.Malformed("recipient is more than one line")
	case isSecret(s):
		return nil, seal.Malformed("this is a private key, and recipients are public keys: give the public key of it")
	case strings.HasPrefix(s, "age1pq1"):
		r, err := age.ParseHybridRecipient(s)
		if err != nil {
			return nil, seal.Malformed("malformed age recipient")
		}
		return r, nil
	case strings.HasPrefix(s, "age1") && strings.Count(s, "1") > 1: // bech32 has no 1 in its data
		return nil, seal.Malformed("age recipients of plugins and hardware are not supported")
	case strings.HasPrefix(s, "age1"):
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return nil, seal.Malformed("malformed age recipient")
		}
		return r, nil
	case kind == ssh.KeyAlgoED25519 || kind == ssh.KeyAlgoRSA:
		return parseSSHRecipient(s, kind)
	case isSSHPublic(kind):
		return nil, unsupportedSSH(kind)
	}
	return nil, seal.Malformed("neither an age recipient (age1...) nor an SSH public key (ssh-ed25519, ssh-rsa)")
}

func parseSSHRecipient(s, kind string) (age.Recipient, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s))
	// The parser may also take the first word for an option, and find the key after it.
	if err != nil || key.Type() != kind {
		return nil, seal.Malformed("malformed SSH public key of type %s", kind)
	}
	var r age.Recipient
	if kind == ssh.KeyAlgoRSA {
		r, err = agessh.NewRSARecipient(key)
	} else {
		r, err = agessh.NewEd25519Recipient(key)
	}
	if err != nil {
		return nil, seal.Malformed("SSH public key of type %s cannot be used: %v", kind, err)
	}
	return r, nil
}

// ParseRecipients parses a file of at most MaxKeyFile bytes with one recipient a line, in the
// forms of ParseRecipient. Empty lines and lines that begin with # are skipped. A file without
// recipients is an error. Errors name the line and are seal.ErrFormat, or come from r.
func ParseRecipients(r io.Reader) ([]age.Recipient, error) {
	text, err := readKeyFile(r, "recipients")
	if err != nil {
		return nil, err
	}
	var list []age.Recipient
	err = eachLine(text, func(line string) error {
		rec, err := ParseRecipient(line)
		list = append(list, rec)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, seal.Malformed("no recipients in the file")
	}
	return list, nil
}

// readKeyFile reads a file of at most MaxKeyFile bytes.
func readKeyFile(r io.Reader, what string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if len(text) > MaxKeyFile {
		return nil, seal.Malformed("file of %s is longer than %d bytes", what, MaxKeyFile)
	}
	return text, nil
}

// eachLine calls parse for all lines that are neither empty nor comments. It puts a line number
// before the errors of parse.
func eachLine(text []byte, parse func(line string) error) error {
	if !utf8.Valid(text) {
		return seal.Malformed("no text: the file is not UTF-8")
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, MaxKeyFile+1)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := parse(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil // the buffer holds any line, and the reader does not fail
}

// isSecret reports whether s begins like a private key of age, of SSH or of minisign.
func isSecret(s string) bool {
	upper := strings.ToUpper(s)
	return strings.HasPrefix(upper, "AGE-SECRET-KEY-") || strings.HasPrefix(upper, "AGE-PLUGIN-") ||
		strings.HasPrefix(upper, "-----BEGIN") && strings.Contains(upper, "PRIVATE KEY") ||
		strings.HasPrefix(upper, "UNTRUSTED COMMENT:") && strings.Contains(upper, "SECRET KEY")
}

// isSSHPublic reports whether kind is the type of an SSH public key.
func isSSHPublic(kind string) bool {
	return strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-sha2-") || strings.HasPrefix(kind, "sk-")
}

// unsupportedSSH is the error for an SSH key of a type with which age cannot encrypt.
func unsupportedSSH(kind string) error {
	switch {
	case strings.HasPrefix(kind, "sk-"):
		return seal.Malformed("SSH keys in hardware (sk-...) can only sign: use ssh-ed25519, ssh-rsa or age1...")
	case strings.HasPrefix(kind, "ecdsa-"):
		return seal.Malformed("SSH keys of type ECDSA are not supported: use ssh-ed25519, ssh-rsa or age1...")
	}
	return seal.Malformed("SSH keys of this type are not supported: use ssh-ed25519, ssh-rsa or age1...")
}
