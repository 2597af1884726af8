package hostiletest

import (
	"bytes"
	"encoding/binary"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Heads of values that promise more bytes than there are.
var (
	longBytes = []byte{0xc6, 0x03, 0xff, 0xff, 0xff} // 64 MiB - 1
	longArray = []byte{0xdd, 0x00, 0x0f, 0xff, 0xff} // 2^20 - 1
	hugeArray = []byte{0xdd, 0xff, 0xff, 0xff, 0xff}
	hugeBytes = []byte{0xc6, 0xff, 0xff, 0xff, 0xff}
	hugeText  = []byte{0xdb, 0xff, 0xff, 0xff, 0xff}
	hugeMap   = []byte{0xdf, 0xff, 0xff, 0xff, 0xff}
)

// lengths returns cases of values that promise more bytes than there are, or fewer.
func lengths() []Case {
	frame := func(kind int64, arity int, rest ...[]byte) []byte {
		w := head(kind, arity)
		w.Raw(bytes.Join(rest, nil))
		return w.Written()
	}
	// The index has the segment with the length of its frame, and the lie is inside the frame.
	segment := func(lie []byte) func() []byte {
		return disk(func(b *Builder) {
			at := b.Raw(lie)
			b.Segments = append(b.Segments, Segment{Span: at, Entries: []stream.Entry{Data(alpha)}})
			b.Info.Totals.Data, b.Info.Totals.Segments = count(1, len(alpha)), 1
			b.at = int64(len(alpha))
		})
	}
	one := values(func(w *wire.Writer) { stream.AppendEntries(w, []stream.Entry{Data(alpha)}, true) })
	number := values(func(w *wire.Writer) { w.Int(1) })
	zero := []byte{0}
	raw := values(func(w *wire.Writer) { w.String("none"); w.Int(int64(len(alpha))) })
	in := func(p []byte) func([]byte) []byte { return func([]byte) []byte { return p } }
	tail := func(change func(p []byte)) func() []byte {
		return swap("trailer", func(p []byte) []byte { change(p); return p })
	}
	return []Case{
		{"sound", "ok", lying(func(*Builder) {})},
		{"payload promises 64 MiB", "corrupt scan=truncated cat=truncated inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, one, raw, longBytes, alpha))},
		{"payload promises 4 GiB", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, one, raw, hugeBytes, alpha))},
		{"payload shorter than its frame", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, one, raw, []byte{0xc4, 9}, alpha))},
		{"entries promise 2^20", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, longArray, one[1:], raw))},
		{"entries promise 2^32", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, hugeArray, one[1:], raw))},
		{"codec promises 4 GiB", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, one, hugeText))},
		{"raw length of 64 MiB + 1", "corrupt inspect=ok dedup=ok diff=ok commit=ok", segment(frame(3, 7, number, zero, one, values(func(w *wire.Writer) { w.String("zstd"); w.Int(64<<20 + 1); w.Bytes(alpha) })))},
		{"name promises 4 GiB", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) { b.Raw(frame(2, 5, number, hugeText)) })},
		{"meta promises 2^32 pairs", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) { b.Raw(frame(2, 5, number, []byte{0xa1, 'x', 0xc0}, hugeMap)) })},
		{"ancillary frame promises 4 GiB", "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok", body(func(b *Builder) { b.Raw(frame(200, 2, hugeBytes)); b.End() })},

		{"map page promises spans", "corrupt dedup=ok", swap("map", in(frame(16, 4, zero, []byte{0xdc, 1, 0}, number)))},
		{"map page of 257 segments", "corrupt dedup=ok", swap("map", in(frame(16, 4, zero, []byte{0xdc, 1, 1})))},
		{"map page promises keys", "corrupt dedup=ok", swap("map", func(p []byte) []byte { return cutBytes(p, longBytes) })},
		{"map page without segments", "corrupt dedup=ok", swap("map", in(frame(16, 4, zero, []byte{0x90, 0xc4, 1, 0x90})))},
		{"map page of another number", "corrupt dedup=ok", swap("map", func(p []byte) []byte { p[2]++; return p })},
		{"entry page promises bytes", "corrupt restore=ok", swap("entry", in(frame(17, 3, zero, longBytes)))},
		{"entry page promises segments", "corrupt restore=ok", swap("entry", in(frame(17, 3, zero, []byte{0xc4, 3, 0xdc, 1, 0})))},
		{"entry page promises entries", "corrupt restore=ok", swap("entry", in(frame(17, 3, zero, []byte{0xc4, 6, 0x93}, longArray)))},
		{"entry page with fewer segments", "corrupt restore=ok", swap("entry", in(frame(17, 3, zero, []byte{0xc4, 1, 0x90})))},

		{"root promises pages", "corrupt scan=truncated cat=truncated", swap("root", in(frame(18, 6, []byte{0x90}, longArray)))},
		{"root promises features", "corrupt scan=truncated cat=truncated", swap("root", in(frame(18, 6, longArray)))},
		{"root promises info", "corrupt scan=truncated cat=truncated", swap("root", in(frame(18, 6, []byte{0x90, 0x90, 0x90, 0x90}, longBytes)))},
		{"root without info", "corrupt scan=truncated cat=truncated", swap("root", in(frame(18, 6, []byte{0x90, 0x90, 0x90, 0x90, 0xc4, 0})))},
		{"root of another kind", "corrupt", swap("root", func(p []byte) []byte { p[1] = 17; return p })},
		{"root with bytes behind", "corrupt", swap("root", func(p []byte) []byte { return append(p, 0) })},
		{"info with bytes behind", "corrupt", swap("info", func(p []byte) []byte { return append(p, 0) })},
		{"info promises streams", "corrupt scan=truncated cat=truncated", swap("info", in(join([]byte{0x97, 0x90, 0x80, 0x90, 0xdd, 0, 1, 0, 0})))},
		{"info of 65537 streams", "corrupt scan=truncated cat=truncated", swap("info", in(join([]byte{0x97, 0x90, 0x80, 0x90, 0xdd, 0, 1, 0, 1})))},

		{"trailer with a root of 0 bytes", "corrupt", tail(func(p []byte) { binary.LittleEndian.PutUint64(p[24:], 0) })},
		{"trailer with a root of 256 MiB + 1", "corrupt", tail(func(p []byte) { binary.LittleEndian.PutUint64(p[24:], 256<<20+1) })},
		{"trailer with a root of 2^64 - 1", "corrupt", tail(func(p []byte) { binary.LittleEndian.PutUint64(p[24:], 1<<64-1) })},
		{"trailer with a root behind it", "corrupt", tail(func(p []byte) { binary.LittleEndian.PutUint64(p[16:], 1<<62) })},
		{"trailer with a root before the file", "corrupt", tail(func(p []byte) { binary.LittleEndian.PutUint64(p[16:], 1<<63) })},
		{"trailer of version 2", "corrupt", tail(func(p []byte) { p[10] = 2 })},
		{"trailer with a reserved byte", "corrupt", tail(func(p []byte) { p[15] = 1 })},
	}
}

// cutBytes returns the frame p with head in place of the byte string at its end.
func cutBytes(p, head []byte) []byte {
	i := bytes.LastIndex(p, []byte{0xc4})
	return append(bytes.Clone(p[:i]), head...)
}
