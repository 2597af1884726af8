package keys

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"

	"hexz/internal/keytest"
	"hexz/pkg/seal"
)

func TestVectors(t *testing.T) {
	keytest.CheckVectors(t, class, map[string]func(*testing.T, keytest.Vector) error{"wrap": checkWrap},
		"wrap ok", "wrap no match", "wrap wrong passphrase", "wrap format")
}

// class names the kind of an error that a caller can distinguish.
func class(err error) string {
	_, noMatch := errors.AsType[*seal.NoMatchError](err)
	switch {
	case err == nil:
		return "ok"
	case noMatch:
		return "no match"
	case errors.Is(err, seal.ErrPassphrase):
		return "wrong passphrase"
	case errors.Is(err, seal.ErrFormat):
		return "format"
	}
	return "other: " + err.Error()
}

func checkWrap(t *testing.T, v keytest.Vector) error {
	file := v.Base64(t, "file")
	var ids []age.Identity
	if v["identity"] != "" {
		list, err := ParseIdentities(strings.NewReader(v["identity"]), func() ([]byte, error) {
			if v["ask"] == "" {
				return nil, errors.New("asked for a passphrase")
			}
			return []byte(v["ask"]), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, list...)
	}
	if v["passphrase"] != "" {
		id, err := PassphraseIdentity([]byte(v["passphrase"]))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	key, err := Unwrap(file, ids)
	if err == nil && !bytes.Equal(key[:], v.Hex(t, "key")) {
		t.Errorf("unwrapped %x", key[:])
	}
	if err != nil && key != (seal.FileKey{}) {
		t.Error("key beside of an error")
	}
	kinds, kindsErr := seal.RecipientKinds(file)
	if got := strings.Join(kinds, " "); got != v["kinds"] {
		t.Errorf("kinds %q (%v), want %q", got, kindsErr, v["kinds"])
	}
	if e, ok := errors.AsType[*seal.NoMatchError](err); ok && strings.Join(e.Kinds, " ") != v["kinds"] {
		t.Errorf("kinds %q in the error, want %q", e.Kinds, v["kinds"])
	}
	return err
}
