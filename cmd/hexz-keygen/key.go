package main

import (
	"fmt"

	"filippo.io/age"

	"hexz/cmd/internal/cli"
	"hexz/pkg/chunker"
	"hexz/pkg/seal"
)

// key is a generated key as text.
type key struct {
	secret []byte // the file with the secret
	public string // the public part in one line, "" if there is none
	file   []byte // the file of the public part, nil if there is none
}

// encryptKey makes an identity as age-keygen writes it, except for the time.
func encryptKey(*cli.Env, string) (*key, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	public := id.Recipient().String()
	return &key{secret: fmt.Appendf(nil, "# public key: %s\n%s\n", public, id), public: public}, nil
}

// signKey makes a key pair in the format of minisign.
func (o *flags) signKey(env *cli.Env, path string) (*key, error) {
	if err := cli.CheckNew(path + ".pub"); err != nil {
		return nil, err
	}
	var pass []byte
	if !o.bare {
		var err error
		if pass, err = o.pass.Get(env, path, true); err != nil {
			return nil, err
		}
	}
	public, secret, err := seal.GenerateKey()
	if err != nil {
		return nil, err
	}
	text, err := secret.Marshal(pass)
	return &key{secret: text, public: public.String(), file: public.Marshal()}, err
}

func chunkKey(*cli.Env, string) (*key, error) {
	return &key{secret: chunker.MarshalKey(chunker.NewKey())}, nil
}
