package hostiletest

import (
	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// Nasty is text that must not reach a terminal unescaped. It sets the colour and the title, in one
// character and in several, turns the direction of writing, starts a line, and hides.
const Nasty = "\x1b[31m\u009b32m\x1b]0;title\a\u202e\r\nhexz-cat: done\x00\x7f\u200b"

// invalid is Nasty and bytes that are not UTF-8, for places where text need not be UTF-8.
const invalid = Nasty + "\xff\xc3"

// Text returns an archive with such text wherever a writer may put any. It is sound except for its
// last segment, which has a codec with such a name, and for its parent, which is missing.
func Text() []byte {
	b := &Builder{}
	b.Frame(&stream.Header{Meta: stream.Meta{"archive": true, invalid: invalid, "stages": []any{
		stream.Meta{"stage": invalid, invalid: []any{invalid, []byte(invalid)}}, stream.Meta{"stage": stream.Meta{invalid: invalid}}, invalid,
	}}})
	id := blake.Sum(nil)
	b.Frame(&stream.Parent{ID: id, Hint: invalid})
	name := "disk" + Nasty
	b.Frame(&stream.Open{ID: 1, Name: name, Size: -1, Chunker: stream.Meta{"name": invalid, invalid: []byte(invalid)}})
	e := Ref(alpha, 0)
	e.Kind = stream.ParentRef
	b.Add("none", beta, Data(beta), e)
	b.AddSegment(&stream.Segment{Entries: []stream.Entry{Data(alpha)}, Codec: "\x1b[31m\u009b\xff", RawLen: len(alpha), Payload: alpha})
	c := &stream.Close{ID: 1, Size: b.at, Root: b.tree.Sum(), Digests: map[string][]byte{"\x1b[31m\u009b\u202e\xff": {1}}}
	b.Frame(c)
	b.addEnd(name, c)
	b.End()
	return b.Seal()
}

// AbortText returns a stream that ends with an Abort frame of such text.
func AbortText() []byte {
	out := Encode(&stream.Header{})
	// Append would make the text valid.
	w := head(int64(stream.KindAbort), 3)
	w.String(invalid)
	w.String(invalid)
	return append(out, w.Written()...)
}

// NameText returns a stream of an archive whose two streams have such names, so that a reader must
// ask which stream is meant.
func NameText() []byte {
	b := New()
	for i, name := range []string{"a" + Nasty, "b" + Nasty} {
		b.Open(int64(i), name)
		b.Close()
	}
	b.End()
	return b.Seal()
}
