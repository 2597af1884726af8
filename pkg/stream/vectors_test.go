package stream

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hexz/internal/vectortest"
	"hexz/pkg/stream/wire"
)

// The vectors are files, so that other implementations can use them. Each is about one thing.
func TestVectors(t *testing.T) {
	classes := map[string]int{}
	for _, v := range vectortest.Load(t, "testdata/vectors") {
		t.Run(v.Name, func(t *testing.T) {
			_, err := readAll(NewReader(bytes.NewReader(v.Input)))
			if got := Class(err); got != v.Expect {
				t.Errorf("got %s (%v), want %s", got, err, v.Expect)
			}
			classes[v.Expect]++
		})
	}
	for _, class := range []string{"ok", "corrupt", "truncated", "aborted"} {
		if classes[class] == 0 {
			t.Errorf("no vector expects %q", class)
		}
	}
}

// Class names the kind of a reader's error.
func Class(err error) string {
	switch {
	case err == io.EOF:
		return "ok"
	case errors.Is(err, ErrCorrupt):
		return "corrupt"
	case errors.Is(err, ErrTruncated):
		return "truncated"
	case errors.Is(err, ErrAborted):
		return "aborted"
	}
	return fmt.Sprint(err)
}

// raw writes a stream of frames without any rules.
type raw struct{ *wire.Writer }

func (r raw) frame(f Frame) raw {
	Append(r.Writer, f)
	if s, ok := f.(*Segment); ok {
		r.Raw(s.Payload)
	}
	return r
}

// also appends a frame that no Writer makes.
func (r raw) also(build func(w *wire.Writer)) raw {
	build(r.Writer)
	return r
}

// ending appends Close and End frames that are right for the entries.
func (r raw) ending(open *Open, entries ...Entry) raw {
	var root Tree
	var size int64
	for i := range entries {
		if err := root.Add(&entries[i]); err != nil {
			break // the rules refuse it before they come to the root
		}
		size += entries[i].Len
	}
	c := &Close{ID: open.ID, Size: size, Root: root.Sum()}
	var end EndRoot
	end.Add(open.Name, size, c.Root)
	return r.frame(c).frame(&End{Root: end.Sum()})
}

// TestMakeVectors makes the files that do not exist when HEXZ_NEW_GOLDEN is set. They are made
// once, and must never change.
func TestMakeVectors(t *testing.T) {
	if os.Getenv("HEXZ_NEW_GOLDEN") == "" {
		t.Skip("makes files")
	}
	abcdRef := Entry{Kind: ParentRef, Len: 4, Hash: dataEntry("abcd").Hash}
	open := &Open{ID: 1, Name: "disk", Size: -1, Chunker: Meta{"name": "fixed-v1", "size": 4}}
	abcd, efgh := dataEntry("abcd"), dataEntry("efgh")
	seg := func(off int64, payload string, entries ...Entry) *Segment {
		return &Segment{Stream: 1, Offset: off, Entries: entries, Codec: RawCodec, RawLen: len(payload), Payload: []byte(payload)}
	}
	start := func() raw { return raw{wire.NewWriter()}.frame(&Header{}).frame(open) }
	rawFrame := func(build func(w *wire.Writer)) raw {
		r := raw{wire.NewWriter()}.frame(&Header{}).frame(open)
		build(r.Writer)
		return r
	}
	add := func(name, expect, about string, r raw) {
		file := filepath.Join("testdata/vectors", name+".txt")
		if _, err := os.Stat(file); err == nil {
			return
		}
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\nexpect: %s\n", about, expect)
		for p := r.Written(); len(p) > 0; {
			n := min(32, len(p))
			fmt.Fprintln(&b, hex.EncodeToString(p[:n]))
			p = p[n:]
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	add("empty-stream", "ok", "one stream of no bytes", start().ending(open))
	add("no-streams", "ok", "nothing but a header and an end", raw{wire.NewWriter()}.frame(&Header{}).frame(&End{Root: new(EndRoot).Sum()}))
	add("data", "ok", "two chunks in two segments", start().frame(seg(0, "abcd", abcd)).frame(seg(4, "efgh", efgh)).ending(open, abcd, efgh))
	add("ref", "ok", "a reference to a chunk of the segment before", start().frame(seg(0, "abcd", abcd)).frame(seg(4, "", refEntry("abcd"))).ending(open, abcd, abcd))
	add("runs", "ok", "zero and hole runs, which the root takes as one", start().frame(seg(0, "abcd", abcd, run(Zero, 100))).frame(seg(104, "", run(Hole, 1<<40))).ending(open, abcd, run(Hole, 100+1<<40)))
	add("long-integers", "ok", "integers and lengths in longer forms than need be", rawFrame(func(w *wire.Writer) {
		w.Raw([]byte{0xdc, 0, 7, 0xcc, 3, 0xcd, 0, 1, 0xd3, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd, 0, 0, 0, 1, 0xdc, 0, 3, 0xd0, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 4, 0xc5, 0, 32})
		w.Raw(abcd.Hash[:])
		w.Raw([]byte{0xd9, 4})
		w.Raw([]byte("none"))
		w.Raw([]byte{0xd1, 0, 4, 0xc6, 0, 0, 0, 4})
		w.Raw([]byte("abcd"))
	}).ending(open, abcd))
	add("ancillary", "ok", "a frame of kind 128, which readers skip", rawFrame(func(w *wire.Writer) { w.Array(2); w.Int(128); w.String("ignored") }).ending(open))
	add("nothing", "truncated", "no bytes at all", raw{wire.NewWriter()})
	add("no-end", "truncated", "the End frame is missing", raw{wire.NewWriter()}.frame(&Header{}))
	cut := start().frame(seg(0, "abcd", abcd))
	cut.Reset()
	start2 := start().frame(seg(0, "abcd", abcd)).Written()
	cut.Raw(start2[:len(start2)-2])
	add("cut-payload", "truncated", "ends within a payload", cut)
	add("abort", "aborted", "an upstream stage failed", start().frame(&Abort{Stage: "hexz-chunk", Message: "read error"}))
	add("not-hexz", "corrupt", "some other file", func() raw { r := raw{wire.NewWriter()}; r.Raw([]byte("\x1f\x8b\x08 this is gzip")); return r }())
	add("version-2", "corrupt", "a later version of the format", func() raw {
		r := raw{wire.NewWriter()}
		r.Array(5)
		r.Int(0)
		r.String("hexz")
		r.Int(2)
		r.Array(0)
		r.Map(0)
		return r
	}())
	add("unknown-feature", "corrupt", "a required feature that no reader knows", raw{wire.NewWriter()}.frame(&Header{Features: []string{"teleport"}}))
	add("unknown-kind", "corrupt", "a frame of kind 9", rawFrame(func(w *wire.Writer) { w.Array(1); w.Int(9) }))
	add("index-frame", "corrupt", "an index frame inside a stream", rawFrame(func(w *wire.Writer) { w.Array(1); w.Int(16) }))
	add("wrong-arity", "corrupt", "a close frame of four elements", rawFrame(func(w *wire.Writer) { w.Array(4); w.Int(5); w.Int(1); w.Int(0); w.Bytes(make([]byte, 32)) }))
	add("no-kind", "corrupt", "an array of no elements", rawFrame(func(w *wire.Writer) { w.Array(0); w.Int(128) }))
	add("bytes-for-string", "corrupt", "a codec name that is a byte string", rawFrame(func(w *wire.Writer) {
		w.Array(7)
		w.Int(3)
		w.Int(1)
		w.Int(0)
		w.Array(1)
		w.Array(2)
		w.Int(1)
		w.Int(9)
		w.Bytes([]byte("none"))
		w.Int(0)
		w.Bytes(nil)
	}))
	add("two-headers", "corrupt", "a second header", start().frame(&Header{}))
	add("no-open", "corrupt", "a segment outside of a stream", raw{wire.NewWriter()}.frame(&Header{}).frame(seg(0, "abcd", abcd)))
	add("nested-open", "corrupt", "a stream opened inside another", start().frame(&Open{ID: 2, Name: "memory", Size: -1}))
	add("same-id", "corrupt", "two streams of one id", raw{start().frame(&Close{ID: 1, Root: new(Tree).Sum()}).Writer}.frame(&Open{ID: 1, Name: "other", Size: -1}))
	add("same-name", "corrupt", "two streams of one name", raw{start().frame(&Close{ID: 1, Root: new(Tree).Sum()}).Writer}.frame(&Open{ID: 2, Name: "disk", Size: -1}))
	add("name-not-utf8", "corrupt", "a stream name that is not UTF-8", raw{wire.NewWriter()}.frame(&Header{}).frame(&Open{ID: 1, Name: "\xff", Size: -1}))
	add("gap", "corrupt", "a segment is missing", start().frame(seg(4, "efgh", efgh)))
	add("doubled", "corrupt", "a segment stands twice", start().frame(seg(0, "abcd", abcd)).frame(seg(0, "abcd", abcd)))
	add("other-stream", "corrupt", "a segment of another stream", start().frame(&Segment{Stream: 2, Entries: []Entry{abcd}, Codec: RawCodec, RawLen: 4, Payload: []byte("abcd")}))
	add("no-entries", "corrupt", "a segment without entries", start().frame(seg(0, "")))
	add("raw-length", "corrupt", "a raw length that is not the sum of the data entries", start().frame(&Segment{Stream: 1, Entries: []Entry{abcd}, Codec: "zstd", RawLen: 5, Payload: []byte("abcde")}))
	add("payload-length", "corrupt", "a payload shorter than its entries, not encoded", start().frame(&Segment{Stream: 1, Entries: []Entry{abcd}, Codec: RawCodec, RawLen: 4, Payload: []byte("abc")}))
	add("chunk-too-long", "corrupt", "a reference of more than 16 MiB", start().frame(seg(0, "", Entry{Kind: Ref, Len: MaxChunk + 1, Ordinal: NoOrdinal})))
	add("chunk-of-nothing", "corrupt", "a chunk of no bytes", start().frame(seg(0, "", Entry{Kind: Data})))
	add("run-of-nothing", "corrupt", "a zero run of no bytes", start().frame(seg(0, "", run(Zero, 0))))
	add("too-long", "corrupt", "a stream of more than 2^63-1 bytes", start().frame(seg(0, "", run(Hole, MaxSize), run(Hole, 1))))
	add("entry-kind", "corrupt", "an entry of unknown kind", start().frame(seg(0, "", run(9, 1))))
	inner := rawFrame(func(w *wire.Writer) {
		w.Array(7)
		w.Int(3)
		w.Int(1)
		w.Int(0)
		w.Array(2)
		w.Array(3)
		w.Int(1)
		w.Int(9)
		w.Array(2)
		w.Int(1)
		w.Int(1)
		w.String("none")
		w.Int(0)
		w.Bytes(nil)
	})
	add("entry-in-entry", "corrupt", "an entry of three elements, the last of which could be an entry", inner.ending(open, run(Zero, 10)))
	add("close-size", "corrupt", "a close frame with another size", start().frame(&Close{ID: 1, Size: 1, Root: new(Tree).Sum()}))
	add("open-size", "corrupt", "an open frame with another size", raw{wire.NewWriter()}.frame(&Header{}).frame(&Open{ID: 1, Name: "disk", Size: 9}).frame(&Close{ID: 1, Root: new(Tree).Sum()}))
	add("close-root", "corrupt", "a close frame with another root", start().frame(seg(0, "abcd", abcd)).ending(open, efgh))
	add("end-root", "corrupt", "an end frame with another root", raw{wire.NewWriter()}.frame(&Header{}).frame(&End{}))
	add("end-inside", "corrupt", "an end frame inside a stream", start().frame(&End{Root: new(EndRoot).Sum()}))
	add("behind-end", "corrupt", "a frame behind the end", raw{start().ending(open).Writer}.frame(open))
	// A patch of a chunk: "efgh" is a program here, which a reader of frames does not run.
	parents := func() raw {
		return raw{wire.NewWriter()}.frame(&Header{}).frame(&Parent{ID: Hash{7}, Hint: "base.hxz", Content: Hash{8}}).frame(open)
	}
	own := Base{Parent: OwnBase, Hash: abcd.Hash, Ordinal: NoOrdinal}
	patch := func(n int, bases ...Base) Entry {
		return Entry{Kind: Patched, Len: 9, Hash: Hash{9}, Ordinal: NoOrdinal, Patch: &Patch{Len: n, Bases: bases}}
	}
	patched := func(from raw, n int, bases ...Base) raw {
		e := patch(n, bases...)
		return from.frame(seg(0, "abcdefgh", abcd, e)).ending(open, abcd, e)
	}
	// The roots of streams of some levels, and nodes that stand for all they hold.
	node := func(level int, n int64) Entry {
		return Entry{Kind: NodeRef, Level: uint8(level), Len: n, Hash: Hash{byte(level), 9}, Ordinal: NoOrdinal, Offset: 100, Holes: n}
	}
	nodes := func(entries ...Entry) raw {
		return parents().frame(seg(0, "", entries...)).ending(open, entries...)
	}
	refs := func(n int) (list []Entry) {
		for i := range n {
			list = append(list, Entry{Kind: ParentRef, Len: 4, Hash: Hash{byte(i), byte(i >> 8), 31: byte(i)}})
		}
		return list
	}
	short := func(n int) []Entry {
		list := refs(n)
		for i := range list {
			list[i].Hash[31] &^= nodeMask
		}
		return list
	}
	add("root-two-levels", "ok", "300 chunks: a root of some nodes", nodes(refs(300)...))
	add("root-three-levels", "ok", "800 chunks in short nodes, and a run within a node", nodes(slices.Concat(short(405), []Entry{run(Zero, 5)}, short(395))...))
	add("node", "ok", "a node of level 1 at the start, and one of level 0", nodes(node(1, 1000), node(0, 50), abcdRef))
	add("node-highest", "ok", "a node of the highest level", nodes(node(MaxLevel, MaxSize-100)))
	add("node-level", "corrupt", "a node above the highest level", nodes(node(MaxLevel+1, 1000)))
	add("node-empty", "corrupt", "a node of no bytes", nodes(node(0, 0)))
	add("node-long", "corrupt", "a node that ends after the longest stream", nodes(node(0, MaxSize-99)))
	add("node-parent", "corrupt", "a node of a parent that is not named", start().frame(seg(0, "", node(0, 9))).ending(open, node(0, 9)))
	add("node-after-chunk", "corrupt", "a node where one of its level goes on", nodes(abcdRef, node(0, 9)))
	add("node-after-run", "corrupt", "a node after a run, which is within a node of its level", nodes(run(Hole, 9), node(0, 9)))
	add("node-after-node", "corrupt", "a node of level 1 after one of level 0", nodes(node(0, 9), node(1, 9)))
	holes := func(n int64) Entry {
		e := node(1, 1000)
		e.Holes = n
		return e
	}
	add("node-holes", "ok", "nodes with the greatest number of holes and with none", nodes(holes(MaxSize), holes(0)))
	add("node-holes-negative", "corrupt", "a node with a negative number of holes", nodes(holes(-1)))
	add("node-seven", "corrupt", "a node of seven elements, without the number of holes", parents().also(func(w *wire.Writer) {
		w.Array(7)
		w.Int(3)
		w.Int(1)
		w.Int(0)
		w.Array(1)
		w.Array(7)
		for _, v := range []int64{6, 9} {
			w.Int(v)
		}
		w.Bytes(make([]byte, 32))
		for _, v := range []int64{0, 0, 0, 100} {
			w.Int(v)
		}
		w.String("none")
		w.Int(0)
		w.Bytes(nil)
	}).ending(open, node(0, 9)))
	many := slices.Repeat([]Base{{Ordinal: 5}}, MaxBases)
	add("patch", "ok", "a patch of two chunks of a parent", patched(parents(), 4, many[:2]...))
	add("patch-own", "ok", "a patch of an earlier chunk of the stream, which makes abcdabcd", func() raw {
		e := Entry{Kind: Patched, Len: 8, Hash: dataEntry("abcdabcd").Hash, Ordinal: NoOrdinal, Patch: &Patch{Len: 3, Bases: []Base{own}}}
		return start().frame(seg(0, "abcd\x11\x12\x07", abcd, e)).ending(open, abcd, e)
	}())
	add("patch-bases", "ok", "a patch of 32 chunks", patched(parents(), 4, many...))
	add("patch-too-many", "corrupt", "a patch of 33 chunks", patched(parents(), 4, append(many, Base{})...))
	add("patch-no-base", "corrupt", "a patch of nothing", patched(start(), 4))
	add("patch-mixed", "corrupt", "a patch of a chunk of a parent and of one of the stream", patched(parents(), 4, many[0], own))
	add("patch-parent", "corrupt", "a patch of a chunk of a parent that is not named", patched(start(), 4, many[0]))
	add("patch-short", "corrupt", "a program that is shorter than the payload has room for", patched(start(), 3, own))
	add("patch-of-nothing", "corrupt", "a program of no bytes", func() raw {
		e := patch(0, own)
		return start().frame(seg(0, "abcd", abcd, e)).ending(open, abcd, e)
	}())
	add("patch-long", "corrupt", "a program as long as what it makes", func() raw {
		e := patch(4, own)
		e.Len = 4
		return start().frame(seg(0, "abcdefgh", abcd, e)).ending(open, abcd, e)
	}())
	add("dict-twice", "corrupt", "two dictionaries of one id", start().frame(&Dict{ID: 5, Bytes: []byte("x")}).frame(&Dict{ID: 5, Bytes: []byte("y")}))
}

func FuzzReader(f *testing.F) {
	seeds := vectortest.Load(f, "testdata/vectors")
	if len(seeds) < 30 {
		f.Fatalf("only %d seeds", len(seeds))
	}
	for _, v := range seeds {
		f.Add(v.Input)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		frames, err := readAll(NewReader(bytes.NewReader(p)))
		if err != io.EOF {
			if c := Class(err); c != "corrupt" && c != "truncated" && c != "aborted" {
				t.Fatalf("unclassified error %v", err)
			}
			return
		}
		// The frames that were read can be written, and are read as the same again.
		write := func(frames []Frame) []byte {
			var buf bytes.Buffer
			w := NewWriter(&buf)
			for _, fr := range frames {
				if err := w.Write(fr); err != nil {
					t.Fatalf("cannot write what was read: %v", err)
				}
			}
			return buf.Bytes()
		}
		once := write(frames)
		again, err := readAll(NewReader(bytes.NewReader(once)))
		if err != io.EOF || !bytes.Equal(write(again), once) {
			t.Fatalf("%v: %v became %v", err, frames, again)
		}
	})
}
