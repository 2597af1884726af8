package stage_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
)

// Where segments end depends on the chunks alone.
func TestRegroupingForgetsOldSegments(t *testing.T) {
	chunks := stagetest.Pipe(t, stagetest.Content(2<<20), stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping())
	want := stagetest.Pipe(t, chunks, stagetest.Encoding(stage.CompressOptions{}), stagetest.Decompressing(1))
	for _, block := range []int{1, 20000, 5 << 20} {
		other := stagetest.Pipe(t, chunks, stagetest.Encoding(stage.CompressOptions{Codec: codec.S2, Block: block}))
		if got := stagetest.Pipe(t, other, stagetest.Encoding(stage.CompressOptions{}), stagetest.Decompressing(1)); !bytes.Equal(got, want) {
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
	o := stage.CompressOptions{Block: 4096, TrainDict: 16 << 10, Threads: 2, Note: func(s string) { notes = append(notes, s) }}
	chunks := stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	with := stagetest.Pipe(t, chunks, stagetest.Encoding(o), stagetest.Sealing())
	without := stagetest.Pipe(t, chunks, stagetest.Encoding(stage.CompressOptions{Block: 4096}), stagetest.Sealing())
	if len(with) >= len(without) {
		t.Errorf("%d bytes with a dictionary, %d without: %v", len(with), len(without), notes)
	}
	if !bytes.Equal(stagetest.Restore(t, with), in) {
		t.Error("restored to something else")
	}
	for name, f := range map[string]stagetest.Filter{"cat": stagetest.Restoring(restore.Options{Threads: 2}), "decompress": stagetest.Decompressing(2), "dedup": stagetest.Dropping(), "compress": stagetest.Encoding(stage.CompressOptions{})} {
		p := stagetest.Pipe(t, with, f)
		if name != "cat" {
			p = stagetest.Pipe(t, p, stagetest.Restoring(restore.Options{}))
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
	big := stage.CompressOptions{Block: 4096, TrainDict: 64 << 10, Note: o.Note}
	few := stagetest.Pipe(t, mixed, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Min: 512, Avg: 1024, Max: 4096}}))
	notes = nil
	if a, b := stagetest.Pipe(t, few, stagetest.Encoding(big)), stagetest.Pipe(t, few, stagetest.Encoding(stage.CompressOptions{Block: 4096})); !bytes.Equal(a, b) {
		t.Errorf("%d bytes with a dictionary, %d without: %q", len(a), len(b), notes)
	}
	// Noise is not worth a dictionary.
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	p := stagetest.Pipe(t, noise, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Encoding(o))
	if !bytes.Equal(p, stagetest.Pipe(t, noise, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Encoding(stage.CompressOptions{Block: 4096}))) {
		t.Error("noise got a dictionary")
	}
}
