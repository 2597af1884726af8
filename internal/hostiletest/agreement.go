package hostiletest

import (
	"bytes"

	"hexz/pkg/stream"
)

// agreement returns archives whose body and index are each right, but do not agree.
func agreement() []Case {
	const all = "corrupt" // found by readers that compare both
	const late = all + " restore=ok inspect=ok dedup=ok diff=ok commit=ok"
	return []Case{
		{"name of a stream", late, lying(func(b *Builder) { b.Info.Streams[0].Name = "other" })},
		{"two names", "corrupt", lying(func(b *Builder) { b.Info.Streams[2].Name = "disk" })},
		{"name that is not UTF-8", "corrupt", lying(func(b *Builder) { b.Info.Streams[0].Name = "\xff" })},
		{"name that is empty", "corrupt", lying(func(b *Builder) { b.Info.Streams[0].Name = "" })},
		{"two ids", "corrupt", lying(func(b *Builder) { b.Info.Streams[1].ID = 3 })},
		{"id of a stream", late + " restore=corrupt", lying(func(b *Builder) { b.Info.Streams[0].ID = 9 })},
		{"root of a stream", late + " commit=ok", lying(func(b *Builder) { b.Info.Streams[0].Root[0]++ })},
		{"size of a stream", all, lying(func(b *Builder) { b.Info.Streams[0].Size++ })},
		{"size of an empty stream", late + " restore=corrupt dedup=corrupt diff=corrupt commit=corrupt", lying(func(b *Builder) { b.Info.Streams[1].Size = 1 })},
		{"size of 2^63 - 1", all, lying(func(b *Builder) { b.Info.Streams[0].Size = stream.MaxSize })},
		{"digest that nobody knows", late, lying(func(b *Builder) { b.Info.Streams[0].Digests = map[string][]byte{"md5": {1}} })},
		{"digest that is wrong", late, lying(func(b *Builder) { b.Info.Streams[0].Digests = map[string][]byte{"sha256": make([]byte, 32)} })},
		{"chunker", late, lying(func(b *Builder) { b.Info.Streams[0].Chunker = stream.Meta{"name": 7} })},
		{"meta", late, lying(func(b *Builder) { b.Info.Meta["stages"] = "none" })},
		{"count of data", all, lying(func(b *Builder) { b.Info.Totals.Data.N++ })},
		{"count of data of 2^63 - 1", all, lying(func(b *Builder) { b.Info.Totals.Data.N = stream.MaxSize })},
		{"bytes of data of 2^63 - 1", late, lying(func(b *Builder) { b.Info.Totals.Data.Bytes = stream.MaxSize })},
		{"count of references", late + " commit=corrupt", lying(func(b *Builder) { b.Info.Totals.Ref.N = 0 })},
		{"count of segments", all, lying(func(b *Builder) { b.Info.Totals.Segments++ })},
		{"codecs", late, lying(func(b *Builder) { b.Info.Totals.Codecs["zstd"] = count(1<<40, 1) })},
		{"offset of a segment", all + " dedup=ok", lying(func(b *Builder) { b.Segments[1].Offset++ })},
		{"offset of the first segment", all, lying(func(b *Builder) { b.Segments[0].Offset = 1 })},
		{"stream of a segment", all + " dedup=ok", lying(func(b *Builder) { b.Segments[2].Stream = 1 })},
		{"stream that is not there", all + " dedup=ok", lying(func(b *Builder) { b.Segments[2].Stream = 3 })},
		{"segments of one key", all + " dedup=ok", lying(func(b *Builder) { b.Segments[1].Offset = 0 })},
		{"ordinal of a segment", all + " dedup=ok", lying(func(b *Builder) { b.Segments[1].Ordinal = 1 })},
		{"ordinal that decreases", all + " dedup=ok", lying(func(b *Builder) { b.Segments[2].Ordinal = 0 })},
		{"pages without the first segment", "corrupt", swap("info", func(p []byte) []byte { p[len(p)-1] = 5; return p })},
		{"hash of a chunk", late, lying(func(b *Builder) { b.Segments[0].Entries[0].Hash[0]++ })},
		{"kind of a run", late, lying(func(b *Builder) { b.Segments[0].Entries[1].Kind = stream.Hole })},
		{"reference of the index", late + " diff=corrupt", lying(func(b *Builder) { b.Segments[2].Entries[0].Ordinal = 2 })},
		{"features of the root", "corrupt", lying(func(b *Builder) { b.Features = []string{"teleport"} })},
		{"features of the info", "corrupt", lying(func(b *Builder) { b.Info.Features = []string{"teleport"} })},
		{"encrypted, says the root", "corrupt", lying(func(b *Builder) { b.Features = []string{stream.FeatureEncrypted} })},
		{"features of the header", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", func() []byte {
			b := &Builder{}
			b.Frame(&stream.Header{Features: []string{"teleport"}, Meta: stream.Meta{"archive": true}})
			b.Info.Features = nil
			return b.Seal()
		}},
		{"frame behind the end", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) { b.End(); b.End() })},
		{"no end", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(*Builder) {})},
		{"two streams of one id", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) {
			b.Open(1, "disk")
			b.Close()
			b.Open(1, "other")
			b.Close()
			b.End()
			b.Info.Streams[1].ID = 2
		})},
		{"two streams of one name", "corrupt", body(func(b *Builder) {
			b.Open(1, "disk")
			b.Close()
			b.Open(2, "disk")
			b.Close()
			b.End()
		})},
		{"abort in an archive", "corrupt scan=aborted cat=aborted restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) {
			b.Raw(Encode(&stream.Abort{Stage: "a", Message: "b"}))
		})},
		{"65472 zeros behind the trailer", "ok", swap("trailer", func(p []byte) []byte { return append(p, make([]byte, 65472)...) })},
		{"65473 zeros behind the trailer", "corrupt", swap("trailer", func(p []byte) []byte { return append(p, make([]byte, 65473)...) })},
		{"another trailer in what is cut", "corrupt", swap("trailer", func(p []byte) []byte {
			other := bytes.Clone(p)
			other[40]++
			return append(append(p, 0xc6, 0, 1, 0, 0), withCheck(other)...)
		})},
		{"9000 trailers", "corrupt", swap("trailer", func(p []byte) []byte { return bytes.Repeat(p, 9000) })},
		{"a byte string of 1 MiB behind the trailer", "corrupt", swap("trailer", func(p []byte) []byte {
			return append(append(p, 0xc6, 0, 0x10, 0, 0), make([]byte, 1<<20)...)
		})},
	}
}
