package index

import (
	"maps"
	"slices"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The part of the root that describes the content. An encrypted archive seals it.

func AppendInfo(w *wire.Writer, r *Root) {
	w.Array(7)
	appendStrings(w, r.Info.Features)
	w.Meta(r.Info.Meta)
	w.Array(len(r.Info.Parents))
	for _, p := range r.Info.Parents {
		w.Array(3)
		w.Bytes(p.ID[:])
		w.String(p.Hint)
		w.Bytes(p.Content[:])
	}
	w.Array(len(r.Info.Streams))
	for _, s := range r.Info.Streams {
		appendStream(w, s)
	}
	appendTotals(w, &r.Info.Totals)
	w.Array(len(r.Dicts))
	for _, d := range r.Dicts {
		w.Array(4)
		w.Int(d.Id)
		AppendExtent(w, d.Extent)
	}
	w.Array(len(r.Lists))
	for i := range r.Lists {
		appendKeys(w, r.Lists[i].Top)
	}
}

func readInfo(in *wire.Reader, r *Root) {
	tuple(in, 7)
	r.Info.Features = readStrings(in)
	r.Info.Meta = in.Meta()
	for n := in.Array(stream.MaxParents); n > 0 && in.Err() == nil; n-- {
		tuple(in, 3)
		p := stream.Parent{Index: int64(len(r.Info.Parents))}
		in.Fixed(p.ID[:])
		p.Hint = in.String(stream.MaxName)
		in.Fixed(p.Content[:])
		r.Info.Parents = append(r.Info.Parents, p)
	}
	for n := in.Array(stream.MaxStreams); n > 0 && in.Err() == nil; n-- {
		r.Info.Streams = append(r.Info.Streams, readStream(in))
	}
	readTotals(in, &r.Info.Totals)
	for n := in.Array(stream.MaxDicts); n > 0 && in.Err() == nil; n-- {
		tuple(in, 4)
		r.Dicts = append(r.Dicts, DictRef{in.Int(stream.MaxSize), readExtent(in, stream.MaxDict+100)})
	}
	tuple(in, len(r.Lists))
	for i := range r.Lists {
		readKeys(in, r.Lists[i].Top)
	}
}

// maxFeatures is the greatest number of features.
const maxFeatures = 1000

func appendStrings(w *wire.Writer, list []string) {
	w.Array(len(list))
	for _, s := range list {
		w.String(s)
	}
}

func readStrings(in *wire.Reader) (list []string) {
	for n := in.Array(maxFeatures); n > 0 && in.Err() == nil; n-- {
		list = append(list, in.String(stream.MaxName))
	}
	return list
}

func appendStream(w *wire.Writer, s Stream) {
	w.Array(8)
	w.Int(s.ID)
	w.String(s.Name)
	w.Int(s.Size)
	w.Bytes(s.Root[:])
	w.Int(int64(s.Level))
	w.Int(s.Holes)
	w.Meta(s.Chunker)
	stream.AppendDigests(w, s.Digests)
}

func readStream(in *wire.Reader) Stream {
	tuple(in, 8)
	s := Stream{ID: in.Int(stream.MaxSize), Name: in.String(stream.MaxName), Size: in.Int(stream.MaxSize)}
	in.Fixed(s.Root[:])
	s.Level, s.Holes = int(in.Int(stream.MaxLevel)), in.Int(stream.MaxSize)
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

const totalsElements = 18

func appendTotals(w *wire.Writer, t *Totals) {
	w.Array(totalsElements)
	for _, c := range t.counts() {
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
}

func readTotals(in *wire.Reader, t *Totals) {
	tuple(in, totalsElements)
	for _, c := range t.counts() {
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
}
