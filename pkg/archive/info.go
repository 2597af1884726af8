package archive

import (
	"maps"
	"slices"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The part of the root that tells about the content: what is sealed in an encrypted archive.

func appendInfo(w *wire.Writer, r *root) {
	w.Array(7)
	appendStrings(w, r.info.Features)
	w.Meta(r.info.Meta)
	w.Array(len(r.info.Parents))
	for _, p := range r.info.Parents {
		w.Array(3)
		w.Bytes(p.ID[:])
		w.String(p.Hint)
		w.Bytes(p.Content[:])
	}
	w.Array(len(r.info.Streams))
	for _, s := range r.info.Streams {
		appendStream(w, s)
	}
	appendTotals(w, &r.info.Totals)
	w.Array(len(r.dicts))
	for _, d := range r.dicts {
		w.Array(4)
		w.Int(d.id)
		appendSpan(w, d.span)
	}
	w.Array(len(r.firsts))
	for _, f := range r.firsts {
		w.Array(4)
		appendKey(w, f.key)
		w.Int(f.segment)
	}
}

func readInfo(in *wire.Reader, r *root) {
	tuple(in, 7)
	r.info.Features = readStrings(in)
	r.info.Meta = in.Meta()
	for n := in.Array(stream.MaxParents); n > 0 && in.Err() == nil; n-- {
		tuple(in, 3)
		p := stream.Parent{Index: int64(len(r.info.Parents))}
		in.Fixed(p.ID[:])
		p.Hint = in.String(stream.MaxName)
		in.Fixed(p.Content[:])
		r.info.Parents = append(r.info.Parents, p)
	}
	for n := in.Array(stream.MaxStreams); n > 0 && in.Err() == nil; n-- {
		r.info.Streams = append(r.info.Streams, readStream(in))
	}
	readTotals(in, &r.info.Totals)
	for n := in.Array(stream.MaxDicts); n > 0 && in.Err() == nil; n-- {
		tuple(in, 4)
		r.dicts = append(r.dicts, dictRef{in.Int(stream.MaxSize), readSpan(in, stream.MaxDict+100)})
	}
	for n := in.Array(maxPages); n > 0 && in.Err() == nil; n-- {
		tuple(in, 4)
		r.firsts = append(r.firsts, first{readKey(in), in.Int(stream.MaxSize)})
	}
}

func appendStrings(w *wire.Writer, list []string) {
	w.Array(len(list))
	for _, s := range list {
		w.String(s)
	}
}

func readStrings(in *wire.Reader) (list []string) {
	for n := in.Array(maxPages); n > 0 && in.Err() == nil; n-- {
		list = append(list, in.String(stream.MaxName))
	}
	return list
}

func appendStream(w *wire.Writer, s Stream) {
	w.Array(6)
	w.Int(s.ID)
	w.String(s.Name)
	w.Int(s.Size)
	w.Bytes(s.Root[:])
	w.Meta(s.Chunker)
	stream.AppendDigests(w, s.Digests)
}

func readStream(in *wire.Reader) Stream {
	tuple(in, 6)
	s := Stream{ID: in.Int(stream.MaxSize), Name: in.String(stream.MaxName), Size: in.Int(stream.MaxSize)}
	in.Fixed(s.Root[:])
	s.Chunker = in.Meta()
	s.Digests = stream.ReadDigests(in)
	return s
}

func (c Count) append(w *wire.Writer) {
	w.Int(c.N)
	w.Int(c.Bytes)
}

func readCount(in *wire.Reader) Count {
	return Count{in.Int(stream.MaxSize), in.Int(stream.MaxSize)}
}

// Totals have two elements more if there are patches, at their end.
const (
	totalsElements  = 14
	patchedElements = totalsElements + 2
)

func appendTotals(w *wire.Writer, t *Totals) {
	if t.Patch.N > 0 {
		w.Array(patchedElements)
	} else {
		w.Array(totalsElements)
	}
	for _, c := range []Count{t.Data, t.Zero, t.Hole, t.Ref, t.Parent} {
		c.append(w)
	}
	w.Int(t.Segments)
	w.Int(t.Raw)
	w.Int(t.Stored)
	w.Map(len(t.Codecs))
	for _, name := range slices.Sorted(maps.Keys(t.Codecs)) {
		w.String(name)
		w.Array(2)
		t.Codecs[name].append(w)
	}
	if t.Patch.N > 0 {
		t.Patch.append(w)
	}
}

func readTotals(in *wire.Reader, t *Totals) {
	elements := in.Array(patchedElements)
	if in.Err() == nil && elements != totalsElements && elements != patchedElements {
		in.Failf("totals of %d elements", elements)
	}
	for _, c := range []*Count{&t.Data, &t.Zero, &t.Hole, &t.Ref, &t.Parent} {
		*c = readCount(in)
	}
	t.Segments = in.Int(stream.MaxSize)
	t.Raw = in.Int(stream.MaxSize)
	t.Stored = in.Int(stream.MaxSize)
	n := in.Map(1000)
	if n > 0 {
		t.Codecs = map[string]Count{}
	}
	for ; n > 0 && in.Err() == nil; n-- {
		name := in.String(stream.MaxName)
		tuple(in, 2)
		t.Codecs[name] = readCount(in)
	}
	if elements == patchedElements {
		t.Patch = readCount(in)
	}
}
