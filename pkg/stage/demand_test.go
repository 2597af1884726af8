package stage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Whoever demands a signature gets nothing that passes for whole without it.
func TestDemandedSignatures(t *testing.T) {
	pub, key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	p := content(50_000)
	cut := pipe(t, p, cutting(ChunkOptions{}))
	unsigned := pipe(t, cut, sealing())
	signed := pipe(t, cut, func(dst io.Writer, src io.Reader) error {
		_, err := Seal(context.Background(), dst, src, SealOptions{Sign: []seal.SecretKey{key}})
		return err
	})
	for name, c := range map[string]struct {
		in   []byte
		keys []seal.PublicKey
		ok   bool
	}{
		"signed":       {signed, []seal.PublicKey{pub}, true},
		"not demanded": {unsigned, nil, true},
		"unsigned":     {unsigned, []seal.PublicKey{pub}, false},
		"by another":   {signed, []seal.PublicKey{other}, false},
		"not by all":   {signed, []seal.PublicKey{pub, other}, false},
		"a stream":     {cut, []seal.PublicKey{pub}, false},
	} {
		var stream1, plain bytes.Buffer
		out := NewPlainOutput(&plain)
		_, unsealErr := Unseal(t.Context(), &stream1, bytes.NewReader(c.in), UnsealOptions{SignedBy: c.keys})
		errs := map[string]error{
			"Unseal":    unsealErr,
			"CatStream": CatStream(t.Context(), out, bytes.NewReader(c.in), CatOptions{SignedBy: c.keys}),
		}
		if name != "a stream" {
			plain.Reset()
			errs["Cat"] = Cat(t.Context(), out, openArchive(t, c.in), CatOptions{SignedBy: c.keys})
			if !c.ok && plain.Len() > 0 {
				t.Errorf("%s: Cat wrote %d bytes", name, plain.Len())
			}
		}
		for what, err := range errs {
			if c.ok && err != nil || !c.ok && (!errors.Is(err, archive.ErrUnsigned) || errors.Is(err, stream.ErrCorrupt)) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if !c.ok {
			if _, err := Seal(t.Context(), io.Discard, &stream1, SealOptions{}); !errors.Is(err, stream.ErrAborted) {
				t.Errorf("%s: what Unseal wrote can be sealed: %v", name, err)
			}
		}
	}
}
