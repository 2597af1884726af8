package diff

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/restore"
	"hexz/pkg/stream"
)

// Options are the options of Diff. The zero value works.
type Options struct {
	Stream string // compare this stream only; "" is all

	// Exact compares the bytes of chunks that differ, also in streams that were cut in the same
	// way. It needs the parents of thin archives.
	Exact bool

	// Brief stops at the first difference, and leaves out totals.
	Brief bool

	// Totals counts chunks, which takes 40 bytes of memory for each chunk of both archives, and time
	// that follows their size.
	Totals bool

	Names [2]string // of a and b, in errors

	Begin    func(*Stream) error // called before the ranges of a stream; may be nil
	Range    func(Range) error   // called for each range that differs, in order; may be nil
	End      func(*Stream) error // called after the ranges of a stream; may be nil
	Progress flow.Progress
}

// Report says how two archives, a and b, differ.
type Report struct {
	Identical bool
	Streams   []*Stream // those of a in its order, then those that only b has
	Totals    *Totals   // if they were asked for
}

// Stream says how two streams of one name differ.
type Stream struct {
	Name  string
	A, B  *int64 // sizes; nil in an archive that has no such stream
	Exact bool   // ranges are exact to the byte; otherwise to the bounds of chunks

	// Once the stream was compared:
	Identical bool  // the bytes are the same; holes are zeros
	Ranges    int64 // number of ranges that differ
	Differ    int64 // number of bytes in them
	Equal     int64 // bytes that are the same at the same offset
}

// Range is a range of a stream.
type Range struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// errStop ends a Brief Diff.
var errStop = errors.New("the archives differ")

// Archives compares the streams of two archives that have the same name. Zeros and holes are equal.
// Where one stream is longer, its end differs.
//
// Two streams that were cut by the same chunker with the same parameters and key have the same
// chunks where they have the same content. So the index is enough: no payload is read, and of nodes
// that both have not even the entries. Ranges begin and end at bounds of chunks then. In other streams the ranges
// without the same chunks at the same offsets are read and compared. These ranges are exact to the
// byte, except that fewer than minEqual equal bytes between two differences count as different.
func Archives(ctx context.Context, a, b *archive.Reader, o Options) (*Report, error) {
	for i, r := range []*archive.Reader{a, b} {
		if err := r.Locked(); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Names[i], err)
		}
	}
	d := &differ{o: o, report: &Report{Identical: true}, archives: map[stream.Hash]int32{}}
	d.a, d.b = newWalker(a, o.Names[0], d.number), newWalker(b, o.Names[1], d.number)
	defer d.a.close()
	defer d.b.close()
	err := d.run(ctx)
	switch {
	case errors.Is(err, errStop):
	case err != nil:
		return nil, err
	case o.Totals && !o.Brief:
		if err := d.count(ctx); err != nil {
			return nil, err
		}
	}
	return d.report, nil
}

// count compares all chunks of the compared streams.
func (d *differ) count(ctx context.Context) error {
	var lists [2][]chunk
	for i, w := range []*walker{d.a, d.b} {
		var err error
		if lists[i], err = w.chunks(ctx, func(no int) bool { return d.o.Stream == "" || d.o.Stream == w.streams[no].Name }); err != nil {
			return err
		}
	}
	t := compareChunks(lists[0], lists[1])
	d.report.Totals = &t
	return nil
}

// number numbers the archives in which chunks and nodes are.
func (d *differ) number(of stream.Parent) (int32, error) {
	n, ok := d.archives[of.ID]
	if !ok {
		n = int32(len(d.archives))
		d.archives[of.ID] = n
	}
	return n, nil
}

// differ compares two archives.
type differ struct {
	a, b   *walker
	o      Options
	report *Report

	now     *Stream
	pending Range // a range that may go on
	buffers [2][]byte
	done    int64 // bytes of earlier streams

	archives map[stream.Hash]int32 // by id, see number
}

func (d *differ) run(ctx context.Context) error {
	inB := map[string]int{}
	for i, s := range d.b.streams {
		inB[s.Name] = i
	}
	for i, s := range d.a.streams {
		n, ok := inB[s.Name]
		if !ok {
			n = noStream
		}
		delete(inB, s.Name)
		if err := d.comparePair(ctx, i, n); err != nil {
			return err
		}
	}
	for i, s := range d.b.streams {
		if _, ok := inB[s.Name]; ok {
			if err := d.comparePair(ctx, noStream, i); err != nil {
				return err
			}
		}
	}
	if len(d.report.Streams) == 0 && d.o.Stream != "" {
		return restore.NoStreamError(d.o.Stream, " in either archive")
	}
	return nil
}

// comparePair compares stream i of a with stream n of b, where one may be noStream.
func (d *differ) comparePair(ctx context.Context, i, n int) error {
	s := &Stream{}
	if i != noStream {
		s.Name, s.A = d.a.streams[i].Name, &d.a.streams[i].Size
	}
	if n != noStream {
		s.Name, s.B = d.b.streams[n].Name, &d.b.streams[n].Size
	}
	if d.o.Stream != "" && d.o.Stream != s.Name {
		return nil
	}
	both := i != noStream && n != noStream
	s.Exact = both && (d.o.Exact || !sameCuts(d.a.streams[i].Chunker, d.b.streams[n].Chunker))
	d.now, d.pending = s, Range{}
	d.report.Streams = append(d.report.Streams, s)
	if err := d.call(d.o.Begin); err != nil {
		return err
	}
	d.a.seek(i)
	d.b.seek(n)
	if both {
		if err := d.compareStreams(ctx); err != nil {
			return err
		}
		s.Identical = s.Ranges == 0
		s.Equal = max(*s.A, *s.B) - s.Differ
	} else if d.report.Identical = false; d.o.Brief {
		return errStop
	}
	d.done += max(d.a.size, d.b.size)
	return d.call(d.o.End)
}

// sameCuts reports whether two streams of those parameters have the same chunks where they have the
// same content.
func sameCuts(a, b stream.Meta) bool { return a["name"] != nil && reflect.DeepEqual(a, b) }

func (d *differ) call(f func(*Stream) error) error {
	if f == nil {
		return nil
	}
	return f(d.now)
}
