package archive

import (
	"maps"
	"slices"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// root is the last frame of the index.
type root struct {
	features      []string // what a reader must know to read the file
	maps, entries []span
	runs          []run
	content       []byte // what follows, encoded, and sealed if the archive is encrypted

	info   Info
	dicts  []dictRef
	firsts []first // a page
}

// run covers up to runFrames frames of the body, which follow each other without a gap. Its
// digest is BLAKE3 over the digests of the frames.
type run struct {
	span
	frames int
}

type dictRef struct {
	id int64
	span
}

// first is the key of the first segment of a page, with the number of segments before it.
type first struct {
	key
	segment int64
}

// Info is what an archive tells about its content as a whole.
type Info struct {
	Features []string    // of the header: what a reader must know to read the content
	Meta     stream.Meta // of the header
	Parents  []stream.Parent
	Streams  []Stream
	Totals   Totals
}

// Stream is a stream of an archive.
type Stream struct {
	ID      int64
	Name    string
	Size    int64
	Root    Hash
	Chunker stream.Meta
	Digests map[string][]byte
}

// Add takes in what a frame of the body tells.
func (info *Info) Add(f stream.Frame) {
	switch f := f.(type) {
	case *stream.Header:
		info.Features, info.Meta = f.Features, maps.Clone(f.Meta)
		delete(info.Meta, sealedKey) // which tells of the file
		delete(info.Meta, openedKey)
	case *stream.Parent:
		info.Parents = append(info.Parents, *f)
	case *stream.Open:
		info.Streams = append(info.Streams, Stream{ID: f.ID, Name: f.Name, Chunker: f.Chunker})
	case *stream.Segment:
		info.Totals.Add(f)
	case *stream.Close:
		s := &info.Streams[len(info.Streams)-1]
		s.Size, s.Root, s.Digests = f.Size, f.Root, f.Digests
	}
}

// Root returns the root of all streams, as the End frame has it: the content of the archive, which
// stays the same when it is compressed or encrypted anew.
func (info *Info) Root() Hash {
	var end stream.EndRoot
	for i := range info.Streams {
		s := &info.Streams[i]
		end.Add(s.Name, s.Size, s.Root)
	}
	return end.Sum()
}

// Origin is what tells whether an archive can take the place of another: what it holds, and its parents.
type Origin struct {
	root    Hash
	parents []Hash // ids
}

// Origin returns the origin of the archive, which is the same after it was compressed or encrypted
// anew.
func (info *Info) Origin() Origin {
	c := Origin{root: info.Root()}
	for i := range info.Parents {
		c.parents = append(c.parents, info.Parents[i].ID)
	}
	return c
}

// ServesAs reports whether an archive of this origin can take the place of a parent, as it has the
// same root. It must not have that parent itself: then it may hold nothing of the content.
func (c Origin) ServesAs(want *stream.Parent) bool {
	return c.root == want.Content && !slices.Contains(c.parents, want.ID)
}

// Totals count entries and the bytes that they stand for, and segments.
type Totals struct {
	Data, Zero, Hole, Ref, Parent, Patch Count

	Segments    int64
	Raw, Stored int64            // bytes of payloads, decoded and as stored
	Codecs      map[string]Count // segments and stored bytes by codec
}

// Count counts things and their bytes.
type Count struct {
	N     int64 `json:"n"`
	Bytes int64 `json:"bytes"`
}

// Add counts one thing of n bytes.
func (c *Count) Add(n int64) {
	c.N++
	c.Bytes += n
}

// Add counts a segment.
func (t *Totals) Add(s *stream.Segment) {
	for i := range s.Entries {
		t.AddEntry(&s.Entries[i])
	}
	t.Segments++
	t.Raw += int64(s.RawLen)
	t.Stored += int64(s.PayloadLen())
	if s.RawLen > 0 {
		if t.Codecs == nil {
			t.Codecs = map[string]Count{}
		}
		c := t.Codecs[s.Codec]
		t.Codecs[s.Codec] = Count{c.N + 1, c.Bytes + int64(s.PayloadLen())}
	}
}

// Bytes returns the bytes of content that all entries stand for.
func (t *Totals) Bytes() int64 {
	return t.Data.Bytes + t.Zero.Bytes + t.Hole.Bytes + t.Ref.Bytes + t.Parent.Bytes + t.Patch.Bytes
}

// Chunks returns the number of entries that have an ordinal.
func (t *Totals) Chunks() int64 { return t.Data.N + t.Patch.N }

// Programs returns the bytes of all patch programs: what is in the decoded payloads beside data.
func (t *Totals) Programs() int64 { return t.Raw - t.Data.Bytes }

// AddEntry counts an entry.
func (t *Totals) AddEntry(e *stream.Entry) {
	c := &t.Data
	switch e.Kind {
	case stream.Zero:
		c = &t.Zero
	case stream.Hole:
		c = &t.Hole
	case stream.Ref:
		c = &t.Ref
	case stream.ParentRef:
		c = &t.Parent
	case stream.Patched:
		c = &t.Patch
	}
	c.Add(e.Len)
}

func appendRoot(w *wire.Writer, r *root) {
	w.Array(6)
	w.Int(int64(kindRoot))
	appendStrings(w, r.features)
	for _, list := range [][]span{r.maps, r.entries} {
		w.Array(len(list))
		for _, s := range list {
			w.Array(3)
			appendSpan(w, s)
		}
	}
	w.Array(len(r.runs))
	for _, s := range r.runs {
		w.Array(4)
		appendSpan(w, s.span)
		w.Int(int64(s.frames))
	}
	w.Bytes(r.content)
}

// parseRoot reads a root, but for its content.
func parseRoot(b []byte) (*root, error) {
	in := wire.NewBytesReader(b)
	r := &root{}
	indexFrame(in, kindRoot, 6)
	r.features = readStrings(in)
	for _, list := range []*[]span{&r.maps, &r.entries} {
		for n := in.Array(maxPages); n > 0 && in.Err() == nil; n-- {
			tuple(in, 3)
			*list = append(*list, readSpan(in, maxIndexFrame))
		}
	}
	for n := in.Array(maxPages); n > 0 && in.Err() == nil; n-- {
		tuple(in, 4)
		r.runs = append(r.runs, run{readSpan(in, stream.MaxSize), int(in.Int(runFrames))})
	}
	r.content = in.Bytes(maxIndexFrame)
	if err := finish(in); err != nil {
		return nil, err
	}
	if len(r.maps) != len(r.entries) {
		return nil, corruptf("root with %d map pages and %d entry pages", len(r.maps), len(r.entries))
	}
	return r, stream.CheckFeatures(r.features)
}

// encrypted tells whether the content of the archive is sealed.
func (r *root) encrypted() bool { return slices.Contains(r.features, stream.FeatureEncrypted) }

// seal encodes the content.
func (r *root) seal(c *ciphers) {
	w := wire.NewWriter()
	appendInfo(w, r)
	r.content = c.seal(infoDomain, 0, w.Written())
}

// open decodes the content, and tells whether the lists of the root fit together.
func (r *root) open(c *ciphers) error {
	content, err := c.open(infoDomain, 0, r.content)
	if err != nil {
		return err
	}
	in := wire.NewBytesReader(content)
	readInfo(in, r)
	if err := finish(in); err != nil {
		return err
	}
	if err := stream.CheckFeatures(r.info.Features); err != nil {
		return err
	}
	if len(r.maps) != len(r.firsts) {
		return corruptf("root with %d map pages and %d keys", len(r.maps), len(r.firsts))
	}
	for i := 1; i < len(r.firsts); i++ {
		if a, b := r.firsts[i-1], r.firsts[i]; !a.key.before(b.key) || a.segment >= b.segment {
			return corruptf("pages %d and %d are out of order", i-1, i)
		}
	}
	if len(r.firsts) > 0 && r.firsts[0].segment != 0 {
		return corruptf("there are %d segments before the first page", r.firsts[0].segment)
	}
	if n := len(r.firsts); n > 0 && r.firsts[n-1].stream >= len(r.info.Streams) {
		return corruptf("page %d is of stream %d, there are %d", n-1, r.firsts[n-1].stream, len(r.info.Streams))
	}
	names, ids := map[string]bool{}, map[int64]bool{}
	for _, s := range r.info.Streams {
		switch {
		case !stream.ValidName(s.Name):
			return corruptf("stream name %q is empty or not UTF-8", s.Name)
		case names[s.Name]:
			return corruptf("two streams are named %q", s.Name)
		case ids[s.ID]:
			return corruptf("two streams have the id %d", s.ID)
		}
		names[s.Name], ids[s.ID] = true, true
	}
	return nil
}

// before tells whether a segment at k can precede one at l.
func (k key) before(l key) bool {
	return k.ordinal <= l.ordinal && (k.stream < l.stream || k.stream == l.stream && k.offset < l.offset)
}
