package stage_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"hexz/internal/stagetest"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// signFile signs the archive at path, and returns what became of the file.
func signFile(t *testing.T, ctx context.Context, path string, o stage.SignOptions) (*stage.Signed, []byte, error) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s, signErr := stage.Sign(ctx, f, info.Size(), o)
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, p, signErr
}

func TestSign(t *testing.T) {
	var pubs []seal.PublicKey
	var secret []seal.SecretKey
	for range 3 {
		pub, key, err := seal.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		pubs, secret = append(pubs, pub), append(secret, key)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	encrypting := func(dst *bytes.Buffer, src []byte) error {
		_, err := stage.Seal(t.Context(), dst, bytes.NewReader(src), stage.SealOptions{Recipients: keys.Wrapper(identity.Recipient())})
		return err
	}
	frames := stagetest.Pipe(t, stagetest.Content(300_000), stagetest.Cutting(stage.ChunkOptions{}))
	var locked bytes.Buffer
	if err := encrypting(&locked, frames); err != nil {
		t.Fatal(err)
	}
	for name, archive := range map[string][]byte{"plain": stagetest.Pipe(t, frames, stagetest.Sealing()), "encrypted": locked.Bytes()} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.hxz")
			if err := os.WriteFile(path, archive, 0o600); err != nil {
				t.Fatal(err)
			}
			check := func(what string, got []seal.PublicKey, want ...seal.PublicKey) {
				t.Helper()
				if len(got) != len(want) {
					t.Fatalf("%s: %d keys instead of %d", what, len(got), len(want))
				}
				for i := range got {
					if !got[i].Equal(want[i]) {
						t.Errorf("%s: key %d is another one", what, i)
					}
				}
			}
			// A key that is given twice signs once.
			s, one, err := signFile(t, t.Context(), path, stage.SignOptions{Keys: []seal.SecretKey{secret[1], secret[0], secret[1]}, Threads: 2})
			if err != nil || !bytes.HasPrefix(one, archive) {
				t.Fatal(err)
			}
			check("new", s.New, pubs[1], pubs[0])
			check("before", s.Before)
			if n := len(stagetest.OpenArchive(t, one).Signatures()); n != 2 {
				t.Errorf("%d signatures", n)
			}
			s, two, err := signFile(t, t.Context(), path, stage.SignOptions{Keys: secret})
			if err != nil || !bytes.HasPrefix(two, one) {
				t.Fatal(err)
			}
			check("new", s.New, pubs[2])
			check("before", s.Before, pubs[0], pubs[1])
			s, again, err := signFile(t, t.Context(), path, stage.SignOptions{Keys: secret})
			if err != nil || !bytes.Equal(again, two) {
				t.Fatal("signed once more: ", err)
			}
			check("new", s.New)
			for _, k := range pubs {
				if !stagetest.OpenArchive(t, two).SignedBy(k) {
					t.Error("not signed by ", k.KeyID())
				}
			}
		})
	}
}

// Input that is damaged, cut, or no archive is not signed. Neither is an archive once the context
// has ended.
func TestSignRefuses(t *testing.T) {
	_, key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	good := stagetest.Pipe(t, stagetest.Content(300_000), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing())
	bad := bytes.Clone(good)
	bad[len(bad)/3] ^= 1
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		name string
		ctx  context.Context
		p    []byte
		want error
	}{
		{"damaged", t.Context(), bad, stream.ErrCorrupt},
		{"cut", t.Context(), good[:len(good)-1], stream.ErrCorrupt},
		{"empty", t.Context(), nil, stream.ErrCorrupt},
		{"stream", t.Context(), stagetest.Pipe(t, stagetest.Content(1000), stagetest.Cutting(stage.ChunkOptions{})), stream.ErrCorrupt},
		{"stopped", stopped, good, context.Canceled},
	} {
		path := filepath.Join(t.TempDir(), "x.hxz")
		if err := os.WriteFile(path, c.p, 0o600); err != nil {
			t.Fatal(err)
		}
		faults := 0
		s, after, err := signFile(t, c.ctx, path, stage.SignOptions{Keys: []seal.SecretKey{key}, Damage: func(error) { faults++ }})
		if !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !bytes.Equal(after, c.p) {
			t.Errorf("%s: the file has changed", c.name)
		}
		if c.name != "stopped" && (faults > 0) != (c.name == "damaged") {
			t.Errorf("%s: %d faults", c.name, faults)
		}
	}
}
