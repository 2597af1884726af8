package seal

import (
	"errors"
	"os"
	"testing"

	"hexz/internal/keytest"
)

// These tests run the programs whose formats the package uses, if they are installed.

func TestMinisign(t *testing.T) {
	run, path := keytest.Tool(t, "minisign")
	run("", "minisign", "-G", "-W", "-p", "their.pub", "-s", "their.key")
	theirs, err := ParseSecretKey([]byte(keytest.ReadText(t, path("their.key"))), keytest.NoPassphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	theirPub, err := ParsePublicKey([]byte(keytest.ReadText(t, path("their.pub"))))
	if err != nil || !theirPub.Equal(theirs.Public()) {
		t.Fatalf("public key: %v", err)
	}
	if got := string(keytest.Must(theirs.Marshal(nil))); got != keytest.ReadText(t, path("their.key")) {
		t.Error("another text for their secret key")
	}
	if got := string(theirPub.Marshal()); theirPub.KeyID()[0] != '0' && got != keytest.ReadText(t, path("their.pub")) {
		t.Errorf("another text for their public key: %q", got)
	}

	pub, k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	keytest.WriteFile(t, path("our.key"), keytest.Must(k.Marshal(nil)))
	keytest.WriteFile(t, path("our.pub"), pub.Marshal())
	id := [32]byte{1, 2, 3}
	keytest.WriteFile(t, path("message"), Message(id))
	for _, tc := range []struct {
		name string
		key  SecretKey
	}{{"their", theirs}, {"our", k}} {
		keytest.WriteFile(t, path("message.minisig"), keytest.Must(Sign(tc.key, id)))
		run("", "minisign", "-V", "-H", "-p", tc.name+".pub", "-m", "message")
		run("", "minisign", "-V", "-H", "-P", tc.key.Public().String(), "-m", "message")

		run("", "minisign", "-S", "-W", "-s", tc.name+".key", "-m", "message", "-x", "theirs.minisig")
		s, err := ParseSignature([]byte(keytest.ReadText(t, path("theirs.minisig"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.key.Public().Verify(id, s); err != nil {
			t.Error(err)
		}
	}
}

// TestMinisignPassphrase runs minisign's scrypt five times, which takes some seconds and 1 GiB
// of memory each, and far more with the race detector. It runs when HEXZ_SLOW_TESTS is set.
func TestMinisignPassphrase(t *testing.T) {
	if os.Getenv("HEXZ_SLOW_TESTS") == "" {
		t.Skip("slow")
	}
	run, path := keytest.Tool(t, "minisign")
	run("secret\nsecret\n", "minisign", "-G", "-p", "their.pub", "-s", "their.key")
	text := []byte(keytest.ReadText(t, path("their.key")))
	k, err := ParseSecretKey(text, keytest.Answer("secret", nil))
	if err != nil {
		t.Fatal(err)
	}
	keytest.WriteFile(t, path("our.key"), keytest.Must(k.Marshal([]byte("another"))))
	id := [32]byte{4, 5, 6}
	keytest.WriteFile(t, path("message"), Message(id))
	run("another\n", "minisign", "-S", "-s", "our.key", "-m", "message")
	s, err := ParseSignature([]byte(keytest.ReadText(t, path("message.minisig"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Public().Verify(id, s); err != nil {
		t.Error(err)
	}
	if _, err := ParseSecretKey(text, keytest.Answer("wrong", nil)); !errors.Is(err, ErrPassphrase) {
		t.Error(err)
	}
}
