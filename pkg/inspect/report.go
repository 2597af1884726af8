package inspect

import (
	"encoding/json"

	"hexz/pkg/index"
)

// Report describes an archive or a stream of frames. Its JSON form only ever gains fields.
type Report struct {
	Version  int                    `json:"version"` // of this object: 1
	Kind     string                 `json:"kind"`    // archive or stream
	ID       string                 `json:"id,omitempty"`
	Size     int64                  `json:"stored_bytes"` // of the archive or stream as a whole
	Bytes    int64                  `json:"bytes"`        // of content
	Streams  []StreamReport         `json:"streams"`
	Segments int64                  `json:"segments"`
	Data     index.Count            `json:"data"`
	Zero     index.Count            `json:"zero"`
	Hole     index.Count            `json:"hole"`
	Ref      index.Count            `json:"ref"`
	Parent   index.Count            `json:"parent"`        // chunks that parents hold
	Patch    index.Count            `json:"patch"`         // chunks that patches make
	Programs int64                  `json:"program_bytes"` // of the patches
	Node     index.Count            `json:"node"`          // parts of streams of parents, of any size
	Parents  []ParentReport         `json:"parents"`
	Raw      int64                  `json:"raw_bytes"`      // of payloads, decoded
	Payload  int64                  `json:"payload_bytes"`  // of payloads, as stored
	Dedup    float64                `json:"dedup_ratio"`    // (data + patch + ref + parent + node) / (data + patch)
	Delta    float64                `json:"delta_ratio"`    // (data + patch) / raw
	Compress float64                `json:"compress_ratio"` // raw / payload
	Total    float64                `json:"total_ratio"`    // content / stored
	Codecs   map[string]index.Count `json:"codecs"`         // segments and stored bytes
	Dicts    int                    `json:"dictionaries"`
	Stages   []any                  `json:"stages"`
	Chunks   []Bucket               `json:"chunk_sizes"` // of data chunks

	Encrypted  bool     `json:"encrypted"`
	Locked     bool     `json:"locked"`     // no identity was given; the content is left out
	Recipients []string `json:"recipients"` // kinds of the recipients who can open it
	Signatures []string `json:"signatures"` // ids of the keys; the signatures are not verified
}

// MarshalJSON leaves unknown fields out of the report on a locked archive.
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
	Kind    string `json:"kind"`                    // data, zero, hole, ref, parent, patch or node
	Hash    string `json:"hash,omitempty"`          // for node: its digest
	Ordinal *int64 `json:"ordinal,omitempty"`       // number of the chunk; none for zero, hole and node
	Parent  *int32 `json:"parent,omitempty"`        // for parent and node: number of the parent
	Program *int   `json:"program_bytes,omitempty"` // for patch

	// for node
	Level        *uint8  `json:"level,omitempty"`
	ParentStream *uint16 `json:"parent_stream,omitempty"` // number of the stream in the parent
	ParentOffset *int64  `json:"parent_offset,omitempty"` // where the node begins in that stream
}
