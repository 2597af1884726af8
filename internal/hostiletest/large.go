package hostiletest

import (
	"bytes"
	"fmt"
	"slices"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// Large returns cases that test memory and time: much content in a small file, or the greatest
// allowed number of something. The stream to restore is "disk".
func Large() []Case {
	streams := func(n int) func() []byte {
		return body(func(b *Builder) {
			for i := range n {
				b.Open(int64(i), fmt.Sprint("disk", i))
				b.Close()
			}
			b.End()
		})
	}
	return []Case{
		{"a million runs", "ok", disk(func(b *Builder) {
			b.Add("none", nil, slices.Repeat([]stream.Entry{Zeros(stream.Zero, 1), Zeros(stream.Hole, 1)}, stream.MaxEntries/2)...)
		})},
		{"a quarter of a million references", "ok", disk(func(b *Builder) {
			b.Add("none", []byte("x"), Data([]byte("x")))
			b.Add("none", nil, slices.Repeat([]stream.Entry{Ref([]byte("x"), 0)}, 1<<18)...)
		})},
		{"65536 streams", "ok", streams(stream.MaxStreams)},
		{"65537 streams", "corrupt", streams(stream.MaxStreams + 1)},
		{"300 pages", "ok", many(func(*Builder) {})},
		{"directory page of another number", "corrupt", many(func(b *Builder) {
			b.Change = replace("directory", func(p []byte) []byte { p[4] ^= 1; return p })
		})},
		{"directory page with bytes behind", "corrupt", many(func(b *Builder) {
			b.Change = replace("directory", func(p []byte) []byte { return append(p, 0) })
		})},
		{"directory page with a page twice", "corrupt", many(func(b *Builder) {
			b.List = func(_, _ int, pages []Page) { pages[1] = pages[0] }
		})},
		{"directory page with another segment", "corrupt", many(func(b *Builder) {
			b.List = func(_, n int, pages []Page) { pages[n].Key[1]++ }
		})},
		{"directory page with another number of segments", "corrupt dedup=ok", many(func(b *Builder) {
			b.List = func(_, _ int, pages []Page) { pages[1].Key[3]++ }
		})},
		{"directory page with pages past the end", "corrupt", many(func(b *Builder) {
			b.List = func(_, _ int, pages []Page) { pages[1].At.Pos, pages[1].Entries.Pos = 1<<40, 1<<40 }
		})},
		{"references to 60 segments of 64 MiB", "ok", body(func(b *Builder) {
			chunk := make([]byte, stream.MaxChunk)
			e, four := Data(chunk), make([]stream.Entry, 4)
			for i := range four {
				four[i] = e
			}
			payload := packed("zstd", make([]byte, stream.MaxPayload))
			b.Open(1, "bombs")
			var refs []stream.Entry
			for n := range 60 {
				b.AddSegment(&stream.Segment{Entries: four, Codec: "zstd", RawLen: stream.MaxPayload, Payload: payload})
				refs = append(refs, stream.Entry{Kind: stream.Ref, Len: e.Len, Hash: e.Hash, Ordinal: int64(4 * n)})
			}
			b.Close()
			b.Open(2, "disk")
			b.Add("none", nil, refs...)
			b.Close()
			b.End()
		})},
		{"100 references to 16 MiB", "ok", disk(func(b *Builder) {
			chunk := make([]byte, stream.MaxChunk)
			b.Add("zstd", chunk, Data(chunk))
			b.Add("none", nil, slices.Repeat([]stream.Entry{Ref(chunk, 0)}, 100)...)
		})},
		{"meta of a million maps", "ok", func() []byte {
			b := &Builder{}
			list := slices.Repeat([]any{stream.Meta{}}, 1000000)
			b.Frame(&stream.Header{Meta: stream.Meta{"archive": true, "m": list}})
			b.Open(1, "disk")
			b.Close()
			b.End()
			return b.Seal()
		}},
		{"a million index pages", "corrupt dedup=ok", swap("map", func(p []byte) []byte { return append(p, bytes.Repeat([]byte{0x90}, 3000000)...) })},
		{"a million ancillary frames", "ok", disk(func(b *Builder) {
			for range 1000000 {
				b.Raw([]byte{0x91, 0xcc, 0x80})
			}
		})},
	}
}

// many makes an archive whose index has so many pages that it needs directory pages.
func many(change func(b *Builder)) func() []byte {
	return disk(func(b *Builder) {
		for range 300 * 256 {
			b.Add("none", nil, Zeros(stream.Zero, 1))
		}
		change(b)
	})
}

// packed returns the encoding of p.
func packed(name string, p []byte) []byte {
	enc, err := codec.NewEncoder(codec.Options{Name: name, Threads: 1})
	if err != nil {
		panic(err)
	}
	_, out := enc.Encode(nil, p)
	return out
}
