package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"hexz/internal/keytest"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"
)

func TestSign(t *testing.T) {
	pub, k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	id := [32]byte{0xab, 31: 0xcd}
	if got, want := string(Message(id)), "hexz archive v1\nab"+strings.Repeat("00", 30)+"cd\n"; got != want {
		t.Errorf("message %q", got)
	}
	text := keytest.Must(Sign(k, id))
	if again := keytest.Must(Sign(k, id)); !bytes.Equal(text, again) {
		t.Error("another signature for the same id")
	}
	s, err := ParseSignature(text)
	if err != nil {
		t.Fatal(err)
	}
	if want := "hexz archive ab" + strings.Repeat("00", 30) + "cd"; s.TrustedComment() != want {
		t.Errorf("trusted comment %q", s.TrustedComment())
	}
	if s.KeyID() != pub.KeyID() || s.KeyID() != k.KeyID() || len(s.KeyID()) != 16 {
		t.Errorf("key id %s of a signature by %s", s.KeyID(), pub.KeyID())
	}
	if !k.Public().Equal(pub) {
		t.Error("another public key")
	}
	if err := pub.Verify(id, s); err != nil {
		t.Error(err)
	}
	if err := pub.Verify([32]byte{}, s); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	if err := pub.Verify(id, Signature{}); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	if err := (PublicKey{}).Verify(id, Signature{}); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	other, _, _ := GenerateKey()
	if err := other.Verify(id, s); !errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), pub.KeyID()) {
		t.Error(err)
	}
	if other.Equal(pub) {
		t.Error("two keys are the same")
	}
	// Every bit of the text counts, except for those of the first line.
	line := bytes.IndexByte(text, '\n') + 1
	for i := line; i < len(text); i++ {
		for bit := range 8 {
			bad := bytes.Clone(text)
			bad[i] ^= 1 << bit
			if s, err := ParseSignature(bad); err == nil && pub.Verify(id, s) == nil {
				t.Errorf("bit %d of byte %d flipped: verified", bit, i)
			}
		}
	}
}

// lock encrypts a secret key as minisign does, with any cost, since minisign's own cost is high.
func lock(k SecretKey, pass string, ops, mem uint64, n, p int) string {
	raw := keytest.Must(base64.StdEncoding.DecodeString(strings.Split(string(keytest.Must(k.Marshal(nil))), "\n")[1]))
	copy(raw[2:], "Sc")
	salt := raw[6:38]
	copy(salt, "salt")
	binary.LittleEndian.PutUint64(raw[38:], ops)
	binary.LittleEndian.PutUint64(raw[46:], mem)
	sum := blake2b.Sum256(append([]byte("Ed"), raw[54:126]...))
	copy(raw[126:], sum[:])
	for i, x := range keytest.Must(scrypt.Key([]byte(pass), salt, n, 8, p, 104)) {
		raw[54+i] ^= x
	}
	return "untrusted comment: locked\n" + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestSecretKey(t *testing.T) {
	pub, k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	plain := string(keytest.Must(k.Marshal(nil)))
	if !strings.HasSuffix(plain, "\n") || strings.Count(plain, "\n") != 2 {
		t.Errorf("%d lines", strings.Count(plain, "\n"))
	}
	if _, err := k.Marshal([]byte{}); class(err) != "wrong passphrase" {
		t.Errorf("empty passphrase: %v", err)
	}
	for _, text := range []string{plain, strings.ReplaceAll(plain, "\n", "\r\n"), strings.SplitAfter(plain, "\n")[1]} {
		got, err := ParseSecretKey([]byte(text), keytest.NoPassphrase(t))
		if err != nil || !got.key.Equal(k.key) {
			t.Errorf("%v", err)
		}
	}
	const ops, mem = 1 << 15, 1 << 20 // libsodium's pickparams makes N = 2^10, p = 1 from these
	locked := lock(k, "pw", ops, mem, 1<<10, 1)
	got, err := ParseSecretKey([]byte(locked), keytest.Answer("pw", nil))
	if err != nil || !got.key.Equal(k.key) {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		ask    func() ([]byte, error)
		expect error
	}{{keytest.Answer("wp", nil), ErrPassphrase}, {nil, ErrPassphrase}, {keytest.Answer("", nil), ErrPassphrase},
		{func() ([]byte, error) { return nil, io.ErrClosedPipe }, io.ErrClosedPipe}} {
		if _, err := ParseSecretKey([]byte(locked), tc.ask); !errors.Is(err, tc.expect) {
			t.Errorf("%v instead of %v", err, tc.expect)
		}
	}

	// edit changes the bytes of a key file.
	edit := func(text string, f func(raw []byte)) string {
		lines := strings.Split(text, "\n")
		raw := keytest.Must(base64.StdEncoding.DecodeString(lines[1]))
		f(raw)
		return lines[0] + "\n" + base64.StdEncoding.EncodeToString(raw) + "\n"
	}
	set := func(i int, b byte) func([]byte) { return func(raw []byte) { raw[i] = b } }
	for _, tc := range []struct{ text, want string }{
		{"", "no base64"},
		{keytest.SecretText + "!", "no base64"},
		{"untrusted comment: x\n", "no base64"},
		{"untrusted comment: x\n" + keytest.SecretText + "\n" + keytest.SecretText, "more than one line"},
		{string(pub.Marshal()), "public key"},
		{pub.String(), "public key"},
		{"RWQ=", "malformed"},
		{edit(plain, set(0, 'X')), "malformed"},
		{edit(plain, set(4, 'X')), "malformed"},
		{edit(plain, set(2, 'X')), "unknown way"},
		{edit(plain, set(6, 1)), "malformed"},
		{edit(plain, set(157, 1)), "malformed"},
		{edit(plain, func(raw []byte) { raw[62] ^= 1 }), "malformed"},
		{edit(plain, func(raw []byte) { raw[100] ^= 1 }), "malformed"},
		{strings.Replace(plain, "A=\n", "B=\n", 1), "no base64"}, // bits after the end
		{edit(locked, set(45, 1)), "more work"},
		{edit(locked, set(53, 1)), "more work"},
		{strings.Repeat("x", 5000), "longer"},
	} {
		_, err := ParseSecretKey([]byte(tc.text), keytest.NoPassphrase(t))
		if err == nil {
			t.Errorf("%.60q is taken", tc.text)
			continue
		}
		keytest.CheckError(t, err, ErrFormat, tc.want)
	}
}

func TestPublicKey(t *testing.T) {
	pub, k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	text := string(pub.Marshal())
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), pub.String(), " " + pub.String() + "\n"} {
		if got, err := ParsePublicKey([]byte(text)); err != nil || !got.Equal(pub) {
			t.Error(err)
		}
	}
	if !strings.Contains(text, pub.KeyID()) {
		t.Errorf("%q does not name %s", text, pub.KeyID())
	}
	for _, tc := range []struct{ text, want string }{
		{"", "no base64"},
		{string(keytest.Must(k.Marshal(nil))), "secret key"},
		{lock(k, "pw", 1<<15, 1<<20, 1<<10, 1), "secret key"},
		{text + pub.String(), "more than one line"},
		{pub.String()[:40], "malformed"},
		{"RX" + pub.String()[2:], "malformed"},
		{strings.Repeat("x", 5000), "longer"},
	} {
		_, err := ParsePublicKey([]byte(tc.text))
		if err == nil {
			t.Errorf("%.60q is taken", tc.text)
			continue
		}
		keytest.CheckError(t, err, ErrFormat, tc.want)
	}
}
