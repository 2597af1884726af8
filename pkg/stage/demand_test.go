package stage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/index"
	"hexz/pkg/restore"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// A caller that demands a signature gets no output that passes for whole without it.
func TestDemandedSignatures(t *testing.T) {
	pub, key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	p := stagetest.Content(50_000)
	cut := stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}))
	unsigned := stagetest.Pipe(t, cut, stagetest.Sealing())
	signed := stagetest.Pipe(t, cut, func(dst io.Writer, src io.Reader) error {
		_, err := stage.Seal(context.Background(), dst, src, stage.SealOptions{Sign: []seal.SecretKey{key}})
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
		out := restore.NewPlainOutput(&plain)
		_, unsealErr := stage.Unseal(t.Context(), &stream1, bytes.NewReader(c.in), stage.UnsealOptions{SignedBy: c.keys})
		errs := map[string]error{
			"Unseal":         unsealErr,
			"restore.Stream": restore.Stream(t.Context(), out, bytes.NewReader(c.in), restore.Options{SignedBy: c.keys}),
		}
		if name != "a stream" {
			plain.Reset()
			errs["Cat"] = restore.Archive(t.Context(), out, stagetest.OpenArchive(t, c.in), restore.Options{SignedBy: c.keys})
			if !c.ok && plain.Len() > 0 {
				t.Errorf("%s: Cat wrote %d bytes", name, plain.Len())
			}
		}
		for what, err := range errs {
			if c.ok && err != nil || !c.ok && (!errors.Is(err, index.ErrUnsigned) || errors.Is(err, stream.ErrCorrupt)) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if !c.ok {
			if _, err := stage.Seal(t.Context(), io.Discard, &stream1, stage.SealOptions{}); !errors.Is(err, stream.ErrAborted) {
				t.Errorf("%s: what Unseal wrote can be sealed: %v", name, err)
			}
		}
	}
}
