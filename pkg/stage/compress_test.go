package stage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"hexz/pkg/chunker"
	"hexz/pkg/codec"
)

// Where segments end depends on the chunks alone.
func TestRegroupingForgetsOldSegments(t *testing.T) {
	chunks := pipe(t, content(2<<20), cutting(ChunkOptions{}), dropping())
	want := pipe(t, chunks, encoding(CompressOptions{}), decompressing(1))
	for _, block := range []int{1, 20000, 5 << 20} {
		other := pipe(t, chunks, encoding(CompressOptions{Codec: codec.S2, Block: block}))
		if got := pipe(t, other, encoding(CompressOptions{}), decompressing(1)); !bytes.Equal(got, want) {
			t.Errorf("regrouped from blocks of %d it is another stream", block)
		}
	}
}

func TestDictionary(t *testing.T) {
	var in []byte
	rng := rand.New(rand.NewPCG(5, 5))
	for range 8000 { // lines out of 500, which seldom come twice in 4 KiB
		line := rand.New(rand.NewPCG(uint64(rng.IntN(500)), 0))
		in = fmt.Appendf(in, "%x %x %x %d\n", line.Uint64(), line.Uint64(), line.Uint64(), rng.IntN(1000))
	}
	var notes []string
	o := CompressOptions{Block: 4096, TrainDict: 16 << 10, Threads: 2, Note: func(s string) { notes = append(notes, s) }}
	chunks := pipe(t, in, cutting(ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	with := pipe(t, chunks, encoding(o), sealing())
	without := pipe(t, chunks, encoding(CompressOptions{Block: 4096}), sealing())
	if len(with) >= len(without) {
		t.Errorf("%d bytes with a dictionary, %d without: %v", len(with), len(without), notes)
	}
	if !bytes.Equal(restore(t, with), in) {
		t.Error("restored to something else")
	}
	for name, f := range map[string]filter{"cat": restoring(CatOptions{Threads: 2}), "decompress": decompressing(2), "dedup": dropping(), "compress": encoding(CompressOptions{})} {
		p := pipe(t, with, f)
		if name != "cat" {
			p = pipe(t, p, restoring(CatOptions{}))
		}
		if !bytes.Equal(p, in) {
			t.Errorf("%s: something else", name)
		}
	}
	// A dictionary that takes more than it saves is left out, whatever it gains.
	var mixed []byte
	for len(mixed) < 300000 {
		line := rand.New(rand.NewPCG(uint64(rng.IntN(500)), 0))
		mixed = fmt.Appendf(mixed, "%x %x %x\n", line.Uint64(), line.Uint64(), line.Uint64())
		for range 60 {
			mixed = append(mixed, []string{"alpha ", "bravo ", "charlie ", "delta ", "echo ", "foxtrot "}[rng.IntN(6)]...)
		}
	}
	big := CompressOptions{Block: 4096, TrainDict: 64 << 10, Note: o.Note}
	few := pipe(t, mixed, cutting(ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	notes = nil
	if a, b := pipe(t, few, encoding(big)), pipe(t, few, encoding(CompressOptions{Block: 4096})); !bytes.Equal(a, b) {
		t.Errorf("%d bytes with a dictionary, %d without: %q", len(a), len(b), notes)
	}
	// Noise is not worth a dictionary.
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	p := pipe(t, noise, cutting(ChunkOptions{}), encoding(o))
	if !bytes.Equal(p, pipe(t, noise, cutting(ChunkOptions{}), encoding(CompressOptions{Block: 4096}))) {
		t.Error("noise got a dictionary")
	}
}
