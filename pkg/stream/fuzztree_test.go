package stream

import (
	"encoding/binary"
	"testing"

	"lukechampine.com/blake3"
)

// wantRoot returns the root of entries among which there are nodes, or false if a node is not
// aligned. It makes one level after the other, as wantTree does.
func wantRoot(entries []Entry) (Hash, bool) {
	list := entries // at each level: records, and nodes of this level or a higher one
	for level := 0; ; level++ {
		var above []Entry
		var pending []Entry
		nodes, higher := 0, false
		end := func() {
			message, size := []byte{byte(level)}, int64(0)
			for _, r := range pending {
				message = binary.LittleEndian.AppendUint64(message, uint64(r.Len))
				message = append(message, r.Hash[:]...)
				size += r.Len
			}
			n := Entry{Kind: Data, Len: size}
			blake3.DeriveKey(n.Hash[:], "hexz 2026-11-25 content tree node v1", message)
			above, pending = append(above, n), nil
			nodes++
		}
		for _, e := range list {
			if e.Kind == NodeRef {
				if len(pending) > 0 {
					return Hash{}, false
				}
				if int(e.Level) == level {
					e.Kind = Data
					nodes++
				} else {
					higher = true
				}
				above = append(above, e)
				continue
			}
			run := e.Kind.IsRun()
			if k := len(pending) - 1; run && k >= 0 && pending[k].Kind.IsRun() {
				pending[k].Len += e.Len
				continue
			}
			if run {
				e.Hash = Hash{}
			}
			pending = append(pending, e)
			if !run && (e.Hash[31]%8 == 0 && len(pending) >= 16 || len(pending) >= 256) {
				end()
			}
		}
		if len(pending) > 0 || len(list) == 0 {
			end()
		}
		if nodes == 1 && !higher {
			return above[0].Hash, true
		}
		if level == MaxLevel {
			return Hash{}, false
		}
		list = above
	}
}

// treeEntries makes entries of bytes, two for each.
func treeEntries(p []byte) (list []Entry) {
	for ; len(p) >= 2; p = p[2:] {
		e := Entry{Kind: Data, Len: 1 + int64(p[1]), Hash: Hash{1, p[1], 31: 1}}
		n := 1
		switch k := p[0] % 16; {
		case k == 0:
			e = Entry{Kind: Zero, Len: e.Len}
		case k == 1:
			e = Entry{Kind: Hole, Len: e.Len}
		case k < 6:
			e.Hash[31] = 32 // it ends a node
		case k < 8:
			n = int(p[1])
		case k < 12:
			e.Kind, e.Level = NodeRef, p[1]%4
			e.Hash[31] = p[1] & 32
		case k == 12:
			e.Kind, e.Level = NodeRef, p[1]%(MaxLevel+1)
		}
		for range n {
			list = append(list, e)
		}
	}
	return list
}

// A Tree and the slow reference agree on the root of any entries, or both refuse them.
func FuzzTree(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0d\x01\x00\x05\x01\x07\x0d\x02"))
	f.Add([]byte("\x06\x07\x02\x01\x08\x00\x08\x20\x06\xff\x06\xff\x08\x03"))
	f.Add([]byte("\x08\x01\x08\x00\x08\x00\x0c\x17"))
	f.Add([]byte("\x06\x07\x02\x01\x00\x05\x08\x00"))
	f.Add([]byte("\x0c\xbf\x00\x30"))
	f.Add([]byte("\x08\x01\x0d\x02"))
	f.Fuzz(func(t *testing.T, p []byte) {
		list := treeEntries(p)
		want, ok := wantRoot(list)
		var tree Tree
		// A tree that was used before is as good as a new one.
		for range 2 {
			tree.Reset()
			var err error
			for i := range list {
				if err = tree.Add(&list[i]); err != nil {
					break
				}
			}
			if (err == nil) != ok {
				t.Fatalf("the tree says %v, the reference %v", err, ok)
			}
			if err == nil && tree.Sum() != want {
				t.Fatal("the roots differ")
			}
		}
	})
}
