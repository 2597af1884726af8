package cli

import (
	"github.com/spf13/pflag"

	"hexz/pkg/seal"
)

// SignerFlags name keys that must have signed an archive.
type SignerFlags struct{ keys []string }

// AddFlags adds the flag to f.
func (s *SignerFlags) AddFlags(f *pflag.FlagSet) {
	f.Var(TextsVar(&s.keys), "signed-by", "demand a signature by `PUBKEY`, a minisign public key or the file it is in; may be repeated, and all must have signed")
}

// Load returns the keys.
func (s *SignerFlags) Load(env *Env) ([]seal.PublicKey, error) {
	var keys []seal.PublicKey
	for _, text := range s.keys {
		k, err := PublicKey(env, text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
