package keys

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hexz/internal/keytest"
	"hexz/pkg/seal"

	"filippo.io/age"
)

func TestWrap(t *testing.T) {
	id := x25519(t).Recipient()
	pass := keytest.Must(PassphraseRecipient([]byte("x")))
	if _, err := Wrap(seal.FileKey{}, nil); err == nil {
		t.Error("wrapped for nobody")
	}
	if _, err := Wrap(seal.FileKey{}, []age.Recipient{id, pass}); err == nil || !strings.Contains(err.Error(), "only") {
		t.Errorf("wrapped for a passphrase and a key: %v", err)
	}
	many := make([]age.Recipient, 1000)
	for i := range many {
		many[i] = id
	}
	if _, err := Wrap(seal.FileKey{}, many); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("wrapped for 1000: %v", err)
	}
	wrapped, err := Wrap(seal.FileKey{}, many[:300])
	if err != nil || len(wrapped) > seal.MaxWrapped {
		t.Errorf("wrapped for 300: %v", err)
	}
	long := append(wrapped, make([]byte, seal.MaxWrapped)...)
	if _, err := Unwrap(long, nil); class(err) != "format" || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
	if _, err := PassphraseRecipient(nil); class(err) != "wrong passphrase" {
		t.Error(err)
	}
	if _, err := PassphraseIdentity(nil); class(err) != "wrong passphrase" {
		t.Error(err)
	}
}

// probe is an identity that only records the stanzas, because age does not export its parser.
type probe struct{ stanzas []*age.Stanza }

func (p *probe) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	p.stanzas = stanzas
	return nil, age.ErrIncorrectIdentity
}

// ageStanzas returns the stanzas of an age file as age has them.
func ageStanzas(file []byte) ([]*age.Stanza, error) {
	var p probe
	_, err := age.Decrypt(bytes.NewReader(file), &p)
	if len(p.stanzas) > 0 {
		err = nil
	}
	return p.stanzas, err
}

// TestWorkFactor checks the work factor of wrapping and the limit of unwrapping.
func TestWorkFactor(t *testing.T) {
	wrapped := keytest.Must(Wrap(seal.NewFileKey(), []age.Recipient{keytest.Must(PassphraseRecipient([]byte("x")))}))
	if stanzas := keytest.Must(ageStanzas(wrapped)); stanzas[0].Args[1] != "18" {
		t.Errorf("work factor %s", stanzas[0].Args[1])
	}
	own := keytest.Must(PassphraseIdentity([]byte("x")))
	stanzas := keytest.Must(ageStanzas(wrapped))
	stanzas[0].Args[1] = "21"
	if _, err := own.Unwrap(stanzas); err == nil || !strings.Contains(err.Error(), "work factor") {
		t.Errorf("identity by itself: %v", err)
	}
	// The limit also binds an identity of somebody else, with a higher limit.
	id := keytest.Must(age.NewScryptIdentity("x"))
	hard := bytes.Replace(wrapped, []byte(" 18\n"), []byte(" 21\n"), 1)
	if _, err := Unwrap(hard, []age.Identity{id}); class(err) != "format" || !strings.Contains(err.Error(), "work factor") {
		t.Error(err)
	}
}

// stubborn is an identity of somebody else, which fails.
type stubborn struct{ err error }

func (s stubborn) Unwrap([]*age.Stanza) ([]byte, error) { return nil, s.err }

func TestForeignIdentity(t *testing.T) {
	id := x25519(t)
	wrapped := keytest.Must(Wrap(seal.FileKey{1}, []age.Recipient{id.Recipient()}))
	broken := errors.New("broken")
	if _, err := Unwrap(wrapped, []age.Identity{stubborn{broken}}); !errors.Is(err, broken) || errors.Is(err, seal.ErrFormat) {
		t.Error(err)
	}
	skip := stubborn{fmt.Errorf("not mine: %w", age.ErrIncorrectIdentity)}
	if _, err := Unwrap(wrapped, []age.Identity{skip}); class(err) != "no match" {
		t.Error(err)
	}
	if k, err := Unwrap(wrapped, []age.Identity{skip, id}); err != nil || k != (seal.FileKey{1}) {
		t.Error(err)
	}
}

func TestKinds(t *testing.T) {
	id := x25519(t)
	wrapped := string(keytest.Must(Wrap(seal.FileKey{1}, []age.Recipient{id.Recipient()})))
	long := strings.Repeat("x", 1000)
	wrapped = strings.Replace(wrapped, "-> X25519", "-> 3x-grease a b\nAAAA\n-> "+long+"\nAAAA\n-> X25519", 1)
	kinds, err := seal.RecipientKinds([]byte(wrapped))
	if err != nil || len(kinds) != 2 || kinds[0] != long[:40] || kinds[1] != "X25519" {
		t.Errorf("%q, %v", kinds, err)
	}
	if _, err := seal.RecipientKinds(nil); class(err) != "format" {
		t.Error(err)
	}
}

// mixed is a list of recipients with a passphrase among them, which age does not make.
type mixed []age.Recipient

func (m mixed) Wrap(key []byte) (all []*age.Stanza, err error) {
	for _, r := range m {
		all = append(all, keytest.Must(r.Wrap(key))...)
	}
	return all, nil
}

func TestPassphraseAmong(t *testing.T) {
	id := x25519(t)
	k := seal.NewFileKey()
	wrapped := ageFile(k[:], mixed{id.Recipient(), scryptWith("x", 10)})
	if _, err := Unwrap(wrapped, []age.Identity{id}); class(err) != "format" {
		t.Error(err)
	}
}
