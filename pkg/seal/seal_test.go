package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hexz/internal/keytest"
)

// class names the kind of an error that a caller can distinguish.
func class(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrPassphrase):
		return "wrong passphrase"
	case errors.Is(err, ErrAuth):
		return "auth"
	case errors.Is(err, ErrSignature):
		return "signature"
	case errors.Is(err, ErrFormat):
		return "format"
	}
	return "other: " + err.Error()
}

func TestSecretsDoNotPrint(t *testing.T) {
	k := NewFileKey()
	_, s, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		for _, v := range []any{k, &k, s, &s, struct{ K FileKey }{k}, struct{ S SecretKey }{s}} {
			if got := fmt.Sprintf(verb, v); len(got) > 60 || !strings.Contains(got, "(secret)") {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
	if k == (FileKey{}) || k == NewFileKey() {
		t.Error("key is not random")
	}
}

func TestNoMatchError(t *testing.T) {
	err := &NoMatchError{[]string{"ssh-rsa", "X25519", "X25519"}}
	if got, want := err.Error(), "no identity fits: it is encrypted for X25519, ssh-rsa"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
	if err.Kinds[0] != "ssh-rsa" {
		t.Error("Error sorted the kinds")
	}
}

// TestCipherSpec compares with a frame that another program made from the description of Cipher:
// Python, with HKDF and AESGCM of its package cryptography.
func TestCipherSpec(t *testing.T) {
	var key FileKey
	var header [32]byte
	for i := range key {
		key[i], header[i] = byte(i), byte(0x80+i)
	}
	got := NewCipher(key, header, "data").Seal(nil, []byte("hexz frame"), 0x0102030405060708)
	if want := keytest.Unhex(t, "fef0e8fd972a904c8b60d5243985a287c494ea26f1f0fb3aa08a"); !bytes.Equal(got, want) {
		t.Errorf("%x instead of %x", got, want)
	}
}

func TestCipherOverlap(t *testing.T) {
	c := NewCipher(FileKey{1}, [32]byte{2}, "data")
	plain := bytes.Repeat([]byte("0123456789"), 1000)
	want := c.Seal(nil, plain, 7)
	if len(want) != len(plain)+Overhead {
		t.Fatalf("%d bytes", len(want))
	}

	buf := append(make([]byte, 0, len(plain)+Overhead), plain...)
	got := c.Seal(buf[:0], buf, 7)
	if !bytes.Equal(got, want) || &got[0] != &buf[0] {
		t.Error("sealed in place: another result")
	}
	got, err := c.Open(got[:0], got, 7)
	if err != nil || !bytes.Equal(got, plain) || &got[0] != &buf[0] {
		t.Errorf("opened in place: %v", err)
	}

	head := append(append(make([]byte, 0, 4+len(plain)+Overhead), "head"...), plain...)
	got = c.Seal(head[:4], head[4:], 7)
	if string(got[:4]) != "head" || !bytes.Equal(got[4:], want) || &got[0] != &head[0] {
		t.Error("sealed behind a head: another result")
	}
	got, err = c.Open(got[:4], got[4:], 7)
	if err != nil || string(got[:4]) != "head" || !bytes.Equal(got[4:], plain) {
		t.Errorf("opened behind a head: %v", err)
	}

	// A failure reveals nothing, not even in place.
	bad := bytes.Clone(want)
	bad[len(bad)-1] ^= 1
	out, err := c.Open(bad[:0], bad, 7)
	if out != nil || err != ErrAuth {
		t.Errorf("damaged: %v, %v", out, err)
	}
	if bytes.Contains(bad, []byte("0123456789")) {
		t.Error("plaintext of a damaged frame is left in the buffer")
	}
}

func TestCipherConcurrent(t *testing.T) {
	c := NewCipher(NewFileKey(), [32]byte{}, "data")
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(200) {
				plain := bytes.Repeat([]byte{byte(i)}, int(i))
				got, err := c.Open(nil, c.Seal(nil, plain, g<<32|i), g<<32|i)
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestCipherBinds checks that a frame depends on everything it is bound to.
func TestCipherBinds(t *testing.T) {
	key, header := FileKey{1}, [32]byte{2}
	sealed := NewCipher(key, header, "data").Seal(nil, []byte("frame"), 1<<40+3)
	for _, tc := range []struct {
		name   string
		c      *Cipher
		seq    uint64
		expect string
	}{
		{"same", NewCipher(key, header, "data"), 1<<40 + 3, "ok"},
		{"key", NewCipher(FileKey{3}, header, "data"), 1<<40 + 3, "auth"},
		{"header", NewCipher(key, [32]byte{4}, "data"), 1<<40 + 3, "auth"},
		{"domain", NewCipher(key, header, "index"), 1<<40 + 3, "auth"},
		{"low bits of seq", NewCipher(key, header, "data"), 1<<40 + 2, "auth"},
		{"high bits of seq", NewCipher(key, header, "data"), 3, "auth"},
	} {
		if _, err := tc.c.Open(nil, sealed, tc.seq); class(err) != tc.expect {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x80
		if _, err := NewCipher(key, header, "data").Open(nil, bad, 1<<40+3); err != ErrAuth {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		if _, err := NewCipher(key, header, "data").Open(nil, sealed[:i], 1<<40+3); err != ErrAuth {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, kib := range []int{64, 256} {
		b.Run(fmt.Sprintf("%dKiB", kib), func(b *testing.B) {
			c := NewCipher(NewFileKey(), [32]byte{}, "data")
			buf := make([]byte, kib<<10, kib<<10+Overhead)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for seq := uint64(0); b.Loop(); seq++ {
				c.Seal(buf[:0], buf, seq)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, kib := range []int{64, 256} {
		b.Run(fmt.Sprintf("%dKiB", kib), func(b *testing.B) {
			c := NewCipher(NewFileKey(), [32]byte{}, "data")
			sealed := c.Seal(nil, make([]byte, kib<<10), 1)
			dst := make([]byte, 0, kib<<10)
			b.SetBytes(int64(cap(dst)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Open(dst, sealed, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
