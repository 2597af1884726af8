package chunker

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"

	"lukechampine.com/blake3"
)

const (
	KeySize    = 32      // bytes of a key
	MaxKeyFile = 4 << 10 // greatest length of a key file in bytes

	keyPrefix    = "hexz-chunk-key-v1 "
	keyIDContext = "hexz chunk key id"
	keyIDSize    = 8
)

// NewKey returns a random key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails: see crypto/rand
	return key
}

// MarshalKey returns the text of a key file for a key of KeySize bytes.
func MarshalKey(key []byte) []byte {
	return append(base64.StdEncoding.AppendEncode([]byte(keyPrefix), key), '\n')
}

// ParseKey returns the key in the text of a key file: one line as MarshalKey writes it. White space
// around the line, empty lines, and comments from # to the end of a line are ignored. The errors
// reveal nothing of the text.
func ParseKey(text []byte) ([]byte, error) {
	if len(text) > MaxKeyFile {
		return nil, errors.New("longer than a key file can be")
	}
	var key []byte
	for line := range bytes.Lines(text) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		line = bytes.Trim(line, " \t\r\n")
		if len(line) == 0 {
			continue
		}
		if key != nil {
			return nil, errors.New("more than one line that is no comment")
		}
		encoded, ok := bytes.CutPrefix(line, []byte(keyPrefix))
		if !ok {
			return nil, errors.New("not a file of a chunk key")
		}
		// The decoder would skip a carriage return. Its error could quote the text one day.
		var err error
		key, err = base64.StdEncoding.Strict().AppendDecode(nil, encoded)
		if err != nil || len(key) != KeySize || len(encoded) != base64.StdEncoding.EncodedLen(KeySize) {
			return nil, errors.New("the key is not 32 bytes in base64")
		}
	}
	if key == nil {
		return nil, errors.New("there is no key in it")
	}
	return key, nil
}

// keyID returns an id that tells keys apart, and reveals nothing else about key.
func keyID(key []byte) []byte {
	id := make([]byte, keyIDSize)
	blake3.DeriveKey(id, keyIDContext, key)
	return id
}

// Keyed reports whether the params in a stream, see Options.Params, name a key.
func Keyed(params map[string]any) bool {
	id, ok := params["key-id"].([]byte)
	return ok && len(id) == keyIDSize
}
