package hostiletest

import (
	"bytes"
	"strings"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Case is an archive with one lie in it.
type Case struct {
	Name string

	// Want is the outcome that every reader must have: ok, corrupt, truncated, parent (one is
	// missing), codec (one is missing) or failed. "corrupt inspect=ok" is ok for one reader, and
	// corrupt for the others. The last of several words about a reader counts.
	Want string
	Make func() []byte
}

// Class returns the outcome that reader must have.
func (c *Case) Class(reader string) string {
	words := strings.Fields(c.Want)
	want := words[0]
	for _, w := range words[1:] {
		if name, class, _ := strings.Cut(w, "="); name == reader {
			want = class
		}
	}
	return want
}

// Data returns an entry for the bytes of a chunk.
func Data(p []byte) stream.Entry {
	return stream.Entry{Kind: stream.Data, Len: int64(len(p)), Hash: blake.Sum(p)}
}

// Ref returns a reference to a chunk with an ordinal.
func Ref(p []byte, ordinal int64) stream.Entry {
	return stream.Entry{Kind: stream.Ref, Len: int64(len(p)), Hash: blake.Sum(p), Ordinal: ordinal}
}

// Zeros returns a run of zeros, or a hole.
func Zeros(kind stream.EntryKind, n int64) stream.Entry { return stream.Entry{Kind: kind, Len: n} }

var (
	alpha = bytes.Repeat([]byte("alpha "), 100)
	beta  = bytes.Repeat([]byte("beta "), 100)
	gamma = bytes.Repeat([]byte("gamma "), 100)
)

// Sound returns a Builder with a little of everything, complete except for the index.
func Sound() *Builder {
	b := New()
	b.Open(3, "disk")
	b.Add("zstd", join(alpha, beta), Data(alpha), Zeros(stream.Zero, 10), Data(beta))
	b.Add("none", gamma, Ref(alpha, 0), Zeros(stream.Hole, 1000), Data(gamma))
	b.Close()
	b.Open(1, "empty")
	b.Close()
	b.Open(2, "memory")
	b.Add("none", nil, Ref(beta, 1), Ref(gamma, 2))
	b.Close()
	b.End()
	return b
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// lying makes an archive whose index lies.
func lying(change func(b *Builder)) func() []byte {
	return func() []byte {
		b := Sound()
		change(b)
		return b.Seal()
	}
}

// swap makes an archive in which change replaces a part of the index.
func swap(what string, change func(p []byte) []byte) func() []byte {
	return lying(func(b *Builder) { b.Change = replace(what, change) })
}

// disk makes an archive of one stream. fill adds segments to the stream.
func disk(fill func(b *Builder)) func() []byte {
	return func() []byte {
		b := New()
		b.Open(1, "disk")
		fill(b)
		b.Close()
		b.End()
		return b.Seal()
	}
}

// body makes an archive whose body ends as add leaves it.
func body(add func(b *Builder)) func() []byte {
	return func() []byte {
		b := New()
		add(b)
		return b.Seal()
	}
}

// values encodes values one after the other.
func values(write func(w *wire.Writer)) []byte {
	w := wire.NewWriter()
	write(w)
	return w.Written()
}

// deep returns a map with n levels below it.
func deep(n int) stream.Meta {
	m := stream.Meta{}
	for range n {
		m = stream.Meta{"m": m}
	}
	return m
}

// Cases returns all small cases.
func Cases() []Case {
	var all []Case
	for _, list := range [][]Case{lengths(), places(), nodes(), agreement(), entries(), payloads(), parents(), limits()} {
		all = append(all, list...)
	}
	return all
}
