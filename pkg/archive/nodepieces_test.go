package archive

import (
	"bytes"
	"testing"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// topOf returns the node entry for a whole stream of r, for an archive whose parent 0 is r.
func topOf(t testing.TB, r *Reader, streamNo int) stream.Entry {
	t.Helper()
	s := &r.Info().Streams[streamNo]
	e := stream.Entry{Kind: stream.NodeRef, Len: s.Size, Hash: s.Root, Stream: uint16(streamNo), Ordinal: stream.NoOrdinal}
	tree := stream.Tree{Ended: func(n stream.Node) {
		if n.Hash == s.Root {
			e.Level = uint8(n.Level)
		}
	}}
	for f, err := range r.EntriesIn(streamNo, 0, s.Size, 0) {
		if err == nil {
			err = tree.Add(f.Entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tree.Sum()
	return e
}

// nodesOf returns an archive whose streams are one node each: the streams of parent that have bytes.
func nodesOf(t testing.TB, parent *Reader) *builder {
	t.Helper()
	b := NewBuilder(t)
	b.write(&stream.Parent{ID: parent.ID(), Hint: "parent.hxz", Content: parent.Info().Root()})
	for no, s := range parent.Info().Streams {
		b.Stream(s.ID, s.Name, func() {
			if s.Size > 0 {
				b.entries(topOf(t, parent, no))
			}
		})
	}
	b.Seal()
	return b
}

// entries adds a segment of entries that have no payload.
func (b *builder) entries(entries ...stream.Entry) {
	b.t.Helper()
	s := &stream.Segment{Stream: b.open.ID, Offset: b.offset, Entries: entries, Codec: stream.RawCodec}
	for i := range entries {
		if err := b.tree.Add(&entries[i]); err != nil {
			b.t.Fatal(err)
		}
		b.offset += entries[i].Len
	}
	b.write(s)
}

// manyBlocks returns an archive with a segment that refers to more blocks than a piece holds.
func manyBlocks(t testing.TB) *builder {
	b := NewBuilder(t)
	b.Stream(1, "disk", func() {
		var refs []any
		for i := range 2*maxHeldBlocks + 50 {
			p := Text(uint64(i), 100)
			b.Segment("zstd", p)
			refs = append(refs, p, 5)
		}
		b.Segment("none", refs...)
	})
	b.Seal()
	return b
}

// The first copy of a parent may fail in the middle of a piece, and the second one before that, or
// after it. No byte is written twice.
func TestCopyFailsWithinAPiece(t *testing.T) {
	b := manyBlocks(t)
	p, want := b.Buf.Bytes(), b.content["disk"]
	parent := open(t, p)
	child := nodesOf(t, parent).Buf.Bytes()
	hit := func(segment int64) []byte {
		ref, _, err := parent.SegmentAt(segment)
		if err != nil {
			t.Fatal(err)
		}
		q := bytes.Clone(p)
		q[ref.End()-1] ^= 1
		return q
	}
	for i, list := range [][][]byte{{hit(300), p}, {hit(300), hit(10), p}, {hit(300), hit(540), p}, {hit(10), hit(300), hit(299)}} {
		r := openThin(t, child, finderOf(list...))
		var out collect
		if err := r.Restore(t.Context(), 0, &out, RestoreOptions{Threads: 2}); err != nil || !bytes.Equal(out.Bytes(), want) {
			t.Errorf("case %d: %d bytes of %d, %v", i, out.Len(), len(want), err)
		}
	}
	// What was written is known, if all copies fail.
	e := topOf(t, parent, 0)
	parents := NewParents(Options{Find: finderOf(hit(300), hit(300))})
	parents.Add(&stream.Parent{ID: parent.ID()})
	for _, from := range []int64{0, 17, 550 * 100, 550*100 + 700} {
		var out collect
		done, err := parents.RestoreNode(t.Context(), &e, from, e.Len, 2, &out)
		if !isDamage(err) || done != int64(out.Len()) || !bytes.Equal(out.Bytes(), want[from:from+done]) {
			t.Errorf("from %d on: %d bytes are written, it says %d, %v", from, out.Len(), done, err)
		}
	}
}

// A restore that has ended holds no block.
func TestNodesHoldNothing(t *testing.T) {
	p := manyBlocks(t).Buf.Bytes()
	child := nodesOf(t, open(t, p)).Buf.Bytes()
	for name, do := range map[string]func(r *Reader) error{
		"whole": func(r *Reader) error {
			return r.Restore(t.Context(), 0, &collect{}, RestoreOptions{Threads: 2})
		},
		"expanded": func(r *Reader) error {
			for range r.EntriesFrom(0, 0, r.numberOf) {
			}
			return nil
		},
		"read": func(r *Reader) error {
			_, err := r.ReadAt(0, make([]byte, 50000), 1000)
			return err
		},
		"read stored": func(r *Reader) error {
			_, _, err := r.ReadStored(0, make([]byte, 50000), 1000)
			return err
		},
		"verify": func(r *Reader) error { return r.Verify(t.Context(), VerifyOptions{Level: Content}) },
		"some pieces": func(r *Reader) error {
			for range r.pieces(0, 0, 5000) {
				break
			}
			return nil
		},
	} {
		r := openThin(t, child, finderOf(p))
		if err := do(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, it := range r.caches.segments.Items {
			if it.Users != 0 {
				t.Errorf("%s: segment %d is still held %d times", name, it.Key.number, it.Users)
			}
		}
	}
}

// The entry pages may say that a node is elsewhere, or that there is none, or be damaged. Restore
// gives what the segments have.
func TestNodesOfLyingIndex(t *testing.T) {
	base := nodeParent(t).Buf.Bytes()
	b := nodeChild(t, open(t, base))
	sound := openThin(t, b.Buf.Bytes(), finder(base))
	var want [2]collect
	for no := range want {
		if err := sound.Restore(t.Context(), no, &want[no], RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	size := len(takeApart(t, b.Buf.Bytes()).entries[0])
	for at := range size {
		for _, change := range []byte{1, 3, 0x80} {
			p := resealed(t, b.Buf.Bytes(), func(what string, f []byte) []byte {
				if what == "entry" {
					f[at] ^= change
				}
				return f
			})
			r := openThin(t, p, finder(base))
			for no := range want {
				var out collect
				if err := r.Restore(t.Context(), no, &out, RestoreOptions{Threads: 2}); err != nil || !bytes.Equal(out.Bytes(), want[no].Bytes()) {
					t.Fatalf("byte %d of %d of an entry page: %d bytes, %v", at, size, out.Len(), err)
				}
			}
		}
	}
}

// numberOf numbers r as OwnBase, and its parents as in r.
func (r *Reader) numberOf(of stream.Parent) (int32, error) {
	if of.ID == r.ID() {
		return stream.OwnBase, nil
	}
	n := r.parents.indexOf(of.ID)
	if n < 0 {
		return 0, index.Corruptf("archive %v is no parent", of.ID)
	}
	return int32(n), nil
}
