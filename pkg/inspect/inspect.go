package inspect

import (
	"encoding/hex"
	"errors"
	"io"
	"math/bits"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Options ask for lines in addition to the report. The functions are called in order.
type Options struct {
	Segment func(SegmentLine) error
	Chunk   func(ChunkLine) error

	Identities seal.Opener // of Stream, to open an encrypted archive
}

// inspector collects a report.
type inspector struct {
	o       Options
	hashes  []stream.Hash   // of the data chunks, if chunks are listed
	buckets [64]index.Count // by length in bits
}

// Archive reports on an archive; the report on a locked one has only the public facts. It reads the
// index and no payload. Listing chunks takes 32 bytes of memory for each chunk.
func Archive(r *archive.Reader, o Options) (*Report, error) {
	in := &inspector{o: o}
	err := r.Locked()
	if err == nil {
		streams := r.Info().Streams
		for s, err := range r.Segments() {
			if err == nil {
				err = in.addSegment(streams[s.Stream].Name, s)
			}
			if err != nil {
				return nil, err
			}
		}
	} else if o.Segment == nil && o.Chunk == nil {
		err = nil // the rest of the report is still possible
	}
	if err != nil {
		return nil, err
	}
	rep := in.newReport(r.Info(), r.Size())
	rep.Kind, rep.ID, rep.Dicts = "archive", r.ID().String(), r.Dicts()
	rep.Encrypted, rep.Locked, rep.Recipients = r.Encrypted(), r.Locked() != nil, r.RecipientKinds()
	rep.addSigners(r.Signatures())
	return rep, nil
}

// Stream reports on a stream of frames, or on an archive that is read from front to back.
func Stream(src io.Reader, o Options) (*Report, error) {
	scan := archive.NewScanner(src, o.Identities)
	in := &inspector{o: o}
	info := &index.Info{}
	size, dicts := int64(0), 0
	for {
		f, err := scan.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		pos, n := scan.Range()
		size = pos + n
		info.Add(f)
		if _, ok := f.(*stream.Dict); ok {
			dicts++
		}
		if f, ok := f.(*stream.Segment); ok {
			at := index.Place{Stream: len(info.Streams) - 1, Offset: f.Offset, Pos: pos, Len: n}
			err := in.addSegment(info.Streams[at.Stream].Name, index.Segment{Place: at, Entries: f.Entries})
			f.Release()
			if err != nil {
				return nil, err
			}
		}
	}
	rep := in.newReport(info, size)
	rep.Kind, rep.Dicts = "stream", dicts
	if id, ok := scan.ID(); ok {
		rep.Kind, rep.ID = "archive", id.String()
	}
	rep.Recipients = scan.RecipientKinds()
	rep.Encrypted = len(rep.Recipients) > 0
	rep.addSigners(scan.Signatures())
	return rep, nil
}

// addSigners records the keys of the signatures.
func (rep *Report) addSigners(list []seal.Signature) {
	rep.Signatures = []string{}
	for _, s := range list {
		rep.Signatures = append(rep.Signatures, s.KeyID())
	}
}

// addSegment adds the entries of a segment to the report.
func (in *inspector) addSegment(name string, s index.Segment) error {
	line := SegmentLine{Stream: name, Offset: s.Offset, Entries: len(s.Entries), Pos: s.Pos, Len: s.Len}
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind == stream.Data {
			b := &in.buckets[bits.Len64(uint64(e.Len))]
			b.N++
			b.Bytes += e.Len
		}
		line.Raw += int64(e.PayloadLen())
		if in.o.Chunk != nil {
			if err := in.describeChunk(name, s.Offset+line.Bytes, e); err != nil {
				return err
			}
		}
		line.Bytes += e.Len
	}
	if in.o.Segment != nil {
		return in.o.Segment(line)
	}
	return nil
}

func (in *inspector) describeChunk(name string, offset int64, e *stream.Entry) error {
	line := ChunkLine{Stream: name, Offset: offset, Bytes: e.Len}
	switch e.Kind {
	case stream.Data, stream.Patched:
		n := int64(len(in.hashes))
		in.hashes = append(in.hashes, e.Hash)
		line.Kind, line.Hash, line.Ordinal = "data", e.Hash.String(), &n
		if e.Kind == stream.Patched {
			line.Kind, line.Program = "patch", &e.Patch.Len
		}
	case stream.Ref:
		line.Kind = "ref"
		hash := e.Hash
		if n := e.Ordinal; n != stream.NoOrdinal {
			line.Ordinal = &n
			if n < int64(len(in.hashes)) {
				hash = in.hashes[n]
			}
		}
		line.Hash = hash.String()
	case stream.ParentRef:
		line.Kind, line.Hash, line.Ordinal, line.Parent = "parent", e.Hash.String(), &e.Ordinal, &e.Parent
	case stream.NodeRef:
		line.Kind, line.Hash, line.Level = "node", e.Hash.String(), &e.Level
		line.Parent, line.ParentStream, line.ParentOffset = &e.Parent, &e.Stream, &e.Offset
	case stream.Zero:
		line.Kind = "zero"
	case stream.Hole:
		line.Kind = "hole"
	}
	return in.o.Chunk(line)
}

func (in *inspector) newReport(info *index.Info, size int64) *Report {
	t := &info.Totals
	rep := &Report{
		Version: 1, Size: size, Segments: t.Segments, Streams: []StreamReport{},
		Bytes: t.Bytes(),
		Data:  t.Data, Zero: t.Zero, Hole: t.Hole, Ref: t.Ref, Parent: t.Parent, Parents: []ParentReport{},
		Patch: t.Patch, Programs: t.Programs(), Node: t.Node,
		Raw: t.Raw, Payload: t.Stored, Codecs: map[string]index.Count{}, Chunks: []Bucket{}, Stages: []any{},
	}
	for _, p := range info.Parents {
		rep.Parents = append(rep.Parents, ParentReport{p.ID.String(), p.Hint})
	}
	own := t.Data.Bytes + t.Patch.Bytes
	rep.Dedup = ratio(own+t.Ref.Bytes+t.Parent.Bytes+t.Node.Bytes, own)
	rep.Delta = ratio(own, t.Raw)
	rep.Compress = ratio(t.Raw, t.Stored)
	rep.Total = ratio(rep.Bytes, size)
	for name, c := range t.Codecs {
		rep.Codecs[name] = c
	}
	if list, ok := info.Meta["stages"].([]any); ok {
		rep.Stages = list
	}
	for _, s := range info.Streams {
		r := StreamReport{Name: s.Name, Size: s.Size, Root: s.Root.String(), Chunker: s.Chunker}
		for name, sum := range s.Digests {
			if r.Digests == nil {
				r.Digests = map[string]string{}
			}
			r.Digests[name] = hex.EncodeToString(sum)
		}
		rep.Streams = append(rep.Streams, r)
	}
	for n, c := range in.buckets {
		if c.N > 0 {
			rep.Chunks = append(rep.Chunks, Bucket{Min: 1 << (n - 1), Max: 1<<n - 1, N: c.N, Bytes: c.Bytes})
		}
	}
	return rep
}

// ratio returns a/b, or 1 if b is 0.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}
