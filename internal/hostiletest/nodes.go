package hostiletest

import (
	"encoding/binary"
	"slices"

	"hexz/pkg/stream"
)

// tall makes an archive of a stream whose content tree has several levels, and whose index lies.
func tall(change func(b *Builder)) func() []byte {
	return func() []byte {
		b := New()
		b.Open(1, "disk")
		var raw []byte
		var entries []stream.Entry
		for i := range 3000 {
			p := binary.LittleEndian.AppendUint32(nil, uint32(i))
			raw = append(raw, p...)
			entries = append(entries, Data(p), Zeros(stream.EntryKind(1+i%2), 1))
		}
		b.Add("none", raw, entries...)
		b.Close()
		b.End()
		change(b)
		return b.Seal()
	}
}

// nodes returns cases of nodes in the index that are not those of the content.
func nodes() []Case {
	const found = "corrupt restore=ok inspect=ok dedup=ok diff=ok commit=ok"
	move := func(change func(lists [][]Page)) func() []byte {
		return tall(func(b *Builder) {
			b.Move = func(lists [][]Page, _ *[2]int64) { change(lists) }
		})
	}
	return []Case{
		{"sound nodes", "ok", tall(func(*Builder) {})},
		{"level of a stream", found, tall(func(b *Builder) { b.Info.Streams[0].Level++ })},
		{"level of a stream without nodes", found, tall(func(b *Builder) { b.Info.Streams[0].Level = 0 })},
		{"level of a stream that is too high", "corrupt", tall(func(b *Builder) { b.Info.Streams[0].Level = stream.MaxLevel + 1 })},
		{"holes of a stream", found, tall(func(b *Builder) { b.Info.Streams[0].Holes++ })},
		{"digest of a node", found, tall(func(b *Builder) { b.Nodes[0][1].Hash[0]++ })},
		{"offset of a node", found, tall(func(b *Builder) { b.Nodes[0][1].Offset++ })},
		{"length of a node", found, tall(func(b *Builder) { b.Nodes[0][1].Len-- })},
		{"holes of a node", found, tall(func(b *Builder) { b.Nodes[0][1].Holes++ })},
		{"stream of a node", found, tall(func(b *Builder) { b.Nodes[0][1].Stream = 7 })},
		{"node of a higher level", found, tall(func(b *Builder) { b.Nodes[1][0].Hash[0]++ })},
		{"missing node", found, tall(func(b *Builder) { b.Nodes[0] = slices.Delete(b.Nodes[0], 1, 2) })},
		{"missing last node", found, tall(func(b *Builder) { b.Nodes[0] = b.Nodes[0][:len(b.Nodes[0])-1] })},
		{"node twice", found, tall(func(b *Builder) { b.Nodes[0] = slices.Insert(b.Nodes[0], 1, b.Nodes[0][1]) })},
		{"nodes exchanged", found, tall(func(b *Builder) { b.Nodes[0][1], b.Nodes[0][2] = b.Nodes[0][2], b.Nodes[0][1] })},
		{"top among the nodes", found, tall(func(b *Builder) {
			s := &b.Info.Streams[0]
			b.Nodes = append(b.Nodes, []Node{{stream.Node{Level: s.Level, Len: s.Size, Hash: s.Root, Holes: s.Holes}, 0, 0}})
		})},
		{"no nodes", found + " scan=truncated cat=truncated", tall(func(b *Builder) { b.Nodes = nil })},
		{"nodes of no level", found, tall(func(b *Builder) { b.Nodes = append(b.Nodes, nil) })},
		{"nodes of 25 levels", "corrupt", tall(func(b *Builder) { b.Nodes = append(b.Nodes, make([][]Node, 25)...) })},
		{"page of nodes of another level", found, tall(func(b *Builder) {
			b.Change = replace("nodes", func(p []byte) []byte { p[2]++; return p })
		})},
		{"page of nodes of another number", found, tall(func(b *Builder) {
			b.Change = replace("nodes", func(p []byte) []byte { p[3]++; return p })
		})},
		{"page of nodes with bytes behind", found, tall(func(b *Builder) {
			b.Change = replace("nodes", func(p []byte) []byte { return append(p, 0) })
		})},
		{"page of nodes promises 2^20", found + " scan=truncated cat=truncated", tall(func(b *Builder) {
			b.Change = replace("nodes", func(p []byte) []byte { return append(p[:4:4], 0xc4, 5, 0xdd, 0, 0x0f, 0xff, 0xff) })
		})},
		{"page of nodes past the end", found, move(func(l [][]Page) { l[1][0].At.Pos = 1 << 40 })},
		{"page of nodes with another digest", found, move(func(l [][]Page) { l[1][0].At.Digest[0]++ })},
		{"pages of nodes exchanged", found, move(func(l [][]Page) { l[1][0].At, l[2][0].At = l[2][0].At, l[1][0].At })},
		{"page of nodes that begins with another", "corrupt", move(func(l [][]Page) { l[1][0].Key[3]++ })},
		{"page of nodes that begins elsewhere", found, move(func(l [][]Page) { l[1][0].Key[1]++ })},
	}
}

// replace returns a value of Change.
func replace(what string, change func(p []byte) []byte) func(string, []byte) []byte {
	return func(w string, p []byte) []byte {
		if w == what {
			return change(p)
		}
		return p
	}
}
