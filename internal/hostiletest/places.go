package hostiletest

import (
	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

func count(n, bytes int) index.Count { return index.Count{N: int64(n), Bytes: int64(bytes)} }

// again computes the digest of the range of a span anew.
func (b *Builder) again(s *Span) { s.Digest = blake.Sum(b.Out[s.Pos : s.Pos+s.Len]) }

// places returns cases with positions and ranges that are not where they should be.
func places() []Case {
	const body = "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok"
	move := func(change func(pages []Page)) func() []byte {
		return lying(func(b *Builder) {
			b.PageLen = 1
			b.Move = func(lists [][]Page, _ *[2]int64) { change(lists[0]) }
		})
	}
	area := func(change func(areas *[2]int64)) func() []byte {
		return lying(func(b *Builder) {
			b.Move = func(_ [][]Page, areas *[2]int64) { change(areas) }
		})
	}
	return []Case{
		{"segment past the end", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[0].Pos = 1 << 40 })},
		{"segment at 2^63 - 1", "corrupt dedup=ok", lying(func(b *Builder) { b.Segments[0].Pos = stream.MaxSize })},
		{"segment of 128 MiB", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[0].Len = 128 << 20 })},
		{"segment of 128 MiB + 1", "corrupt dedup=ok", lying(func(b *Builder) { b.Segments[0].Len = 128<<20 + 1 })},
		{"segment of 0 bytes", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[0].Len = 0; b.again(&b.Segments[0].Span) })},
		{"two segments in one place", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[1].Span = b.Segments[0].Span })},
		{"segments exchanged", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) {
			b.Segments[0].Span, b.Segments[1].Span = b.Segments[1].Span, b.Segments[0].Span
		})},
		{"segment that is a close frame", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[1].Span = b.endOf(b.Segments[1].Span) })},
		{"segments that overlap", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) {
			s := &b.Segments[0].Span
			s.Len += b.Segments[1].Len
			b.again(s)
		})},

		{"map pages exchanged", "corrupt dedup=ok", move(func(p []Page) { p[0].At, p[1].At = p[1].At, p[0].At })},
		{"map page twice", "corrupt dedup=ok", move(func(p []Page) { p[1].At = p[0].At })},
		{"map page past the end", "corrupt dedup=ok", move(func(p []Page) { p[2].At.Pos = 1 << 40 })},
		{"map page of 256 MiB", "corrupt dedup=ok", move(func(p []Page) { p[2].At.Len = 256 << 20 })},
		{"map page of 256 MiB + 1", "corrupt", move(func(p []Page) { p[2].At.Len = 256<<20 + 1 })},
		{"map page that is an entry page", "corrupt dedup=ok", move(func(p []Page) { p[1].At = p[1].Entries })},
		{"entry pages exchanged", "corrupt restore=ok", move(func(p []Page) { p[0].Entries, p[1].Entries = p[1].Entries, p[0].Entries })},
		{"entry page of the length of another", "corrupt restore=ok", move(func(p []Page) { p[0].Entries.Len = p[1].Entries.Len })},
		{"entry page past the end", "corrupt restore=ok", move(func(p []Page) { p[0].Entries.Pos = 1 << 40 })},
		{"range that ends behind 2^63 - 1", "corrupt", move(func(p []Page) { p[0].Entries.Pos = stream.MaxSize })},

		{"page that begins with another segment", "corrupt", move(func(p []Page) { p[1].Key[1]++ })},
		{"page that begins with another chunk", "corrupt dedup=ok", move(func(p []Page) { p[1].Key[2]-- })},
		{"page that begins with another number", "corrupt", move(func(p []Page) { p[1].Key[3]++ })},
		{"page that begins in another stream", "corrupt dedup=ok", move(func(p []Page) { p[2].Key[0] = 1 })},
		{"first page that begins with segment 1", "corrupt", move(func(p []Page) { p[0].Key[3] = 1 })},

		{"area longer by a byte", "corrupt", area(func(a *[2]int64) { a[0]++ })},
		{"area shorter by a byte", "corrupt", area(func(a *[2]int64) { a[0]-- })},
		{"area of 2^61", "corrupt", area(func(a *[2]int64) { a[0] = stream.MaxSize / 4 })},
		{"areas exchanged", "corrupt", area(func(a *[2]int64) { a[0], a[1] = a[1], a[0] })},
		{"area of nodes longer by a byte", "corrupt", area(func(a *[2]int64) { a[1]++ })},
		{"area longer than the file", "corrupt", area(func(a *[2]int64) { a[1] = 1 << 40 })},

		{"group with another digest", body, lying(func(b *Builder) { b.Segments[0].Before.Digest[0]++ })},
		{"group without a frame", body, lying(func(b *Builder) { b.Segments[0].Before.Len-- })},
		{"no group", body, lying(func(b *Builder) { b.Segments[0].Before.Len = 0 })},
		{"group where no frames are", body, lying(func(b *Builder) { b.Segments[1].Before = Span{Len: 1, Digest: blake.Sum(nil)} })},
		{"group before the file", "corrupt dedup=ok", lying(func(b *Builder) { b.Segments[0].Before.Len++ })},
		{"group of 2^63 - 1", "corrupt dedup=ok", lying(func(b *Builder) { b.Segments[0].Before.Len = stream.MaxSize })},
		{"rest longer by a byte", body, lying(func(b *Builder) { b.rest().Len++ })},
		{"rest with another digest", body, lying(func(b *Builder) { b.rest().Digest[0]++ })},
		{"no rest", body, lying(func(b *Builder) { b.Rest = &Span{Digest: blake.Sum(nil)} })},
		{"rest of 2^63 - 1", "corrupt", lying(func(b *Builder) { b.rest().Len = stream.MaxSize })},
	}
}

// endOf returns the frames between a segment and the next one.
func (b *Builder) endOf(s Span) Span {
	at := Span{Pos: s.Pos + s.Len, Len: b.Segments[2].Before.Len}
	b.again(&at)
	return at
}

// rest returns the frames after the last segment, which may then be changed.
func (b *Builder) rest() *Span {
	rest := b.group(0)
	b.Rest = &rest
	return b.Rest
}
