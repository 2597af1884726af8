package salvage

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

const chunkSize = 256

// family is a version of a content with all of its parents, which have nodes of each other.
type family struct {
	t       *testing.T
	lib     stagetest.Library
	content []byte
	sound   []byte // the archive
	reader  *archive.Reader
}

// newFamily packs versions, each with the one before as its parent.
func newFamily(t *testing.T, versions [][]byte) []*family {
	lib := stagetest.Library{}
	var list []*family
	for n, p := range versions {
		var o stage.DedupOptions
		if n > 0 {
			o = stage.DedupOptions{Parents: stagetest.AsParent(list[n-1].reader), Find: lib.Index}
		}
		f := &family{t: t, lib: lib, content: p}
		f.sound = stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: chunkSize}}),
			stagetest.DroppingKnown(o), stagetest.Encoding(stage.CompressOptions{Block: 1000}), stagetest.Sealing())
		f.reader = lib.Open(t, f.sound)
		list = append(list, f)
	}
	return list
}

// nodeVersions are versions of a content. In the second, chunks that end a node are others that do,
// so that nodes of the first come right after them. The third has some more bytes changed.
func nodeVersions() [][]byte {
	v0 := stagetest.Unlike(31, 700<<10)
	v1 := bytes.Clone(v0)
	at, n := 0, 0
	tree := stream.Tree{Ended: func(e stream.Node) {
		if e.Level != 0 {
			return
		}
		at += int(e.Len)
		if n++; n%29 != 3 || at == len(v0) {
			return
		}
		for chunk := v1[at-chunkSize : at]; ; chunk[0]++ {
			if chunk[1]++; blake.Sum(chunk)[31]%8 == 0 {
				return
			}
		}
	}}
	for chunk := range slices.Chunk(v0, chunkSize) {
		tree.Add(&stream.Entry{Kind: stream.Data, Len: chunkSize, Hash: blake.Sum(chunk)})
	}
	tree.Sum()
	v2 := bytes.Clone(v1)
	copy(v2[100<<10:], "another version")
	return [][]byte{v0, v1, v2}
}

// salvage salvages a damaged copy, and checks that what comes out is sound and has wrong bytes only
// where the report says so.
func (f *family) salvage(what string, bad []byte, find archive.FindFunc) *Report {
	f.t.Helper()
	var frames bytes.Buffer
	_, r, err := Stream(f.t.Context(), &frames, bytes.NewReader(bad), Options{Find: find})
	if err != nil {
		f.t.Fatalf("%s: %v", what, err)
	}
	sealed := stagetest.Pipe(f.t, frames.Bytes(), stagetest.Sealing())
	if err := f.lib.Verify(f.t, sealed); err != nil {
		f.t.Fatalf("%s: what came out: %v", what, err)
	}
	if got := f.lib.Content(f.t, f.lib.Open(f.t, sealed), ""); !bytes.Equal(got, f.without(r)) {
		f.t.Fatalf("%s: wrong bytes that are not reported: %+v", what, *r)
	}
	return r
}

// cat restores the sound bytes of a damaged copy.
func (f *family) cat(bad []byte, o restore.Options) ([]byte, *Report) {
	f.t.Helper()
	var buf bytes.Buffer
	out := restore.NewPlainOutput(&buf)
	r, err := Cat(f.t.Context(), out, bytes.NewReader(bad), o)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return buf.Bytes(), r
}

// without returns the content without what is lost.
func (f *family) without(r *Report) []byte {
	want := bytes.Clone(f.content)
	for _, l := range r.Lost {
		switch {
		case l.Offset == nil:
		case l.Length == nil:
			want = want[:*l.Offset]
		default:
			clear(want[*l.Offset:][:*l.Length])
		}
	}
	return want
}

// After a loss nodes become what they stand for, where they can no longer stand. So where the index
// and the parents are there, nothing is lost but the data in the segment that was hit.
func TestSalvageNodes(t *testing.T) {
	refused := 0
	for _, f := range newFamily(t, nodeVersions())[1:] {
		for s, err := range f.reader.Segments() {
			if err != nil {
				t.Fatal(err)
			}
			own := int64(0)
			for _, e := range s.Entries {
				if e.Kind == stream.Data {
					own += e.Len
				}
			}
			gone := bytes.Clone(f.sound)
			clear(gone[s.Pos:][:s.Len])
			flipped := bytes.Clone(f.sound)
			flipped[s.Pos+s.Len-1] ^= 1
			for name, bad := range map[string][]byte{"gone": gone, "flipped": flipped} {
				what := fmt.Sprintf("the segment at offset %d is %s", s.Offset, name)
				if r := f.salvage(what, bad, f.lib.Find); r.LostBytes > own {
					t.Errorf("%s: it had %d bytes, and lost is %+v", what, own, *r)
				}
				r := f.salvage(what+", without parents", bad, nil)
				for _, l := range r.Lost {
					if strings.Contains(l.Reason, "a part of a node that begins in what is lost: parent archive is missing") {
						refused++
					}
				}
				f.salvage(what+", without an index", bad[:len(bad)-64], f.lib.Find)
				f.salvage(what+", without both", bad[:len(bad)-64], nil)
			}
		}
	}
	if refused == 0 {
		t.Error("all nodes could stay")
	}
}

// No hash covers the place of a node. Where the index is lost, the parents show that it is wrong.
func TestSalvageNodePlaces(t *testing.T) {
	list := newFamily(t, nodeVersions())
	f := list[1]
	frames := stagetest.Pipe(t, f.sound, stagetest.Unsealing())
	for name, change := range map[string]func(*stream.Entry){
		"offset": func(e *stream.Entry) { e.Offset += chunkSize },
		"beyond": func(e *stream.Entry) { e.Offset = 1 << 40 },
		"stream": func(e *stream.Entry) { e.Stream++ },
		"digest": func(e *stream.Entry) { e.Hash[0]++ },
	} {
		bad := stagetest.Pipe(t, frames, stagetest.Changing(stream.NodeRef, change))
		size := int64(0) // of the node
		got, r := f.cat(bad, restore.Options{Find: f.lib.Find})
		for _, l := range r.Lost {
			if l.Offset != nil && strings.Contains(l.Reason, "the parent has no such node") {
				size += *l.Length
			}
		}
		// The nodes after it become chunks.
		if size == 0 || size > 257*chunkSize || r.LostBytes != size || !bytes.Equal(got, f.without(r)) {
			t.Errorf("%s: %d bytes lost: %+v", name, size, *r)
		}
	}
}

// What is sound comes out as it was, nodes and all, whether the parents are there or not.
func TestSalvageOfSoundNodes(t *testing.T) {
	f := newFamily(t, nodeVersions())[2]
	frames := stagetest.Pipe(t, f.sound, stagetest.Unsealing())
	for _, in := range [][]byte{f.sound, frames} {
		for _, find := range []archive.FindFunc{f.lib.Find, nil} {
			var out bytes.Buffer
			if _, r, err := Stream(t.Context(), &out, bytes.NewReader(in), Options{Find: find}); err != nil || !r.Whole() || !bytes.Equal(out.Bytes(), frames) {
				t.Errorf("%v, %+v, or another stream", err, r)
			}
		}
	}
}

// Of a node, nothing is lost but what a parent has lost.
func TestCatOfNodesOfDamagedParents(t *testing.T) {
	list := newFamily(t, nodeVersions())
	f := list[2]
	if n := f.reader.Info().Totals.Node; n.Bytes < 400<<10 {
		t.Fatalf("%+v", n)
	}
	id := list[0].reader.ID()
	var lost int64
	for s, err := range list[0].reader.Segments() {
		if err != nil {
			t.Fatal(err)
		}
		if s.Offset > 100<<10 {
			bad := bytes.Clone(list[0].sound)
			bad[s.Pos+s.Len-1] ^= 1
			f.lib[id] = bad
			for i := range s.Entries {
				lost += s.Entries[i].Len
			}
			break
		}
	}
	got, r := f.cat(f.sound, restore.Options{Find: f.lib.Find})
	if r.LostBytes == 0 || r.LostBytes > lost || !bytes.Equal(got, f.without(r)) {
		t.Errorf("a segment of %d bytes of the first version is damaged: %+v", lost, *r)
	}
	n := int64(50 << 10)
	part, r := f.cat(f.sound, restore.Options{Find: f.lib.Find, Offset: 80 << 10, Length: &n})
	if r.LostBytes == 0 || !bytes.Equal(part, f.without(r)[80<<10:][:n]) {
		t.Errorf("a part of it: %+v", *r)
	}
	// The first version is missing. What the second one has itself is still there.
	delete(f.lib, id)
	got, r = f.cat(f.sound, restore.Options{Find: f.lib.Find})
	own := list[1].reader.Info().Totals.Data.Bytes + f.reader.Info().Totals.Data.Bytes
	if r.LostBytes < int64(len(f.content))/2 || own < 3*chunkSize || r.LostBytes > int64(len(f.content))-own || !bytes.Equal(got, f.without(r)) {
		t.Errorf("the first version is missing: %d bytes lost, of %d; the others have %d", r.LostBytes, len(f.content), own)
	}
	for _, l := range r.Lost {
		if !strings.Contains(l.Reason, id.String()) {
			t.Errorf("%q does not name the parent that is missing", l.Reason)
		}
	}
}
