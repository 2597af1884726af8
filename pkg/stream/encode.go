package stream

import (
	"slices"
	"strings"

	"hexz/pkg/stream/wire"
)

// Append writes f to w without the payload of a segment, which the caller writes after it.
func Append(w *wire.Writer, f Frame) {
	w.Array(f.Kind().arity())
	w.Int(int64(f.Kind()))
	switch f := f.(type) {
	case *Header:
		w.String(Magic)
		w.Int(Version)
		w.Array(len(f.Features))
		for _, name := range f.Features {
			w.String(name)
		}
		w.Meta(f.Meta)
	case *Parent:
		w.Int(f.Index)
		w.Bytes(f.ID[:])
		w.String(f.Hint)
		w.Bytes(f.Content[:])
	case *Open:
		w.Int(f.ID)
		w.String(f.Name)
		if f.Size < 0 {
			w.Nil()
		} else {
			w.Int(f.Size)
		}
		w.Meta(f.Chunker)
	case *Segment:
		w.Int(f.Stream)
		w.Int(f.Offset)
		AppendEntries(w, f.Entries, true)
		w.String(f.Codec)
		w.Int(int64(f.RawLen))
		w.BytesHead(f.PayloadLen())
	case *Dict:
		w.Int(f.ID)
		w.Bytes(f.Bytes)
	case *Close:
		w.Int(f.ID)
		w.Int(f.Size)
		w.Bytes(f.Root[:])
		AppendDigests(w, f.Digests)
	case *End:
		w.Meta(f.Totals)
		w.Bytes(f.Root[:])
	case *Abort:
		w.String(cut(f.Stage, MaxName))
		w.String(cut(f.Message, maxMessage))
	}
}

// AppendEntries writes an array of entries. If refHash is false, refs and own bases have no hash.
func AppendEntries(w *wire.Writer, entries []Entry, refHash bool) {
	w.Array(len(entries))
	for i := range entries {
		appendEntry(w, &entries[i], refHash)
	}
}

func appendEntry(w *wire.Writer, e *Entry, refHash bool) {
	switch e.Kind {
	case Data:
		w.Array(3)
	case ParentRef, Patched:
		w.Array(5)
	case NodeRef:
		w.Array(8)
	case Ref:
		if refHash {
			w.Array(4)
		} else {
			w.Array(3)
		}
	default:
		w.Array(2)
	}
	w.Int(int64(e.Kind))
	w.Int(e.Len)
	if e.Kind != Ref && !e.Kind.IsRun() || e.Kind == Ref && refHash {
		w.Bytes(e.Hash[:])
	}
	if e.Kind == Patched {
		appendBases(w, e.Patch.Bases, refHash)
		w.Int(int64(e.Patch.Len))
	}
	if e.Kind == ParentRef {
		w.Int(int64(e.Parent))
		w.Int(e.Ordinal)
	}
	if e.Kind == Ref {
		appendOrdinal(w, e.Ordinal)
	}
	if e.Kind == NodeRef {
		w.Int(int64(e.Level))
		w.Int(int64(e.Parent))
		w.Int(int64(e.Stream))
		w.Int(e.Offset)
		w.Int(e.Holes)
	}
}

func appendBases(w *wire.Writer, bases []Base, hash bool) {
	w.Array(len(bases))
	for i := range bases {
		b := &bases[i]
		w.Array(2)
		switch {
		case b.Parent != OwnBase:
			w.Int(int64(b.Parent))
		case hash:
			w.Bytes(b.Hash[:])
		default:
			w.Nil()
		}
		appendOrdinal(w, b.Ordinal)
	}
}

func appendOrdinal(w *wire.Writer, n int64) {
	if n == NoOrdinal {
		w.Nil()
	} else {
		w.Int(n)
	}
}

// AppendDigests writes a map of digests with its keys in order.
func AppendDigests(w *wire.Writer, digests map[string][]byte) {
	names := make([]string, 0, len(digests))
	for name := range digests {
		names = append(names, name)
	}
	slices.Sort(names)
	w.Map(len(names))
	for _, name := range names {
		w.String(name)
		w.Bytes(digests[name])
	}
}

// cut bounds a text of unknown origin to n bytes, and makes it valid UTF-8.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
