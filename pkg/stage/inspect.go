package stage

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/bits"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Report describes an archive or a stream of frames. Its JSON form only ever gains fields.
type Report struct {
	Version  int              `json:"version"` // of this object: 1
	Kind     string           `json:"kind"`    // archive or stream
	ID       string           `json:"id,omitempty"`
	Size     int64            `json:"stored_bytes"` // of the archive or stream as a whole
	Bytes    int64            `json:"bytes"`        // of content
	Streams  []StreamReport   `json:"streams"`
	Segments int64            `json:"segments"`
	Data     Count            `json:"data"`
	Zero     Count            `json:"zero"`
	Hole     Count            `json:"hole"`
	Ref      Count            `json:"ref"`
	Parent   Count            `json:"parent"`        // chunks that parents hold
	Patch    Count            `json:"patch"`         // chunks that patches make
	Programs int64            `json:"program_bytes"` // of the patches
	Parents  []ParentReport   `json:"parents"`
	Raw      int64            `json:"raw_bytes"`      // of payloads, decoded
	Payload  int64            `json:"payload_bytes"`  // of payloads, as stored
	Dedup    float64          `json:"dedup_ratio"`    // (data + patch + ref + parent) / (data + patch)
	Delta    float64          `json:"delta_ratio"`    // (data + patch) / raw
	Compress float64          `json:"compress_ratio"` // raw / payload
	Total    float64          `json:"total_ratio"`    // content / stored
	Codecs   map[string]Count `json:"codecs"`         // segments and stored bytes
	Dicts    int              `json:"dictionaries"`
	Stages   []any            `json:"stages"`
	Chunks   []Bucket         `json:"chunk_sizes"` // of data chunks

	Encrypted  bool     `json:"encrypted"`
	Locked     bool     `json:"locked"`     // no identity was given: all about the content is left out
	Recipients []string `json:"recipients"` // the kinds of those who can open it
	Signatures []string `json:"signatures"` // ids of the keys; whether they are right is not checked
}

// MarshalJSON leaves out of the report on a locked archive what cannot be known.
func (rep *Report) MarshalJSON() ([]byte, error) {
	type all Report // without this method
	whole, err := json.Marshal((*all)(rep))
	if err != nil || !rep.Locked {
		return whole, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(whole, &fields); err != nil {
		return nil, err
	}
	for name := range fields {
		switch name {
		case "version", "kind", "id", "stored_bytes", "encrypted", "locked", "recipients", "signatures":
		default:
			delete(fields, name)
		}
	}
	return json.Marshal(fields)
}

// ParentReport describes a parent of a thin archive.
type ParentReport struct {
	ID   string `json:"id"`
	Hint string `json:"hint"`
}

// StreamReport describes a stream.
type StreamReport struct {
	Name    string            `json:"name"`
	Size    int64             `json:"bytes"`
	Root    string            `json:"root"`
	Chunker map[string]any    `json:"chunker"`
	Digests map[string]string `json:"digests,omitempty"`
}

// Bucket counts the chunks of Min to Max bytes.
type Bucket struct {
	Min   int64 `json:"min"`
	Max   int64 `json:"max"`
	N     int64 `json:"n"`
	Bytes int64 `json:"bytes"`
}

// SegmentLine describes a segment.
type SegmentLine struct {
	Stream  string `json:"stream"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes"`
	Entries int    `json:"entries"`
	Raw     int64  `json:"raw_bytes"`   // of its data chunks and patches
	Pos     int64  `json:"position"`    // of its frame
	Len     int64  `json:"frame_bytes"` // of its frame
}

// ChunkLine describes an entry.
type ChunkLine struct {
	Stream  string `json:"stream"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes"`
	Kind    string `json:"kind"` // data, zero, hole, ref, parent or patch
	Hash    string `json:"hash,omitempty"`
	Ordinal *int64 `json:"ordinal,omitempty"`       // number of the chunk; none of zero and hole
	Parent  *int32 `json:"parent,omitempty"`        // of parent: which one
	Program *int   `json:"program_bytes,omitempty"` // of patch
}

// InspectOptions ask for lines beside the report. They are called in order.
type InspectOptions struct {
	Segment func(SegmentLine) error
	Chunk   func(ChunkLine) error

	Identities []age.Identity // of InspectStream, to open an encrypted archive
}

// inspector collects a report.
type inspector struct {
	o       InspectOptions
	hashes  []stream.Hash // of the data chunks, if chunks are listed
	buckets [64]Count     // by length in bits
}

// Inspect reports on an archive, of a locked one what can be told. It reads the index and no
// payload. Listing chunks takes 32 bytes of memory for each.
func Inspect(r *archive.Reader, o InspectOptions) (*Report, error) {
	in := &inspector{o: o}
	err := r.Locked()
	if err == nil {
		streams := r.Info().Streams
		err = r.EntryPages(func(at archive.Place, entries []stream.Entry) error {
			return in.segment(streams[at.Stream].Name, at, entries)
		})
	} else if o.Segment == nil && o.Chunk == nil {
		err = nil // there is still something to tell
	}
	if err != nil {
		return nil, err
	}
	rep := in.report(r.Info(), r.Size())
	rep.Kind, rep.ID, rep.Dicts = "archive", r.ID().String(), r.Dicts()
	rep.Encrypted, rep.Locked, rep.Recipients = r.Encrypted(), r.Locked() != nil, r.RecipientKinds()
	rep.sign(r.Signatures())
	return rep, nil
}

// InspectStream reports on a stream of frames, or on an archive that is read from front to
// back.
func InspectStream(src io.Reader, o InspectOptions) (*Report, error) {
	scan := archive.NewScanner(src, o.Identities...)
	in := &inspector{o: o}
	info := &archive.Info{}
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
			at := archive.Place{Stream: len(info.Streams) - 1, Offset: f.Offset, Pos: pos, Len: n}
			err := in.segment(info.Streams[at.Stream].Name, at, f.Entries)
			f.Release()
			if err != nil {
				return nil, err
			}
		}
	}
	rep := in.report(info, size)
	rep.Kind, rep.Dicts = "stream", dicts
	if id, ok := scan.ID(); ok {
		rep.Kind, rep.ID = "archive", id.String()
	}
	rep.Recipients = scan.RecipientKinds()
	rep.Encrypted = len(rep.Recipients) > 0
	rep.sign(scan.Signatures())
	return rep, nil
}

// sign notes whose signatures there are.
func (rep *Report) sign(list []seal.Signature) {
	rep.Signatures = []string{}
	for _, s := range list {
		rep.Signatures = append(rep.Signatures, s.KeyID())
	}
}

// segment takes in the entries of a segment.
func (in *inspector) segment(name string, at archive.Place, entries []stream.Entry) error {
	line := SegmentLine{Stream: name, Offset: at.Offset, Entries: len(entries), Pos: at.Pos, Len: at.Len}
	for i := range entries {
		e := &entries[i]
		if e.Kind == stream.Data {
			b := &in.buckets[bits.Len64(uint64(e.Len))]
			b.N++
			b.Bytes += e.Len
		}
		line.Raw += int64(e.PayloadLen())
		if in.o.Chunk != nil {
			if err := in.chunk(name, at.Offset+line.Bytes, e); err != nil {
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

func (in *inspector) chunk(name string, offset int64, e *stream.Entry) error {
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
	case stream.Zero:
		line.Kind = "zero"
	case stream.Hole:
		line.Kind = "hole"
	}
	return in.o.Chunk(line)
}

func (in *inspector) report(info *archive.Info, size int64) *Report {
	t := &info.Totals
	rep := &Report{
		Version: 1, Size: size, Segments: t.Segments, Streams: []StreamReport{},
		Bytes: t.Bytes(),
		Data:  Count(t.Data), Zero: Count(t.Zero), Hole: Count(t.Hole), Ref: Count(t.Ref), Parent: Count(t.Parent), Parents: []ParentReport{},
		Patch: Count(t.Patch), Programs: t.Programs(),
		Raw: t.Raw, Payload: t.Stored, Codecs: map[string]Count{}, Chunks: []Bucket{}, Stages: []any{},
	}
	for _, p := range info.Parents {
		rep.Parents = append(rep.Parents, ParentReport{p.ID.String(), p.Hint})
	}
	own := t.Data.Bytes + t.Patch.Bytes
	rep.Dedup = ratio(own+t.Ref.Bytes+t.Parent.Bytes, own)
	rep.Delta = ratio(own, t.Raw)
	rep.Compress = ratio(t.Raw, t.Stored)
	rep.Total = ratio(rep.Bytes, size)
	for name, c := range t.Codecs {
		rep.Codecs[name] = Count(c)
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

// ratio returns a/b, and 1 if there is nothing.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}
