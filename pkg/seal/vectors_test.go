package seal

import (
	"bytes"
	"strconv"
	"testing"

	"hexz/internal/keytest"
)

func TestVectors(t *testing.T) {
	keytest.CheckVectors(t, class, map[string]func(*testing.T, keytest.Vector) error{"frame": checkFrame, "signature": checkSignature},
		"frame ok", "frame auth", "signature ok", "signature signature", "signature format")
}

func checkFrame(t *testing.T, v keytest.Vector) error {
	seq, err := strconv.ParseUint(v["seq"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCipher(FileKey(v.Hex(t, "key")), [32]byte(v.Hex(t, "header")), v["domain"])
	plain, sealed := v.Hex(t, "plaintext"), v.Hex(t, "sealed")
	got, err := c.Open(nil, sealed, seq)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, plain) {
		t.Errorf("opened %x", got)
	}
	if got := c.Seal(nil, plain, seq); !bytes.Equal(got, sealed) {
		t.Errorf("sealed %x", got)
	}
	return nil
}

func checkSignature(t *testing.T, v keytest.Vector) error {
	k, err := ParsePublicKey([]byte(v["public"]))
	if err != nil {
		t.Fatal(err)
	}
	text := v.Base64(t, "signature")
	s, err := ParseSignature(text)
	if err != nil {
		return err
	}
	if !bytes.Equal(s.Marshal(), text) {
		t.Error("another text for the same signature")
	}
	return k.Verify([32]byte(v.Hex(t, "id")), s)
}
