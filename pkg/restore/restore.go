package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Options choose the part that Archive and Stream restore. The zero value is the whole of the only
// stream.
type Options struct {
	Stream   string // name; "" is the only one
	Offset   int64
	Length   *int64 // nil is all up to the end
	Threads  int    // decoders; 0 is 1
	Progress flow.Progress
	OnParent flow.ParentFunc
	TempDir  string // of Stream's temporary file; "" is the system's

	Identities seal.Opener      // of Stream, to open an encrypted archive
	Find       archive.FindFunc // of Stream, to find parents
	CacheBytes int64            // of Stream, for segments of parents; 0 is 12 MiB
	Codecs     codec.Decoders   // of Stream, of codecs that package codec does not have
	SignedBy   []seal.PublicKey // who must have signed the archive

	// Note, if not nil, is called with a remark worth a line: that identities were given, but the
	// input is not encrypted.
	Note func(string)

	// Lost, if not nil, is called for each chunk that no parent has; zeros take its place. It is
	// not called for an error that may pass, like an error of a disk.
	Lost func(stream string, off, n int64, why error)
}

// End returns the offset in the stream where the part ends, or more if there is no Length.
func (o *Options) End() int64 {
	if o.Length != nil && *o.Length < math.MaxInt64-o.Offset {
		return o.Offset + *o.Length
	}
	return math.MaxInt64
}

// ErrChoose means that there is not exactly one stream, and none was named; or none has that name.
// Errors that are ErrChoose say which.
var ErrChoose = errors.New("a stream has to be chosen")

// ErrSeveral is the ErrChoose of several streams of which none was named.
var ErrSeveral error = chooseError("several streams")

// NoStreamError returns the ErrChoose of a name that no stream has. rest says which there are.
func NoStreamError(name, rest string) error {
	return chooseError(fmt.Sprintf("there is no stream %q%s", name, rest))
}

// chooseError is an ErrChoose that says no more than its text.
type chooseError string

func (e chooseError) Error() string        { return string(e) }
func (e chooseError) Is(target error) bool { return target == ErrChoose }

// Archive restores a stream of an archive to out.
func Archive(ctx context.Context, out archive.Output, r *archive.Reader, o Options) error {
	if err := r.Locked(); err != nil {
		return err
	}
	if err := r.Demand(o.SignedBy); err != nil {
		return err
	}
	flow.NotePlain(o.Note, r.RecipientKinds())
	no, err := Choose(r.Info().Streams, o.Stream)
	if err != nil {
		return err
	}
	if size := r.Info().Streams[no].Size; o.Offset <= size {
		if err := expect(out, min(size, o.End())-o.Offset); err != nil {
			return err
		}
	}
	if err := r.CheckParentsOf(no, o.Offset, o.End()); err != nil {
		return err
	}
	return r.Restore(ctx, no, out, archive.RestoreOptions{
		Offset: o.Offset, Length: o.Length, Threads: o.Threads, Progress: o.Progress,
	})
}

// maxNames is the largest number of streams that an error names.
const maxNames = 16

// Choose returns the number of the stream called name, or of the only one if name is "".
func Choose(streams []index.Stream, name string) (int, error) {
	var names []string
	for i := range streams {
		if streams[i].Name == name {
			return i, nil
		}
		if i < maxNames {
			names = append(names, fmt.Sprintf("%q", streams[i].Name))
		}
	}
	if more := len(streams) - maxNames; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	switch {
	case name == "" && len(streams) == 1:
		return 0, nil
	case name == "" && len(streams) == 0:
		return 0, chooseError("there is no stream")
	case name == "":
		return 0, fmt.Errorf("%w: %s", ErrSeveral, strings.Join(names, ", "))
	case len(streams) == 0:
		return 0, NoStreamError(name, "; there is none at all")
	case len(streams) == 1:
		return 0, NoStreamError(name, "; there is "+names[0])
	}
	return 0, NoStreamError(name, "; there are "+strings.Join(names, ", "))
}

// Stream restores a stream to out, from frames or from an archive that is read from front to back.
// A later segment may refer to any chunk. So Stream keeps a copy of all chunks in a temporary file
// without a name, and up to 80 bytes of memory for each.
//
// Every byte is verified before it is written. But only at the end it is known whether the stream
// is complete. If Stream fails, the caller has to withdraw the bytes that were written.
func Stream(ctx context.Context, out archive.Output, src io.Reader, o Options) error {
	store, err := flow.NewSpool(o.TempDir, "hexz-cat-*")
	if err != nil {
		return err
	}
	defer store.Close()
	decoder, err := flow.NewDecoder(o.Threads, o.Codecs)
	if err != nil {
		return err
	}
	c := &restorer{ctx: ctx, out: out, o: o, spool: store, codec: decoder, in: archive.NewScanner(src, o.Identities)}
	c.in.Demand(o.SignedBy)
	c.in.CheckRefs()
	c.parents = archive.NewParents(archive.Options{Identities: o.Identities, Threads: o.Threads, Codecs: o.Codecs, Find: o.Find, CacheBytes: cmp.Or(o.CacheBytes, flow.CacheBesideStream)})
	c.to = o.End()
	needs := &flow.MissingCodec{In: c.in}
	for d, err := range flow.MapFrames(ctx, o.Threads, needs, flow.Expand(ctx, c.in, o.OnParent, c.frame), c.decode) {
		if err == nil {
			err = needs.Keep(c.write(d))
		}
		if err != nil {
			return err
		}
	}
	if !c.found {
		_, err := Choose(c.streams, o.Stream)
		return err
	}
	return nil
}

// maxHeld is how many bytes of references are kept in memory before they are written.
const maxHeld = 1 << 20

type restorer struct {
	ctx   context.Context
	out   archive.Output
	o     Options
	to    int64
	in    *archive.Scanner
	spool *flow.Spool
	codec flow.Decoder
	made  []byte // bytes that are not in the payload, until they are written

	parents *archive.Parents

	name           string         // of the current stream
	streams        []index.Stream // names of those seen so far
	found, writing bool
}

// decoded is a segment with its payload decoded, or another frame.
type decoded struct {
	frame stream.Frame
	raw   []byte
}

// frame yields f to be decoded, but not a dictionary.
func (c *restorer) frame(f stream.Frame) iter.Seq2[decoded, error] {
	return func(yield func(decoded, error) bool) {
		switch f := f.(type) {
		case *stream.Header:
			flow.NotePlain(c.o.Note, c.in.RecipientKinds())
		case *stream.Dict:
			if err := c.codec.Add(f); err != nil {
				yield(decoded{}, err)
			}
			return
		}
		yield(decoded{frame: f}, nil)
	}
}

// decode decodes a segment and verifies its chunks.
func (c *restorer) decode(d decoded) (decoded, error) {
	s, ok := d.frame.(*stream.Segment)
	if !ok {
		return d, nil
	}
	var err error
	if d.raw, err = c.codec.DecodeSegment(s); err != nil {
		return d, err
	}
	at, raw := s.Offset, d.raw
	for i := range s.Entries {
		e := &s.Entries[i]
		n := e.PayloadLen()
		if e.Kind == stream.Data && blake.Sum(raw[:n]) != e.Hash {
			return d, fmt.Errorf("%w: chunk at offset %d does not have its hash %v", stream.ErrCorrupt, at, e.Hash)
		}
		raw = raw[n:]
		at += e.Len
	}
	return d, nil
}

func (c *restorer) write(d decoded) error {
	switch f := d.frame.(type) {
	case *stream.Parent:
		c.parents.Add(f)
	case *stream.Open:
		c.streams = append(c.streams, index.Stream{Name: f.Name})
		if c.o.Stream == "" && c.found {
			_, err := Choose(c.streams, "")
			return err
		}
		c.writing = c.o.Stream == "" || c.o.Stream == f.Name
		c.found = c.found || c.writing
		c.name = f.Name
		if c.writing && f.Size >= c.o.Offset {
			return expect(c.out, min(f.Size, c.to)-c.o.Offset)
		}
	case *stream.Close:
		if c.writing && c.o.Offset > f.Size {
			return fmt.Errorf("offset %d is outside of the stream of %d bytes", c.o.Offset, f.Size)
		}
	case *stream.Segment:
		defer f.Release()
		return c.segment(f, d.raw)
	}
	return nil
}

func (c *restorer) segment(s *stream.Segment, raw []byte) error {
	pos, err := c.spool.Write(raw)
	if err != nil {
		return err
	}
	size := s.Size()
	writing := c.writing && s.Offset+size > c.o.Offset && s.Offset < c.to
	w := archive.NewEntryWriter(c.out, s.Offset, c.o.Offset, c.to)
	off := s.Offset
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind == stream.NodeRef {
			if err := c.node(w, e, off); err != nil {
				return fmt.Errorf("node at offset %d: %w", off, c.parents.Missing(err))
			}
			off += e.Len
			continue
		}
		n := e.PayloadLen()
		part, err := c.bytes(e, raw[:n], pos, writing)
		if err != nil && c.o.Lost != nil && archive.IsLost(err) {
			c.o.Lost(c.name, off, e.Len, err)
			e.Kind = stream.Hole
		} else if err != nil {
			return fmt.Errorf("chunk at offset %d: %w", off, c.parents.Missing(err))
		}
		if writing {
			if err := w.Add(e, part); err != nil {
				return err
			}
		}
		if len(c.made) >= maxHeld { // references may repeat a long chunk a million times
			if err := c.flush(w); err != nil {
				return err
			}
		}
		raw = raw[n:]
		pos += int64(n)
		off += e.Len
	}
	if err := c.flush(w); err != nil || !writing {
		return err
	}
	c.o.Progress.Report(min(s.Offset+size, c.to) - c.o.Offset)
	return nil
}

// flush writes what w has kept, so that made can be used again.
func (c *restorer) flush(w *archive.EntryWriter) error {
	err := w.Flush()
	c.made = c.made[:0]
	return err
}

// node writes what a node of a parent that stands at an offset of the stream stands for.
func (c *restorer) node(w *archive.EntryWriter, e *stream.Entry, off int64) error {
	if err := c.flush(w); err != nil {
		return err
	}
	w.Skip(e.Len)
	from, to := max(off, c.o.Offset), min(off+e.Len, c.to)
	if !c.writing || from >= to {
		return nil
	}
	done, err := c.parents.RestoreNode(c.ctx, e, from-off, to-off, c.o.Threads, c.out)
	if err != nil && c.o.Lost != nil && archive.IsLost(err) {
		return c.keepGoing(e, off, from+done, to)
	}
	return err
}

// keepGoing writes the part of a node that is between two offsets of the stream, chunk by chunk, with
// zeros for what is lost. The node stands at offset off.
func (c *restorer) keepGoing(e *stream.Entry, off, from, to int64) error {
	w := archive.NewEntryWriter(c.out, off, from, to)
	for x, err := range c.parents.Expand(e) {
		if off >= to {
			break
		}
		if off+x.Len <= from {
			w.Skip(x.Len)
			off += x.Len
			continue
		}
		var p []byte
		if err == nil {
			p, err = c.bytes(&x, nil, 0, true)
		}
		if err != nil && !archive.IsLost(err) {
			return err
		}
		if err != nil {
			start, end := max(off, from), min(off+x.Len, to)
			c.o.Lost(c.name, start, end-start, err)
			x.Kind = stream.Hole
		}
		if err := w.Add(&x, p); err != nil {
			return err
		}
		if len(c.made) >= maxHeld {
			if err := c.flush(w); err != nil {
				return err
			}
		}
		off += x.Len
	}
	return c.flush(w)
}

// bytes returns the bytes of a chunk. p is its part of the payload, which stands at pos of the
// spool. Bytes that a reference names are read only if they are needed for the output. Bytes other
// than p are appended to made.
func (c *restorer) bytes(e *stream.Entry, p []byte, pos int64, needed bool) ([]byte, error) {
	switch e.Kind {
	case stream.Data:
		return p, c.spool.Note(e, pos)
	case stream.Patched:
		find := c.parents.Base
		if e.Patch.Own() {
			find = c.spool.Base
		}
		made, err := c.make(func(dst []byte) ([]byte, error) { return archive.BuildPatch(dst, e, p, find) })
		if err != nil {
			return nil, err
		}
		return made, c.spool.Put(e, made)
	case stream.Ref:
		if needed {
			return c.make(func(dst []byte) ([]byte, error) { return c.spool.Get(dst, e) })
		}
	case stream.ParentRef:
		if needed {
			return c.make(func(dst []byte) ([]byte, error) { return c.parents.Append(dst, e) })
		}
	}
	return nil, nil
}

// make lets a function append to made, and returns the bytes that it has appended.
func (c *restorer) make(appendTo func([]byte) ([]byte, error)) ([]byte, error) {
	n := len(c.made)
	made, err := appendTo(c.made)
	if err != nil {
		return nil, err
	}
	c.made = made
	return made[n:], nil
}
