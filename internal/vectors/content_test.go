package vectors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

// part is a part of a content: bytes, or a run of zeros or a hole.
type part struct {
	kind overlay.Kind
	data []byte
}

func bytesOf(p []byte) part { return part{overlay.Data, p} }
func zeros(n int) part      { return part{overlay.Zero, make([]byte, n)} }
func hole(n int) part       { return part{overlay.Hole, make([]byte, n)} }

// input is a content of parts. It is a stage.Content.
type input struct {
	name  string
	parts []part
}

func (in *input) bytes() []byte {
	var p []byte
	for _, q := range in.parts {
		p = append(p, q.data...)
	}
	return p
}

func (in *input) Size() int64 { return int64(len(in.bytes())) }

func (in *input) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(in.bytes()).ReadAt(p, off)
}

func (in *input) Extent(off int64) (end int64, kind overlay.Kind, err error) {
	for _, p := range in.parts {
		if end += int64(len(p.data)); off < end {
			return end, p.kind, nil
		}
	}
	return 0, 0, fmt.Errorf("offset %d is behind the end", off)
}

func (in *input) source() stage.Source { return stage.ContentSource(in.name, in) }

// noise returns n bytes without any pattern.
func noise(n int, seed byte) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	return p
}

// text returns n bytes of lines of a few words, which compress.
func text(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	var p []byte
	for len(p) < n {
		word := rand.New(rand.NewPCG(rng.Uint64N(60), 2)).Uint32()
		p = fmt.Appendf(p, "%x", word)
		p = append(p, " \n"[min(rng.IntN(8), 1)^1])
	}
	return p[:n]
}

// records returns n bytes of records that gain from a dictionary.
func records(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 3))
	var p []byte
	for len(p) < n {
		word := rand.New(rand.NewPCG(rng.Uint64N(100), 4))
		p = fmt.Appendf(p, "%x %x %x %d\n", word.Uint64(), word.Uint64(), word.Uint64(), rng.IntN(1000))
	}
	return p[:n]
}

// numbers returns n bytes in which no 64 are those of another place, and which compress.
func numbers(n int) []byte {
	var p []byte
	for i := uint32(0); len(p) < n; i++ {
		p = binary.BigEndian.AppendUint32(p, i*0x01000193)
		p = append(p, bytes.Repeat([]byte{byte(i)}, 12)...)
	}
	return p[:n]
}

// changed returns parts with other bytes at an offset of the first one.
func changed(parts []part, at, n int) []part {
	parts = slices.Clone(parts)
	p := bytes.Clone(parts[0].data)
	copy(p[at:at+n], noise(n, byte(at)))
	parts[0] = bytesOf(p)
	return parts
}

// twoStreams has runs of zeros, holes, and chunks that stand twice in a stream and in both.
func twoStreams() []*input {
	a, b := text(9000, 1), noise(6000, 2)
	return []*input{
		{"disk", []part{bytesOf(a), zeros(8192), bytesOf(b), hole(20480), bytesOf(a), zeros(5000), hole(4096)}},
		{"memory", []part{hole(4096), bytesOf(b), zeros(4096), bytesOf(text(3000, 3)), bytesOf(a)}},
	}
}
