package campaign

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"hexz/internal/hostiletest"
	"hexz/pkg/blake"
	pkgstream "hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// lying returns an archive of a few streams with up to two lies in it. All digests are right, so
// that readers get as far as the lies. The index describes the body without the lies.
func lying(rng *rand.Rand) []byte {
	shape := rng.Uint64()
	total := 0
	build(shape, func(_ string, p []byte) []byte { total++; return p }, nil)
	lies := map[int]bool{}
	for range rng.IntN(3) {
		lies[rng.IntN(total)] = true
	}
	var index func(b *hostiletest.Builder)
	if len(lies) == 0 || rng.IntN(4) == 0 {
		index = func(b *hostiletest.Builder) { indexLies[rng.IntN(len(indexLies))](rng, b) }
	}
	n := -1
	return build(shape, func(_ string, p []byte) []byte {
		if n++; lies[n] {
			return frameLies[rng.IntN(len(frameLies))](rng, bytes.Clone(p))
		}
		return p
	}, index)
}

// headers are wrong values of the key "archive" of the header. Most archives have the value true.
var headers = []any{false, 1, "true", nil, "missing"}

// build makes an archive of that shape. Some shapes are lies in body and index alike.
func build(shape uint64, change func(what string, p []byte) []byte, index func(b *hostiletest.Builder)) []byte {
	rng := rand.New(rand.NewPCG(shape, 5))
	b := &hostiletest.Builder{Change: change}
	if rng.IntN(10) == 0 {
		b.PageLen = 1 + rng.IntN(3) // another index than it should be
	}
	meta := pkgstream.Meta{"archive": true, "stages": []any{pkgstream.Meta{"stage": "lies"}}}
	if n := rng.IntN(40); n < len(headers) {
		if meta["archive"] = headers[n]; meta["archive"] == "missing" {
			delete(meta, "archive")
		}
	}
	b.Frame(&pkgstream.Header{Meta: meta})
	misleads := rng.IntN(10) == 0
	var chunks [][]byte
	for i := range 1 + rng.IntN(3) {
		b.Open(int64(10-i), string(rune('a'+i)))
		for range rng.IntN(4) {
			var entries []pkgstream.Entry
			var raw []byte
			for range 1 + rng.IntN(4) {
				switch kind := rng.IntN(4); {
				case kind == 0:
					entries = append(entries, hostiletest.Zeros(pkgstream.EntryKind(1+rng.IntN(2)), 1+rng.Int64N(5000)))
				case kind == 1 && len(chunks) > 0:
					n := rng.IntN(len(chunks))
					ordinal := n
					if misleads {
						ordinal = rng.IntN(len(chunks) + 2)
					}
					entries = append(entries, hostiletest.Ref(chunks[n], int64(ordinal)))
				default:
					p := bytes.Repeat(noise(rng, 1+rng.IntN(20)), 1+rng.IntN(30))
					entries = append(entries, hostiletest.Data(p))
					raw, chunks = append(raw, p...), append(chunks, p)
				}
			}
			codec := "none"
			if len(raw) > 0 {
				codec = []string{"none", "zstd", "lz4", "s2"}[rng.IntN(4)]
			}
			b.Add(codec, raw, entries...)
		}
		b.Close()
	}
	b.End()
	if index != nil {
		index(b)
	}
	return b.Seal()
}

// frameLies change a frame.
var frameLies = []func(rng *rand.Rand, p []byte) []byte{
	func(rng *rand.Rand, p []byte) []byte { p[rng.IntN(len(p))] ^= 1 << rng.IntN(8); return p },
	func(rng *rand.Rand, p []byte) []byte { p[rng.IntN(min(len(p), 40))] ^= 1 << rng.IntN(8); return p },
	func(rng *rand.Rand, p []byte) []byte { p[rng.IntN(len(p))] = noise(rng, 1)[0]; return p },
	func(_ *rand.Rand, p []byte) []byte { return append(p, p...) },
	func(_ *rand.Rand, p []byte) []byte { return nil },
	func(rng *rand.Rand, p []byte) []byte { return append(p, ancillary(rng)...) },
	func(rng *rand.Rand, p []byte) []byte { return append(ancillary(rng), p...) },
	func(rng *rand.Rand, p []byte) []byte { return append(p, noise(rng, 1+rng.IntN(3))...) },
	func(rng *rand.Rand, p []byte) []byte { return append(p, make([]byte, 1+rng.IntN(600))...) },
	func(rng *rand.Rand, p []byte) []byte { return p[:rng.IntN(len(p))] },
	longer, longer, longer,
	swapped("\xc3", "\xc2"), swapped("\xc3", "\xc0"), swapped("\xa7archive", "\xa7Archive"), // of the header
	swapped("\x90", "\x91\xa9encrypted"), swapped("\x90", "\x92\xa1a\xa1a"), swapped("\xa6stages", "\xa7archive"),
	swapped("\xa6stages", "\xa6stages\xc0\xa6stages"), swapped("\x82\xa7archive", "\x83\xa1a\xc0\xa7archive"),
	swapped("\xa4none", "\xa4oone"), swapped("\xa4none", "\xa4zstd"), swapped("\x80", "\x81\xa3md5\xc4\x01a"), swapped("\x80", "\x81\xa1a\x01"),
	swapped("\x01", "\x02"), swapped("\x02", "\x01"), swapped("\x00", "\x01"), swapped("\x01", "\x00"),
}

// ancillary returns a frame that readers skip. Its map has a key twice.
func ancillary(rng *rand.Rand) []byte {
	w := wire.NewWriter()
	w.Array(2)
	w.Int(int64(128 + rng.IntN(2)))
	w.Raw([]byte("\x82\xa1k\x01\xa1k\x02"))
	return w.Written()
}

// swapped replaces a string by another, if the frame has it.
func swapped(from, to string) func(rng *rand.Rand, p []byte) []byte {
	return func(rng *rand.Rand, p []byte) []byte {
		n := bytes.Count(p, []byte(from))
		if n == 0 {
			return p
		}
		at := 0
		for range 1 + rng.IntN(min(n, 4)) {
			at += bytes.Index(p[at:], []byte(from)) + 1
		}
		return slices.Concat(p[:at-1], []byte(to), p[at-1+len(from):])
	}
}

// longer writes a small integer, or the head of a short array, map, string or byte string, in a
// longer form than necessary.
func longer(rng *rand.Rand, p []byte) []byte {
	for range 20 {
		at := rng.IntN(len(p))
		var form []byte
		switch c := p[at]; {
		case c < 0x80:
			form = []byte{0xcc, c}
		case c < 0x90:
			form = []byte{0xde, 0, c & 15}
		case c < 0xa0:
			form = []byte{0xdc, 0, c & 15}
		case c < 0xc0:
			form = []byte{0xd9, c & 31}
		case c == 0xc4 && at+1 < len(p):
			return slices.Concat(p[:at], []byte{0xc5, 0}, p[at+1:])
		default:
			continue
		}
		return slices.Concat(p[:at], form, p[at+1:])
	}
	return p
}

// indexLies change the index.
var indexLies = []func(rng *rand.Rand, b *hostiletest.Builder){
	func(rng *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Size += rng.Int64N(3) },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].ID++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Name += "~" },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Root[3]++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Digests = map[string][]byte{"md5": {1}} },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams = b.Info.Streams[1:] },
	func(_ *rand.Rand, b *hostiletest.Builder) { slices.Reverse(b.Info.Streams) },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Totals.Data.N++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Totals.Raw++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Totals.Stored++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Totals.Segments++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Meta["archive"] = true },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Meta["k"] = nil },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Features = []string{"encrypted"} },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Features = []string{"encrypted"} },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Features = []string{"a", "a"} },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Segments = append(b.Segments, b.Segments...) },
	func(rng *rand.Rand, b *hostiletest.Builder) {
		b.Move = func(lists [][]hostiletest.Page, _ *[2]int64) { moved(rng, lists[0]) }
	},
	func(rng *rand.Rand, b *hostiletest.Builder) {
		b.Move = func(_ [][]hostiletest.Page, areas *[2]int64) { areas[rng.IntN(2)] += rng.Int64N(3) - 1 }
	},
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Raw([]byte{0xc0}) },
	func(rng *rand.Rand, b *hostiletest.Builder) { b.Raw(ancillary(rng)) },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.End() },
	func(rng *rand.Rand, b *hostiletest.Builder) { b.Out = append(b.Out, noise(rng, 1)...) }, // between body and index
	func(rng *rand.Rand, b *hostiletest.Builder) { b.Out = append(b.Out, ancillary(rng)...) },
	func(rng *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Level += rng.IntN(2) },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Info.Streams[0].Holes++ },
	func(_ *rand.Rand, b *hostiletest.Builder) { b.Nodes = append(b.Nodes, nil) },
	segmentLie(func(s *hostiletest.Segment) { s.Before.Len++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Before.Digest[0]++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Pos++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Len-- }),
	segmentLie(func(s *hostiletest.Segment) { s.Digest[0]++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Offset++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Ordinal++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Stream++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Entries = s.Entries[1:] }),
	segmentLie(func(s *hostiletest.Segment) { s.Entries[0].Len++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Entries[0].Ordinal++ }),
	segmentLie(func(s *hostiletest.Segment) { s.Entries[0].Kind = pkgstream.Hole }),
	segmentLie(func(s *hostiletest.Segment) { s.Entries[0].Hash = blake.Sum(nil) }),
}

func moved(rng *rand.Rand, list []hostiletest.Page) {
	if len(list) > 0 {
		p := &list[rng.IntN(len(list))]
		for _, n := range []*int64{&p.At.Pos, &p.Entries.Pos, &p.Key[rng.IntN(4)]} {
			*n = max(*n+rng.Int64N(3)-1, 0)
		}
	}
}

func segmentLie(do func(s *hostiletest.Segment)) func(rng *rand.Rand, b *hostiletest.Builder) {
	return func(rng *rand.Rand, b *hostiletest.Builder) {
		if len(b.Segments) > 0 {
			do(&b.Segments[rng.IntN(len(b.Segments))])
		}
	}
}
