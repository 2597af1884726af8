package archive

import (
	"bytes"
	"testing"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// nodeParent returns an archive with some nodes of level 0, holes and references.
func nodeParent(t testing.TB) *builder {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() {
		for i := range 30 {
			p := Text(uint64(i), 20)
			b.Segment("none", p, Text(uint64(100+i), 30), -7, p)
		}
	})
	b.Stream(2, "empty", func() {})
	b.Stream(3, "memory", func() { b.Segment("zstd", Text(1, 100), 5) })
	b.Seal()
	return b
}

// nodeChild returns an archive on parent of one stream that is one node, and one of nodes beside
// chunks.
func nodeChild(t testing.TB, parent *Reader) *builder {
	t.Helper()
	var low []stream.Entry
	at := int64(0)
	tree := stream.Tree{Ended: func(n stream.Node) {
		if n.Level == 0 {
			low = append(low, stream.Entry{Kind: stream.NodeRef, Len: n.Len, Hash: n.Hash, Offset: at - n.Len, Ordinal: stream.NoOrdinal})
		}
	}}
	for e, err := range parent.EntriesIn(0, 0, parent.Info().Streams[0].Size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		at += e.Len
		tree.Add(e.Entry)
	}
	tree.Sum()
	b := NewBuilder(t)
	b.write(&stream.Parent{ID: parent.ID(), Hint: "parent.hxz", Content: parent.Info().Root()})
	b.Stream(1, "whole", func() { b.entries(topOf(t, parent, 0)) })
	b.Stream(2, "parts", func() {
		b.entries(low[0], low[1])
		p := []byte("a chunk of its own")
		hash := stream.Entry{Kind: stream.Data, Len: int64(len(p)), Hash: blake.Sum(p)}
		s := &stream.Segment{Stream: b.open.ID, Offset: b.offset, Entries: []stream.Entry{low[0], hash}, Codec: stream.RawCodec, RawLen: len(p), Payload: p}
		for i := range s.Entries {
			b.tree.Add(&s.Entries[i])
			b.offset += s.Entries[i].Len
		}
		b.write(s)
		b.Segment("none", 9, p, -9)
	})
	b.Seal()
	return b
}

// FuzzNodes reads from an archive with nodes that lies, or whose parent lies. ReadAt gives the same
// bytes as Restore, and the same again from the cache. What Verify finds sound can be read, also
// without nodes.
func FuzzNodes(f *testing.F) {
	base := nodeParent(f).Buf.Bytes()
	child := nodeChild(f, open(f, base)).Buf.Bytes()
	for i, what := range []string{"none", "segment", "map", "entry", "root"} {
		f.Add(false, what, uint16(9*i), []byte{1}, uint16(100*i), uint16(2000))
		f.Add(true, what, uint16(30*i), []byte{1}, uint16(0), uint16(500))
	}
	f.Add(false, "segment", uint16(50), []byte{1}, uint16(0), uint16(2000))
	f.Add(false, "entry", uint16(60), []byte{3}, uint16(700), uint16(2000))
	f.Fuzz(func(t *testing.T, ofParent bool, what string, at uint16, patch []byte, off, n uint16) {
		p, parent := child, base
		if ofParent {
			parent = resealed(t, base, patched(what, int(at), patch))
		} else {
			p = resealed(t, child, patched(what, int(at), patch))
		}
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{Threads: 1, Find: finder(parent)})
		if err != nil {
			return
		}
		verifyErr := r.Verify(t.Context(), VerifyOptions{Level: Content})
		if !expected(verifyErr) && !IsLost(verifyErr) {
			t.Fatal(verifyErr)
		}
		readBoth(t, r, int64(off), int64(n), func(err error) {
			if verifyErr == nil && err != nil {
				t.Fatalf("Verify finds nothing, and ReadAt: %v", err)
			}
			if !expected(err) && !IsLost(err) {
				t.Fatal(err)
			}
		})
		for no := range r.Info().Streams {
			for _, err := range r.EntriesFrom(no, 0, r.numberOf) {
				if verifyErr == nil && err != nil {
					t.Fatalf("Verify finds nothing, and without nodes there is %v", err)
				}
			}
		}
	})
}

// The seeds of FuzzNodes begin with a sound archive that has nodes beside chunks.
func TestFuzzNodesSeeds(t *testing.T) {
	base := nodeParent(t).Buf.Bytes()
	r := openThin(t, nodeChild(t, open(t, base)).Buf.Bytes(), finder(base))
	if err := r.Verify(t.Context(), VerifyOptions{Level: Content}); err != nil {
		t.Error(err)
	}
	if n := r.Info().Totals.Node.N; n != 4 {
		t.Errorf("%d nodes", n)
	}
}
