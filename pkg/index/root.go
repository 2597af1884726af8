package index

import (
	"fmt"
	"maps"
	"slices"

	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Root is the last frame of the index.
type Root struct {
	Features []string // what a reader must know to read the file
	Areas    [2]int64 // bytes of the pages before the root: of segments, and of nodes
	Rest     Extent   // frames after the last segment
	Lists    []List   // that of segments, and those of nodes by level
	Content  []byte   // the keys of the lists and the fields below, encoded, and sealed if the archive is encrypted

	Info  Info
	Dicts []DictRef
}

type DictRef struct {
	Id int64
	Extent
}

// Info describes the content of an archive as a whole.
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
	Level   int   // of the top of its content tree
	Holes   int64 // likewise, see stream.Node
	Chunker stream.Meta
	Digests map[string][]byte
}

// Add records a frame of the body.
func (info *Info) Add(f stream.Frame) {
	switch f := f.(type) {
	case *stream.Header:
		info.Features, info.Meta = f.Features, maps.Clone(f.Meta)
		delete(info.Meta, SealedKey) // which is about the file
		delete(info.Meta, OpenedKey)
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

// Root returns the root of all streams, as in the End frame. It identifies the content: it stays
// the same when the archive is compressed or encrypted anew.
func (info *Info) Root() Hash {
	var end stream.EndRoot
	for i := range info.Streams {
		s := &info.Streams[i]
		end.Add(s.Name, s.Size, s.Root)
	}
	return end.Sum()
}

// Origin decides whether an archive can take the place of another. It consists of the content and
// the parents.
type Origin struct {
	root    Hash
	parents []Hash // ids
}

// Origin returns the origin of the archive, which stays the same when the archive is compressed or
// encrypted anew.
func (info *Info) Origin() Origin {
	c := Origin{root: info.Root()}
	for i := range info.Parents {
		c.parents = append(c.parents, info.Parents[i].ID)
	}
	return c
}

// ServesAs reports whether an archive of this origin can take the place of a parent: it needs the
// same root. An archive that has that very parent is refused, because it may hold nothing of the
// content.
func (c Origin) ServesAs(want *stream.Parent) bool {
	return c.root == want.Content && !slices.Contains(c.parents, want.ID)
}

// Totals count entries and segments.
type Totals struct {
	Kinds

	Segments    int64
	Raw, Stored int64            // bytes of payloads, decoded and as stored
	Codecs      map[string]Count // segments and stored bytes by codec
}

// Kinds count entries by kind, and the bytes of content that these stand for. They are comparable.
type Kinds struct {
	Data, Zero, Hole, Ref, Parent, Patch, Node Count
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
func (k *Kinds) Bytes() (n int64) {
	for _, c := range k.counts() {
		n += c.Bytes
	}
	return n
}

// counts returns the counts of all kinds, in the order of their numbers.
func (k *Kinds) counts() [7]*Count {
	return [...]*Count{&k.Data, &k.Zero, &k.Hole, &k.Ref, &k.Parent, &k.Patch, &k.Node}
}

// Chunks returns the number of entries that have an ordinal.
func (k *Kinds) Chunks() int64 { return k.Data.N + k.Patch.N }

// Programs returns the bytes of all patch programs, which decoded payloads hold beside data.
func (t *Totals) Programs() int64 { return t.Raw - t.Data.Bytes }

// AddEntry counts an entry.
func (k *Kinds) AddEntry(e *stream.Entry) {
	c := &k.Data
	switch e.Kind {
	case stream.Zero:
		c = &k.Zero
	case stream.Hole:
		c = &k.Hole
	case stream.Ref:
		c = &k.Ref
	case stream.ParentRef:
		c = &k.Parent
	case stream.Patched:
		c = &k.Patch
	case stream.NodeRef:
		c = &k.Node
	}
	c.Add(e.Len)
}

func AppendRoot(w *wire.Writer, r *Root) {
	w.Array(6)
	w.Int(int64(KindRoot))
	appendStrings(w, r.Features)
	w.Array(len(r.Areas))
	for _, n := range r.Areas {
		w.Int(n)
	}
	w.Array(2)
	w.Int(r.Rest.Len)
	w.Bytes(r.Rest.Digest[:])
	w.Array(len(r.Lists))
	for i := range r.Lists {
		l := &r.Lists[i]
		w.Array(3)
		w.Int(int64(l.Pages))
		w.Int(l.Items)
		appendChildren(w, i, height(l.Pages), l.Top)
	}
	w.Bytes(r.Content)
}

// ParseRoot reads a root, but does not decode its content.
func ParseRoot(b []byte) (*Root, error) {
	in := wire.NewBytesReader(b)
	r := &Root{}
	IndexFrame(in, KindRoot, 6)
	r.Features = readStrings(in)
	tuple(in, len(r.Areas))
	for i := range r.Areas {
		r.Areas[i] = in.Int(stream.MaxSize / 4)
	}
	tuple(in, 2)
	r.Rest.Len = in.Int(stream.MaxSize)
	in.Fixed(r.Rest.Digest[:])
	for n := in.Array(maxLists); n > 0 && in.Err() == nil; n-- {
		r.Lists = append(r.Lists, readList(in, len(r.Lists)))
	}
	r.Content = in.Bytes(MaxIndexFrame)
	if err := finish(in); err != nil {
		return nil, err
	}
	if len(r.Lists) == 0 {
		return nil, Corruptf("root without a list of segments")
	}
	return r, stream.CheckFeatures(r.Features)
}

func readList(in *wire.Reader, number int) List {
	tuple(in, 3)
	l := List{Pages: int(in.Int(MaxPages)), Items: in.Int(stream.MaxSize)}
	h := height(l.Pages)
	l.Top = readChildren(in, number, h, l.countAt(h))
	return l
}

// Encrypted reports whether the content of the archive is sealed.
func (r *Root) Encrypted() bool { return slices.Contains(r.Features, stream.FeatureEncrypted) }

// Seal encodes the content.
func (r *Root) Seal(c *Ciphers) {
	w := wire.NewWriter()
	AppendInfo(w, r)
	r.Content = c.Seal(infoDomain, 0, w.Written())
}

// Open decodes the content, and checks that the lists of the root fit together.
func (r *Root) Open(c *Ciphers) error {
	content, err := c.Open(infoDomain, 0, r.Content)
	if err != nil {
		return err
	}
	in := wire.NewBytesReader(content)
	readInfo(in, r)
	if err := finish(in); err != nil {
		return err
	}
	if err := stream.CheckFeatures(r.Info.Features); err != nil {
		return err
	}
	for i := range r.Lists {
		l := &r.Lists[i]
		if err := checkChildren(l.Top, First{Position: l.begin()}, r.end(i)); err != nil {
			return fmt.Errorf("list %d: %w", i, err)
		}
	}
	if n := r.Lists[segmentList].Items; n != r.Info.Totals.Segments {
		return Corruptf("list of %d segments, there are %d", n, r.Info.Totals.Segments)
	}
	names, ids := map[string]bool{}, map[int64]bool{}
	for _, s := range r.Info.Streams {
		switch {
		case !stream.ValidName(s.Name):
			return Corruptf("stream name %q is empty or not UTF-8", s.Name)
		case names[s.Name]:
			return Corruptf("two streams are named %q", s.Name)
		case ids[s.ID]:
			return Corruptf("two streams have the id %d", s.ID)
		}
		names[s.Name], ids[s.ID] = true, true
	}
	return nil
}

// before reports whether a segment at k can precede one at l.
func (k Position) before(l Position) bool {
	return k.Ordinal <= l.Ordinal && (k.Stream < l.Stream || k.Stream == l.Stream && k.Offset < l.Offset)
}
