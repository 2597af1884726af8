package hostiletest

import (
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

func count(n, bytes int) index.Count { return index.Count{N: int64(n), Bytes: int64(bytes)} }

// again computes the digest of the range of a span anew.
func (b *Builder) again(s *Span) { s.Digest = blake.Sum(b.Out[s.Pos : s.Pos+s.Len]) }

// places returns cases with positions and ranges that are not where they should be.
func places() []Case {
	runs := func(change func(r []Run) []Run) func() []byte {
		return lying(func(b *Builder) {
			b.Seal()
			r := change(slices.Clone(b.Runs))
			*b = *Sound()
			b.Runs = r
		})
	}
	move := func(change func(maps, entries []Span)) func() []byte {
		return lying(func(b *Builder) { b.PageLen, b.Move = 1, change })
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
		{"segment that is a close frame", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) { b.Segments[1].Span = b.frames[4] })},
		{"segments that overlap", "corrupt inspect=ok dedup=ok diff=ok commit=ok", lying(func(b *Builder) {
			s := &b.Segments[0].Span
			s.Len += b.Segments[1].Len
			b.again(s)
		})},

		{"map pages exchanged", "corrupt dedup=ok", move(func(m, _ []Span) { m[0], m[1] = m[1], m[0] })},
		{"map page twice", "corrupt dedup=ok", move(func(m, _ []Span) { m[1] = m[0] })},
		{"map page past the end", "corrupt dedup=ok", move(func(m, _ []Span) { m[2].Pos = 1 << 40 })},
		{"map page of 256 MiB", "corrupt dedup=ok", move(func(m, _ []Span) { m[2].Len = 256 << 20 })},
		{"map page of 256 MiB + 1", "corrupt", move(func(m, _ []Span) { m[2].Len = 256<<20 + 1 })},
		{"map page that is an entry page", "corrupt dedup=ok", move(func(m, e []Span) { m[1] = e[1] })},
		{"entry pages exchanged", "corrupt restore=ok", move(func(_, e []Span) { e[0], e[1] = e[1], e[0] })},
		{"entry page in the body", "corrupt restore=ok", lying(func(b *Builder) {
			b.Move = func(_, e []Span) { e[0] = b.frames[2] }
		})},
		{"range that ends behind 2^63 - 1", "corrupt", move(func(_, e []Span) { e[0].Pos = stream.MaxSize })},

		{"runs with a gap", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run { r[0].Pos++; r[0].Len--; return r })},
		{"run twice", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run { return append(r, r[0]) })},
		{"no runs", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run { return r[:0:0] })},
		{"run of no frames", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run { r[0].Frames = 0; return r })},
		{"run of too many frames", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run { r[0].Frames++; return r })},
		{"run of 1025 frames", "corrupt", runs(func(r []Run) []Run { r[0].Frames = 1025; return r })},
		{"empty runs", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", runs(func(r []Run) []Run {
			return append(slices.Repeat([]Run{{Span{Digest: blake.Sum(nil)}, 1024}}, 100000), r...)
		})},
	}
}
