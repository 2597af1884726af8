package cli

import (
	"fmt"
	"io"
	"os"

	"hexz/pkg/chunker"
	"hexz/pkg/seal"
)

// maxKeyFile is the greatest number of bytes that are read of a file with one key.
const maxKeyFile = 64 << 10

// ReadKeyFile reads a small file with a key. It refuses standard input, which is for data.
func ReadKeyFile(env *Env, path string) ([]byte, error) {
	f, err := env.OpenKey(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("%s is too long for a key", path)
	}
	return text, err
}

// OpenKey opens a file with a key.
func (e *Env) OpenKey(path string) (*os.File, error) {
	fd, isFD := fdPath(path)
	switch {
	case path == "-", isFD && fd == 0:
		return nil, Usagef("a key does not come from standard input, which is for data")
	}
	return e.Open(path)
}

// ChunkKey returns the key in the file of a chunk key.
func ChunkKey(env *Env, path string) ([]byte, error) {
	text, err := ReadKeyFile(env, path)
	if err != nil {
		return nil, fmt.Errorf("chunk key: %w", err)
	}
	key, err := chunker.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("chunk key: %s: %w", path, err)
	}
	return key, nil
}

// PublicKey returns the key that text is, or the key in the file of that name.
func PublicKey(env *Env, text string) (seal.PublicKey, error) {
	if k, err := seal.ParsePublicKey([]byte(text)); err == nil {
		return k, nil
	}
	raw, err := ReadKeyFile(env, text)
	if err != nil {
		return seal.PublicKey{}, WithHint(fmt.Errorf("public key: %w", err), "give the name of a .pub file, or the line of base64 in it")
	}
	k, err := seal.ParsePublicKey(raw)
	if err != nil {
		return k, fmt.Errorf("%s: %w", text, err)
	}
	return k, nil
}

// SecretKeys returns the keys in files. pass says where their passphrases come from.
func SecretKeys(env *Env, paths []string, pass *PassphraseFlags) ([]seal.SecretKey, error) {
	var keys []seal.SecretKey
	for _, path := range paths {
		text, err := ReadKeyFile(env, path)
		if err != nil {
			return nil, err
		}
		k, err := seal.ParseSecretKey(text, func() ([]byte, error) { return pass.Get(env, path, false) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys = append(keys, k)
	}
	if len(paths) > 0 && pass.Given() && pass.known == nil {
		return nil, Usagef("a passphrase was given, but the signing key is not encrypted")
	}
	return keys, nil
}
