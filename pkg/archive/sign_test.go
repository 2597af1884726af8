package archive

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream/wire"
)

func TestSign(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	alice, aliceKey := signKey(t)
	bob, bobKey := signKey(t)
	carol, carolKey := signKey(t)
	b := smallWith(t, WriterOptions{Sign: []seal.SecretKey{aliceKey, aliceKey}})
	first := bytes.Clone(b.Buf.Bytes())
	path := filepath.Join(t.TempDir(), "x.hxz")
	if err := os.WriteFile(path, first, 0o600); err != nil {
		t.Fatal(err)
	}
	sign := func(want int, keys ...seal.SecretKey) []byte {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, _ := os.ReadFile(path)
		if n, err := open(t, p).Sign(f, keys...); n != want || err != nil {
			t.Fatalf("%d signatures, %v", n, err)
		}
		p, _ = os.ReadFile(path)
		return p
	}
	second := sign(1, bobKey)
	third := sign(1, bobKey, carolKey) // bob has signed already
	if !bytes.HasPrefix(second, first) || !bytes.HasPrefix(third, second) {
		t.Fatal("signing does not only append")
	}
	for _, v := range []struct {
		p    []byte
		keys []seal.PublicKey
		not  []seal.PublicKey
	}{
		{first, []seal.PublicKey{alice}, []seal.PublicKey{bob, carol}},
		{second, []seal.PublicKey{alice, bob}, []seal.PublicKey{carol}},
		{third, []seal.PublicKey{alice, bob, carol}, nil},
	} {
		r := open(t, v.p)
		for _, k := range v.keys {
			if !r.SignedBy(k) {
				t.Errorf("%d keys: %s has not signed", len(v.keys), k.KeyID())
			}
		}
		for _, k := range v.not {
			if r.SignedBy(k) {
				t.Errorf("%d keys: %s has signed", len(v.keys), k.KeyID())
			}
		}
		if err := r.Verify(t.Context(), VerifyOptions{Level: Content}); err != nil || r.ID() != open(t, first).ID() {
			t.Error(err)
		}
		if _, s, err := scan(bytes.NewReader(v.p)); err != nil || len(s.Signatures()) != len(v.keys) {
			t.Errorf("Scanner: %d signatures, %v", len(s.Signatures()), err)
		}
		if n := len(r.Signatures()); n != len(v.keys) {
			t.Errorf("%d signatures", n)
		}
	}

	// Wherever the second signing stops, the archive is the same as before, and can be signed
	// again.
	for n := len(first) + 1; n < len(second); n++ {
		p := second[:n]
		r := open(t, p)
		if !r.Torn() || !r.SignedBy(alice) || r.SignedBy(bob) || r.Size() != int64(len(first)) {
			t.Fatalf("cut to %d: torn %v, size %d", n, r.Torn(), r.Size())
		}
		if err := r.Verify(t.Context(), VerifyOptions{Level: Stored}); err != nil {
			t.Fatalf("cut to %d: %v", n, err)
		}
		if _, _, err := scan(bytes.NewReader(p)); err != nil {
			t.Fatalf("cut to %d: Scanner: %v", n, err)
		}
		if !index.HasTrailer(bytes.NewReader(p), int64(len(p))) {
			t.Fatalf("cut to %d: no trailer", n)
		}
	}
	// Zeros instead of the append do not count, since a power cut may leave them. Anything else is
	// damage.
	padded := append(bytes.Clone(first), make([]byte, toMiddle(len(first))+1)...)
	if r := open(t, padded); !r.Torn() || r.Size() != int64(len(first)) {
		t.Error("zeros behind the archive are taken for a part of it")
	}
	if _, _, err := scan(bytes.NewReader(padded)); err != nil {
		t.Errorf("zeros behind the archive: Scanner: %v", err)
	}
	padded[len(padded)-1] = 1
	if _, err := NewReader(bytes.NewReader(padded), int64(len(padded)), Options{}); !isDamage(err) {
		t.Errorf("something behind the archive: %v", err)
	}
	if err := os.WriteFile(path, second[:len(second)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	if again := sign(1, bobKey); !bytes.Equal(again, second) {
		t.Error("signed again after an interruption it is another archive")
	}

	// Every appended byte counts.
	for i := len(first); i < len(second); i++ {
		p := bytes.Clone(second)
		p[i] ^= 0x40
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{})
		if err == nil && r.SignedBy(bob) {
			t.Errorf("byte %d: the signature still counts", i)
		}
	}
	// Damage in a whole append is not taken for an append that was cut short.
	for i := open(t, first).RootAt.End(); i < int64(len(third)); i++ {
		for bit := range 8 {
			p := bytes.Clone(third)
			p[i] ^= 1 << bit
			if r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{}); !isDamage(err) {
				t.Errorf("byte %d, bit %d: taken for sound, with %d signatures", i, bit, len(r.Signatures()))
			}
			if _, _, err := scan(bytes.NewReader(p)); !isDamage(err) {
				t.Errorf("byte %d, bit %d: Scanner: %v", i, bit, err)
			}
		}
	}
}

// Signatures over another id, and too many of them.
func TestForeignSignatures(t *testing.T) {
	pub, key := signKey(t)
	b := Small(t)
	r := open(t, b.Buf.Bytes())
	text, err := seal.Sign(key, index.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	build := func(n int) []byte {
		w := wire.NewWriter()
		for range n {
			index.AppendSignature(w, text)
		}
		p := append(bytes.Clone(b.Buf.Bytes()), w.Written()...)
		return index.Trailer{Root: r.RootAt, Magic: index.ArchiveMagic}.Append(p)
	}
	p := build(1)
	r = open(t, p)
	if r.SignedBy(pub) || len(r.Signatures()) != 1 {
		t.Error("a signature of another archive counts")
	}
	p = build(index.MaxSignatures + 1)
	_, err = NewReader(bytes.NewReader(p), int64(len(p)), Options{})
	if !isDamage(err) {
		t.Errorf("too many signatures: %v", err)
	}
}
