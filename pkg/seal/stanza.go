package seal

import (
	"encoding/base64"
	"strings"
)

// MaxWrapped is the greatest length of a wrapped key, in bytes: some 350 recipients of X25519.
const MaxWrapped = 64 << 10

// An Opener opens wrapped keys: age files whose plaintext is a file key. Package keys has one of
// identities of age. The opener of a program may leave it to another process, so that no private key
// is in the memory of the one that reads archives.
type Opener interface {
	// OpenKey returns the key in wrapped, which has at most MaxWrapped bytes. Errors:
	//
	//   - *NoMatchError: none of the identities fits
	//   - ErrPassphrase: a passphrase is wrong
	//   - ErrFormat: wrapped is damaged, or asks for more work than is allowed
	//   - any other: the identities could not be used
	OpenKey(wrapped []byte) (FileKey, error)
}

// A Wrapper wraps the file key of a new archive for those who can open it.
type Wrapper interface {
	// WrapKey returns an age file of at most MaxWrapped bytes.
	WrapKey(FileKey) ([]byte, error)
}

// Scrypt is the type of the stanza for a passphrase.
const Scrypt = "scrypt"

// A Stanza is what a header of age has for one recipient, but for its share of the key.
type Stanza struct {
	Type string
	Args []string
}

// RecipientKinds returns the kind of each recipient of a wrapped key: "X25519", "mlkem768x25519"
// (post-quantum), "ssh-ed25519", "ssh-rsa", "passphrase", or the name that age gives to any other.
// It only parses the header of the key. The only error is ErrFormat.
func RecipientKinds(wrapped []byte) ([]string, error) {
	if len(wrapped) > MaxWrapped {
		return nil, Malformed("wrapped key has %d bytes, with a limit of %d", len(wrapped), MaxWrapped)
	}
	stanzas, err := ParseStanzas(wrapped)
	if err != nil {
		return nil, Malformed("wrapped key is no age file: %v", err)
	}
	const limit = 40 // the names of strangers may have any length
	list := []string{}
	for _, s := range stanzas {
		switch {
		case s.Type == Scrypt:
			list = append(list, "passphrase")
		case strings.HasSuffix(s.Type, "-grease"):
			// No recipient: other programs add these stanzas so that readers stay tolerant.
		default:
			list = append(list, s.Type[:min(len(s.Type), limit)])
		}
	}
	return list, nil
}

// Limits of age.
const (
	maxStanzas = 1024
	maxArgs    = 129
	maxHeader  = 2 << 20
)

// ParseStanzas returns the stanzas, at least one, in the header of an age file. It accepts the
// headers that age does (C2SP, age-encryption.org/v1), and has no key to check their MAC with. The
// only error is ErrFormat.
func ParseStanzas(file []byte) ([]Stanza, error) {
	p := headerParser{string(file[:min(len(file), maxHeader)])}
	if line, ok := p.line(); !ok || line != "age-encryption.org/v1" {
		return nil, Malformed("it does not begin as one")
	}
	var list []Stanza
	for !strings.HasPrefix(p.rest, "---") {
		words, ok := p.words("->")
		if !ok || len(list) == maxStanzas || !p.body() {
			return nil, Malformed("stanza %d of the header is malformed", len(list)+1)
		}
		list = append(list, Stanza{words[0], words[1:]})
	}
	words, ok := p.words("---")
	if !ok || len(words) != 1 || len(list) == 0 {
		return nil, Malformed("the end of the header is malformed")
	}
	if mac, err := unpadded.DecodeString(words[0]); err != nil || len(mac) != 32 {
		return nil, Malformed("the end of the header is malformed")
	}
	return list, nil
}

var unpadded = base64.RawStdEncoding.Strict()

type headerParser struct{ rest string }

// line returns the next line, which has to have an end.
func (p *headerParser) line() (line string, ok bool) {
	line, p.rest, ok = strings.Cut(p.rest, "\n")
	return line, ok
}

// words returns the words, at least one, of a line that begins with mark.
func (p *headerParser) words(mark string) ([]string, bool) {
	line, ok := p.line()
	if !ok {
		return nil, false
	}
	line, ok = strings.CutPrefix(line, mark+" ")
	words := strings.Split(line, " ")
	if !ok || len(words) > maxArgs {
		return nil, false
	}
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r < '!' || r > '~' }) {
			return nil, false
		}
	}
	return words, true
}

// body skips lines of base64, of which the last is a short one, and reports whether they are there.
func (p *headerParser) body() bool {
	const full = 64
	for {
		line, ok := p.line()
		if !ok || len(line) > full || strings.Contains(line, "\r") {
			return false
		}
		if _, err := unpadded.DecodeString(line); err != nil {
			return false
		}
		if len(line) < full {
			return true
		}
	}
}
