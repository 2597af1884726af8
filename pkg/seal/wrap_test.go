package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestWrap(t *testing.T) {
	id := x25519(t).Recipient()
	pass := must(PassphraseRecipient([]byte("x")))
	if _, err := Wrap(FileKey{}, nil); err == nil {
		t.Error("wrapped for nobody")
	}
	if _, err := Wrap(FileKey{}, []age.Recipient{id, pass}); err == nil || !strings.Contains(err.Error(), "only") {
		t.Errorf("wrapped for a passphrase and a key: %v", err)
	}
	many := make([]age.Recipient, 1000)
	for i := range many {
		many[i] = id
	}
	if _, err := Wrap(FileKey{}, many); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("wrapped for 1000: %v", err)
	}
	wrapped, err := Wrap(FileKey{}, many[:300])
	if err != nil || len(wrapped) > MaxWrapped {
		t.Errorf("wrapped for 300: %v", err)
	}
	long := append(wrapped, make([]byte, MaxWrapped)...)
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

// TestWorkFactor checks the work factor of wrapping and the limit of unwrapping.
func TestWorkFactor(t *testing.T) {
	wrapped := must(Wrap(NewFileKey(), []age.Recipient{must(PassphraseRecipient([]byte("x")))}))
	if stanzas := must(parseStanzas(wrapped)); stanzas[0].Args[1] != "18" {
		t.Errorf("work factor %s", stanzas[0].Args[1])
	}
	own := must(PassphraseIdentity([]byte("x")))
	stanzas := must(parseStanzas(wrapped))
	stanzas[0].Args[1] = "21"
	if _, err := own.Unwrap(stanzas); err == nil || !strings.Contains(err.Error(), "work factor") {
		t.Errorf("identity by itself: %v", err)
	}
	// The limit also binds an identity of somebody else, with a higher limit.
	id := must(age.NewScryptIdentity("x"))
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
	wrapped := must(Wrap(FileKey{1}, []age.Recipient{id.Recipient()}))
	broken := errors.New("broken")
	if _, err := Unwrap(wrapped, []age.Identity{stubborn{broken}}); !errors.Is(err, broken) || errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	skip := stubborn{fmt.Errorf("not mine: %w", age.ErrIncorrectIdentity)}
	if _, err := Unwrap(wrapped, []age.Identity{skip}); class(err) != "no match" {
		t.Error(err)
	}
	if k, err := Unwrap(wrapped, []age.Identity{skip, id}); err != nil || k != (FileKey{1}) {
		t.Error(err)
	}
}

func TestKinds(t *testing.T) {
	id := x25519(t)
	wrapped := string(must(Wrap(FileKey{1}, []age.Recipient{id.Recipient()})))
	long := strings.Repeat("x", 1000)
	wrapped = strings.Replace(wrapped, "-> X25519", "-> 3x-grease a b\nAAAA\n-> "+long+"\nAAAA\n-> X25519", 1)
	kinds, err := RecipientKinds([]byte(wrapped))
	if err != nil || len(kinds) != 2 || kinds[0] != long[:40] || kinds[1] != "X25519" {
		t.Errorf("%q, %v", kinds, err)
	}
	if _, err := RecipientKinds(nil); class(err) != "format" {
		t.Error(err)
	}
}

// mixed is a list of recipients with a passphrase among them, which age does not make.
type mixed []age.Recipient

func (m mixed) Wrap(key []byte) (all []*age.Stanza, err error) {
	for _, r := range m {
		all = append(all, must(r.Wrap(key))...)
	}
	return all, nil
}

func TestPassphraseAmong(t *testing.T) {
	id := x25519(t)
	k := NewFileKey()
	wrapped := ageFile(k[:], mixed{id.Recipient(), scryptWith("x", 10)})
	if _, err := Unwrap(wrapped, []age.Identity{id}); class(err) != "format" {
		t.Error(err)
	}
}
