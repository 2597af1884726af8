package hostiletest

import (
	"bytes"
	"fmt"
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// entries returns cases of segment entries that lie, in the body and the index alike.
func entries() []Case {
	const found = "corrupt inspect=ok dedup=ok"
	refs := func(e stream.Entry) func() []byte {
		return disk(func(b *Builder) { b.Add("none", alpha, Data(alpha), e) })
	}
	long := Ref(alpha, 0)
	long.Len++
	short := Ref(alpha, 0)
	short.Len--
	return []Case{
		{"reference forward", "corrupt inspect=ok restore=ok", disk(func(b *Builder) {
			b.Add("none", alpha, Ref(beta, 1), Data(alpha))
			b.Add("none", beta, Data(beta))
		})},
		{"reference to itself", found + " dedup=corrupt", refs(Ref(beta, 1))},
		{"reference to chunk 2^63 - 1", found + " dedup=corrupt", refs(Ref(alpha, stream.MaxSize))},
		{"reference to another chunk", found + " scan=ok commit=ok diff=corrupt", refs(long)},
		{"reference that is shorter", found + " scan=ok commit=ok diff=corrupt", refs(short)},
		{"reference with another hash", "corrupt scan=ok inspect=ok dedup=ok diff=ok commit=ok", refs(Ref(bytes.ToUpper(alpha), 0))},
		{"reference without an ordinal", found + " dedup=corrupt", refs(Ref(alpha, stream.NoOrdinal))},
		{"data of no bytes", "corrupt", disk(func(b *Builder) { b.Add("none", alpha, Data(alpha), Data(nil)) })},
		{"data of no bytes, in the index", "corrupt restore=ok", lying(func(b *Builder) {
			b.Segments[0].Entries = append(slices.Clone(b.Segments[0].Entries), Data(nil))
		})},
		{"run of no bytes", "corrupt", disk(func(b *Builder) { b.Add("none", alpha, Data(alpha), Zeros(stream.Zero, 0)) })},
		{"lengths that overflow", "corrupt", disk(func(b *Builder) {
			b.Add("none", alpha, Data(alpha), Zeros(stream.Zero, stream.MaxSize), Zeros(stream.Hole, stream.MaxSize), Zeros(stream.Zero, 2), Zeros(stream.Hole, 10))
			b.Info.Totals.Zero.Bytes, b.Info.Totals.Hole.Bytes = stream.MaxSize, stream.MaxSize
		})},
		{"segment without entries", "corrupt dedup=ok", disk(func(b *Builder) {
			b.Add("none", nil)
			b.Add("none", alpha, Data(alpha))
		})},
		{"hash that is wrong", "corrupt scan=ok inspect=ok dedup=ok diff=ok commit=ok", disk(func(b *Builder) { b.Add("none", alpha, Data(bytes.ToUpper(alpha))) })},
		{"2^20 + 1 runs", "corrupt", disk(func(b *Builder) {
			b.Add("none", nil, slices.Repeat([]stream.Entry{Zeros(stream.Zero, 1)}, stream.MaxEntries+1)...)
		})},
	}
}

// payloads returns cases of payloads and dictionaries that lie.
func payloads() []Case {
	const found = "corrupt scan=ok inspect=ok dedup=ok diff=ok commit=ok"
	segment := func(name string, payload []byte, n int) func() []byte {
		return disk(func(b *Builder) {
			e := Data(make([]byte, n))
			b.AddSegment(&stream.Segment{Entries: []stream.Entry{e}, Codec: name, RawLen: n, Payload: payload})
		})
	}
	zeros := func(name string, n int) []byte { return packed(name, make([]byte, n)) }
	bomb := append([]byte("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x04"), 1|1<<1, 0, 0x20, 'a') // claims 64 MiB
	window := []byte("\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00")                             // of 2 TiB
	dict := func(id int64, p []byte) func() []byte {
		return disk(func(b *Builder) {
			b.Frame(&stream.Dict{ID: id, Bytes: p})
			b.Add("none", alpha, Data(alpha))
		})
	}
	const dictFound = "corrupt" // opening needs the dictionary
	list := []Case{
		{"unknown codec", "codec scan=ok inspect=ok dedup=ok diff=ok commit=ok", segment("brotli", alpha, 100)},
		{"unknown codec by a flipped bit", "corrupt inspect=ok dedup=ok diff=ok commit=ok", func() []byte {
			return bytes.Replace(segment("none", alpha, len(alpha))(), []byte("\xa4none"), []byte("\xa4oone"), 1)
		}},
		{"zstd that says 64 MiB", found, segment("zstd", bomb, 16<<20)},
		{"zstd with a window of 2 TiB", found, segment("zstd", window, 100)},
		{"s2 that says 4 GiB", found, segment("s2", []byte("\xff\xff\xff\xff\x0f\x00a"), 1000)},
		{"lz4 that is too short for 16 MiB", found, segment("lz4", zeros("lz4", 1<<20), 16<<20)},
		{"nothing, encoded", "corrupt inspect=ok dedup=ok diff=ok commit=ok", disk(func(b *Builder) {
			b.AddSegment(&stream.Segment{Entries: []stream.Entry{Zeros(stream.Zero, 1)}, Codec: "zstd", Payload: window})
		})},
		{"dictionary of garbage", dictFound, dict(7, alpha)},
		{"dictionary with the id 2^63 - 1", dictFound, dict(stream.MaxSize, alpha)},
		{"dictionary of 1 MiB + 1", "corrupt", dict(7, make([]byte, 1<<20+1))},
		{"dictionary that is a segment", "corrupt", lying(func(b *Builder) { b.Dicts = []Dict{{7, b.Segments[0].Span}} })},
		{"dictionary past the end", "corrupt", lying(func(b *Builder) { b.Dicts = []Dict{{7, Span{Pos: 1 << 40, Len: 9}}} })},
	}
	for _, name := range []string{"zstd", "lz4", "s2"} {
		for what, n := range map[string]int{"shorter": 999, "longer": 1001} {
			list = append(list, Case{fmt.Sprintf("%s that is %s", name, what), found, segment(name, zeros(name, n), 1000)})
		}
		list = append(list, Case{name + " bomb of 16 MiB", found, segment(name, zeros(name, 16<<20), 100)})
		list = append(list, Case{name + " of 16 MiB", "ok", segment(name, zeros(name, 16<<20), 16<<20)})
	}
	return list
}

// parents returns cases of thin archives.
func parents() []Case {
	id := func(i int) (h stream.Hash) { return blake.Sum(fmt.Append(nil, i)) }
	thin := func(n int, entries ...stream.Entry) func() []byte {
		return body(func(b *Builder) {
			for i := range n {
				b.Frame(&stream.Parent{Index: int64(i), ID: id(i), Hint: "../\x1b[31m\u009b\xff"})
			}
			b.Open(1, "disk")
			b.Add("none", nil, entries...)
			b.Close()
			b.End()
		})
	}
	from := func(parent int32, ordinal int64) stream.Entry {
		e := Ref(alpha, ordinal)
		e.Kind, e.Parent = stream.ParentRef, parent
		return e
	}
	node := func(level uint8, parent int32, n, offset int64) stream.Entry {
		return stream.Entry{Kind: stream.NodeRef, Level: level, Parent: parent, Len: n, Hash: id(9), Ordinal: stream.NoOrdinal, Offset: offset}
	}
	return []Case{
		{"node of a parent that is missing", "parent scan=ok inspect=ok dedup=ok", thin(1, node(1, 0, 1<<40, 0))},
		{"node of a parent that is not named", "corrupt", thin(1, node(1, 1, 1000, 0))},
		{"node above the highest level", "corrupt", thin(1, node(stream.MaxLevel+1, 0, 1000, 0))},
		{"node of no bytes", "corrupt restore=ok dedup=ok diff=ok", thin(1, node(1, 0, 0, 0))},
		{"node that ends at 2^63", "corrupt", thin(1, node(1, 0, 1000, stream.MaxSize-999))},
		{"node after a run", "corrupt restore=parent inspect=ok diff=parent", thin(1, Zeros(stream.Zero, 10), node(0, 0, 1000, 0))},
		{"parent that is missing", "parent scan=ok inspect=ok dedup=ok diff=ok commit=ok", thin(1, from(0, 0))},
		{"1024 parents", "parent scan=ok inspect=ok dedup=corrupt diff=ok commit=corrupt", thin(1024, from(1023, stream.MaxSize))},
		{"1025 parents", "corrupt", thin(1025, from(0, 0))},
		{"parent that is not named", "corrupt", thin(1, from(1, 0))},
		{"parent twice", "corrupt restore=parent inspect=ok dedup=ok diff=ok", body(func(b *Builder) {
			b.Frame(&stream.Parent{Index: 0, ID: id(0)})
			b.Frame(&stream.Parent{Index: 1, ID: id(0)})
			b.Open(1, "disk")
			b.Add("none", nil, from(1, 0))
			b.Close()
			b.End()
		})},
	}
}

// limits returns archives at a limit and beyond it.
func limits() []Case {
	meta := func(n int) func() []byte {
		return func() []byte {
			b := &Builder{}
			m := deep(n)
			m["archive"] = true
			b.Frame(&stream.Header{Meta: m})
			b.End()
			return b.Seal()
		}
	}
	return []Case{
		{"meta of 16 levels", "ok", meta(16)},
		{"meta of 17 levels", "corrupt", meta(17)},
		{"a page for each segment", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", disk(func(b *Builder) {
			b.PageLen = 1
			for range 200 {
				b.Add("none", nil, Zeros(stream.Zero, 1))
			}
		})},
		{"255 segments in a page", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", disk(func(b *Builder) {
			b.PageLen = 255
			for range 256 {
				b.Add("none", nil, Zeros(stream.Zero, 1))
			}
		})},
		{"257 segments in a page", "corrupt", disk(func(b *Builder) {
			b.PageLen = 257
			for range 257 {
				b.Add("none", nil, Zeros(stream.Zero, 1))
			}
		})},
		{"segment beyond 2^63 - 1", "corrupt restore=ok diff=ok", body(func(b *Builder) {
			b.Open(1, "disk")
			b.Add("none", nil, Zeros(stream.Hole, stream.MaxSize))
			b.AddSegment(&stream.Segment{Entries: []stream.Entry{Zeros(stream.Hole, 1)}, Codec: "none"})
			b.Frame(&stream.Close{ID: 1, Size: stream.MaxSize})
			b.Info.Totals.Hole.Bytes = stream.MaxSize
		})},
	}
}
