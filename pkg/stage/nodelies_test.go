package stage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"hexz/internal/hostiletest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/diff"
	"hexz/pkg/index"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// nodeLie is an archive that lies about a node, and the archives that can be found.
type nodeLie struct {
	child  []byte
	others [][]byte
	want   string // what those that only read say: of the stream "disk"
	check  string // what Verify says; "" for ok or corrupt
}

// find finds archives by their id, then by their content, as parents.Finder does.
func (l *nodeLie) find(want *stream.Parent) iter.Seq2[archive.Copy, error] {
	return func(yield func(archive.Copy, error) bool) {
		found := false
		for _, byID := range []bool{true, false} {
			for _, p := range l.others {
				x, err := index.OpenAny(bytes.NewReader(p), int64(len(p)), nil)
				if err != nil || (x.ID() == want.ID) != byID || !byID && !x.Info().Origin().ServesAs(want) {
					continue
				}
				if found = true; !yield(stagetest.CopyOf(p), nil) {
					return
				}
			}
		}
		if !found {
			yield(archive.Copy{}, &archive.MissingError{Parents: []stream.Parent{*want}})
		}
	}
}

func (l *nodeLie) index(want *stream.Parent) (*index.Index, error) {
	for c, err := range l.find(want) {
		if err != nil {
			return nil, err
		}
		return index.OpenAny(c, c.Size, nil)
	}
	return nil, archive.ErrParent
}

// mostRead is how many bytes the readers of a part want.
const mostRead = 64 << 10

// nodeReaders returns all that reads nodes. Each returns the content that it gives, or nil.
func nodeReaders(ctx context.Context, l *nodeLie) map[string]func(p []byte) ([]byte, error) {
	open := func(do func(r *archive.Reader) ([]byte, error)) func(p []byte) ([]byte, error) {
		return func(p []byte) ([]byte, error) {
			r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2, Find: l.find})
			if err != nil {
				return nil, err
			}
			return do(r)
		}
	}
	size := func(r *archive.Reader) (no int, size int64, err error) {
		no, err = restore.Choose(r.Info().Streams, "disk")
		if err == nil {
			size = min(r.Info().Streams[no].Size, mostRead)
		}
		return no, size, err
	}
	return map[string]func(p []byte) ([]byte, error){
		"read": open(func(r *archive.Reader) ([]byte, error) {
			no, n, err := size(r)
			if err != nil {
				return nil, err
			}
			got := make([]byte, n)
			_, err = r.ReadAt(no, got, 0)
			return got, err
		}),
		"read stored": open(func(r *archive.Reader) ([]byte, error) {
			no, n, err := size(r)
			if err != nil {
				return nil, err
			}
			got := make([]byte, n)
			_, _, err = r.ReadStored(no, got, 0)
			return got, err
		}),
		"restore": open(func(r *archive.Reader) ([]byte, error) {
			no, n, err := size(r)
			if err != nil {
				return nil, err
			}
			var buf bytes.Buffer
			out := restore.NewPlainOutput(&buf)
			err = r.Restore(ctx, no, out, archive.RestoreOptions{Threads: 2, Length: &n})
			out.Flush()
			return buf.Bytes(), err
		}),
		"file": open(func(r *archive.Reader) ([]byte, error) {
			var buf bytes.Buffer
			out := restore.NewPlainOutput(&buf)
			n := int64(mostRead)
			err := restore.Archive(ctx, out, r, restore.Options{Stream: "disk", Length: &n})
			out.Flush()
			return buf.Bytes(), err
		}),
		"pipe": func(p []byte) ([]byte, error) {
			var buf bytes.Buffer
			out := restore.NewPlainOutput(&buf)
			n := int64(mostRead)
			err := restore.Stream(ctx, out, bytes.NewReader(p), restore.Options{Stream: "disk", Length: &n, Threads: 2, Find: l.find})
			out.Flush()
			return buf.Bytes(), err
		},
		"flatten": func(p []byte) ([]byte, error) {
			var flat, buf bytes.Buffer
			_, err := stage.Unseal(ctx, &flat, bytes.NewReader(p), stage.UnsealOptions{Flatten: true, Find: l.find, Threads: 2})
			if err != nil {
				return nil, err
			}
			out := restore.NewPlainOutput(&buf)
			err = restore.Stream(ctx, out, &flat, restore.Options{Stream: "disk"})
			out.Flush()
			return buf.Bytes(), err
		},
		"verify": open(func(r *archive.Reader) ([]byte, error) {
			return nil, r.Verify(ctx, archive.VerifyOptions{Level: archive.Content, Threads: 2})
		}),
		"check": open(func(r *archive.Reader) ([]byte, error) { return nil, r.CheckParents() }),
		"diff": open(func(r *archive.Reader) ([]byte, error) {
			sound, err := archive.NewReader(bytes.NewReader(hostiletest.Sound().Seal()), int64(len(hostiletest.Sound().Seal())), archive.Options{})
			if err == nil {
				_, err = diff.Archives(ctx, r, sound, diff.Options{Exact: true})
			}
			return nil, err
		}),
		"dedup": open(func(r *archive.Reader) ([]byte, error) {
			in := bytes.NewReader(hostiletest.Sound().Seal())
			_, err := stage.Dedup(ctx, io.Discard, in, stage.DedupOptions{Parents: stagetest.AsParent(r), Find: l.index})
			return nil, err
		}),
	}
}

// chunksOf adds n chunks of their own and a hole to the stream of b.
func chunksOf(b *hostiletest.Builder, codec string, n int) {
	var raw []byte
	var list []stream.Entry
	for i := range n {
		p := fmt.Appendf(nil, "chunk number %d", i)
		raw = append(raw, p...)
		list = append(list, hostiletest.Data(p))
	}
	b.Add(codec, raw, append(list, hostiletest.Zeros(stream.Hole, 100))...)
}

// parentOfNodes returns an archive with a stream "disk" of nodes of two levels, and one before it.
func parentOfNodes(codec string) []byte {
	b := hostiletest.New()
	b.Open(1, "first")
	chunksOf(b, codec, 3)
	b.Close()
	b.Open(2, "disk")
	chunksOf(b, codec, 500)
	b.Close()
	b.End()
	return b.Seal()
}

// childWith returns an archive of a stream "disk" of those entries, whose parent is r.
func childWith(r *archive.Reader, entries ...stream.Entry) []byte {
	b := hostiletest.New()
	b.Frame(&stream.Parent{ID: r.ID(), Content: r.Info().Root()})
	b.Open(1, "disk")
	b.Add("none", nil, entries...)
	b.Close()
	b.End()
	return b.Seal()
}

// nodesOfStream returns the nodes of a stream as entries.
func nodesOfStream(t *testing.T, r *archive.Reader, no int) (list []stream.Entry) {
	at := int64(0)
	tree := stream.Tree{Ended: func(n stream.Node) {
		list = append(list, stream.Entry{Kind: stream.NodeRef, Level: uint8(n.Level), Len: n.Len, Hash: n.Hash, Stream: uint16(no), Offset: at - n.Len, Ordinal: stream.NoOrdinal})
	}}
	for e, err := range r.EntriesIn(no, 0, r.Info().Streams[no].Size, 0) {
		if err != nil {
			t.Fatal(err)
		}
		at += e.Len
		if err := tree.Add(e.Entry); err != nil {
			t.Fatal(err)
		}
	}
	tree.Sum()
	return list
}

// nodeLies returns archives that lie about nodes.
func nodeLies(t *testing.T) map[string]*nodeLie {
	base, anew := parentOfNodes("none"), parentOfNodes("zstd")
	r := stagetest.OpenArchive(t, base)
	nodes := nodesOfStream(t, r, 1)
	low, second, top := nodes[0], nodes[1], nodes[len(nodes)-1]
	lies := map[string]*nodeLie{}
	add := func(name, byID, byContent, check string, e stream.Entry, change func(e *stream.Entry)) {
		change(&e)
		p := childWith(r, e)
		lies[name] = &nodeLie{p, [][]byte{base}, byID, check}
		lies[name+", by content"] = &nodeLie{p, [][]byte{anew}, byContent, check}
	}
	add("sound", "ok", "ok", "ok", top, func(*stream.Entry) {})
	add("digest", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Hash[5]++ })
	add("level too low", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Level-- })
	add("level too high", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Level++ })
	add("highest level", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Level = stream.MaxLevel })
	add("offset within an entry", "corrupt", "corrupt", "corrupt", second, func(e *stream.Entry) { e.Offset += 3 })
	add("other node", "corrupt", "corrupt", "corrupt", low, func(e *stream.Entry) { e.Offset += e.Len })
	add("shorter", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Len -= 3 })
	add("other stream", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Stream = 0 })
	add("no such stream", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Stream = 2 })
	add("beyond the end", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Offset++ })
	add("at the end", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Offset = stream.MaxSize - e.Len })
	add("longer", "corrupt", "corrupt", "corrupt", top, func(e *stream.Entry) { e.Len += 1 << 40 })

	// A node within a node of its own level: of an archive that is no tree.
	flat := stagetest.OpenArchive(t, childWith(r, top))
	again := top
	again.Stream = 0
	lies["level of the node within"] = &nodeLie{childWith(flat, again), [][]byte{base, childWith(r, top)}, "corrupt", "corrupt"}
	again.Level++
	lies["one node within a node"] = &nodeLie{childWith(flat, again), [][]byte{base, childWith(r, top)}, "corrupt", "corrupt"}

	// A parent by its content with other entries at that place: only the root lies, and the level of it.
	other := hostiletest.New()
	other.Open(1, "first")
	chunksOf(other, "none", 3)
	other.Close()
	other.Open(2, "disk")
	chunksOf(other, "none", 499)
	other.Add("none", nil, hostiletest.Zeros(stream.Hole, int64(len("chunk number 499"))))
	other.Close()
	other.End()
	other.Info.Streams[1].Root = r.Info().Streams[1].Root
	other.Info.Streams[1].Size = r.Info().Streams[1].Size
	other.Info.Streams[1].Level = r.Info().Streams[1].Level
	lies["parent with other entries"] = &nodeLie{childWith(r, top), [][]byte{other.Seal()}, "corrupt", "corrupt"}
	return lies
}

// tower returns an archive that needs a parent of an id and of its own content: so two of these serve
// for each other. Each stream is count nodes of the stream before, and "disk" is the last of them. The
// first is a chunk, which may be bad.
func tower(t *testing.T, id byte, levels, count int, bad bool) []byte {
	build := func(root stream.Hash) []byte {
		b := hostiletest.New()
		b.Frame(&stream.Parent{ID: stream.Hash{id}, Content: root})
		b.Frame(&stream.Parent{Index: 1, ID: stream.Hash{99}})
		chunk := []byte("the only chunk")
		e := hostiletest.Data(chunk)
		if bad {
			chunk[0]++
		}
		list := []stream.Entry{e}
		for k := range levels {
			b.Open(int64(k+1), fmt.Sprint("level ", k))
			b.Add("none", chunk, list...)
			b.Close()
			var tree stream.Tree
			for i := range list {
				if err := tree.Add(&list[i]); err != nil {
					t.Fatal(err)
				}
			}
			n, ok := tree.NodeOf(k)
			if !ok {
				t.Fatalf("there is no node of level %d", k)
			}
			e := stream.Entry{Kind: stream.NodeRef, Level: uint8(k), Len: n.Len, Hash: n.Hash, Stream: uint16(k), Ordinal: stream.NoOrdinal}
			chunk, list = nil, slices.Repeat([]stream.Entry{e}, count)
			if count > 16 && n.Hash[31]%8 == 0 {
				list = list[:8]
			}
		}
		b.Open(99, "disk")
		b.Add("none", nil, list[0])
		b.Close()
		b.End()
		return b.Seal()
	}
	return build(stagetest.OpenArchive(t, build(stream.Hash{})).Info().Root())
}

// Archives that serve as parents of each other, in several copies, are read to the end.
func TestNodeTowers(t *testing.T) {
	for name, c := range map[string]struct {
		levels, count int
		bad           bool
	}{"sound": {24, 1, false}, "bad": {24, 1, true}, "wide": {7, 256, false}, "wide and bad": {7, 256, true}} {
		t.Run(name, func(t *testing.T) {
			a, b := tower(t, 1, c.levels, c.count, c.bad), tower(t, 2, c.levels, c.count, c.bad)
			l := &nodeLie{a, [][]byte{a, b, a, b}, "ok", ""}
			if c.bad {
				l.want = "corrupt"
			}
			wide := c.count > 1 // what goes through all of the content has no end
			checkNodeLie(t, l, wide)
		})
	}
}

// Each reader finds a lie about a node, and no reader gives another content than the others.
func TestNodeLies(t *testing.T) {
	for name, l := range nodeLies(t) {
		t.Run(name, func(t *testing.T) { checkNodeLie(t, l, false) })
	}
}

// checkNodeLie goes through all readers, but not those that go through all of the content if that has
// no end.
func checkNodeLie(t *testing.T, l *nodeLie, endless bool) {
	contents := map[string][]byte{}
	for reader, read := range nodeReaders(t.Context(), l) {
		if endless && (reader == "verify" || reader == "flatten" || reader == "diff") {
			continue
		}
		type result struct {
			p   []byte
			err error
		}
		done := make(chan result, 1)
		go func() {
			p, err := read(l.child)
			done <- result{p, err}
		}()
		var got result
		select {
		case got = <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it does not end", reader)
		}
		want := l.want
		switch reader {
		case "check":
			want = "ok" // it only looks whether archives are there
		case "verify":
			want = l.check
		case "diff", "dedup", "flatten": // they look at what they need
			if want = ""; l.check == "ok" {
				want = "ok"
			}
		case "read stored": // it does not compare hashes
			if l.check == "" {
				want = ""
			}
		}
		if c := class(got.err); c != want && (want != "" || c != "ok" && c != "corrupt") {
			t.Errorf("%s: %s (%v), want %s", reader, c, got.err, want)
		}
		if reader == "read stored" && want == "" {
			continue
		}
		if got.err == nil && got.p != nil {
			contents[reader] = got.p
		}
	}
	for reader, p := range contents {
		if !bytes.Equal(p, contents["read"]) {
			t.Errorf("%s: %d bytes are not the %d that ReadAt gives", reader, len(p), len(contents["read"]))
		}
	}
}
