package similar

import (
	"context"
	"io"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/delta"
	"hexz/pkg/flow"
	"hexz/pkg/ordered"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Options are the options of Delta. The zero value works.
type Options struct {
	Self       bool             // make patches of earlier chunks of the stream as well
	Find       archive.FindFunc // to find the parents of the stream
	Identities seal.Opener      // to open them
	CacheBytes int64            // for segments of parents; 0 is 20 MiB
	MaxMemory  int64            // bytes for the index of samples; 0 is DefaultDeltaIndex
	TempDir    string           // of the file for Self; "" is the system's
	Threads    int              // 0 is 1
	Codecs     codec.Decoders   // of codecs that package codec does not have
	Progress   flow.Progress
	OnParent   flow.ParentFunc

	// Note is called with a remark worth a line: that there is nothing to make patches from.
	Note func(string)
}

// DefaultIndex is the memory of Delta for samples, in bytes. It holds one sample for each 64 bytes
// of 512 MiB, and fewer of a larger amount.
const DefaultIndex = 128 << 20

const stageName = "hexz-delta"

// roundBytes is how many bytes of chunks Delta looks at together. The samples of a chunk can be
// found from the next round on.
const roundBytes = 1 << 20

// Delta copies a stream of frames and replaces data chunks that are much like others by patches of
// these. The bases are chunks of the parents that the stream names and, with Self, earlier chunks
// of the stream. Delta decodes what it looks at; its output is not encoded.
//
// Besides the index and the cache it takes a few MiB for the version before. With Self it also
// takes a copy of all data chunks in a temporary file, and 70 bytes of memory for each. The output
// does not depend on Threads and CacheBytes.
func Delta(ctx context.Context, dst io.Writer, src io.Reader, o Options) (*flow.Stats, error) {
	out := flow.NewWriter(dst, stageName, o.Progress)
	d := &deltifier{out: out, o: o, in: archive.NewScanner(src, nil)}
	if d.o.MaxMemory == 0 {
		d.o.MaxMemory = DefaultIndex
	}
	d.o.Threads = max(o.Threads, 1)
	defer d.close()
	return out.Finish(d.run(ctx))
}

type deltifier struct {
	out   *flow.Writer
	o     Options
	in    *archive.Scanner
	codec flow.Decoder
	bases *bases
	trail trail

	round []*stream.Segment
	jobs  []*job // of the data chunks of round
	size  int    // bytes of these
}

// job is a data chunk that may become a patch.
type job struct {
	segment  int // of the round
	entry    int
	data     []byte
	before   trail
	text     *nearText    // text around the expected place of the chunk, or nil
	start    delta.Cursor // where the chunk probably begins in text
	literals int          // bytes of the chunk that text does not have
	samples  []delta.Sample
	patch    *stream.Patch // nil if the chunk is not patched
	code     []byte
	cost     int // cost of patch, in bytes of data that cost as much
}

func (d *deltifier) run(ctx context.Context) error {
	var err error
	if d.codec, err = flow.NewDecoder(1, d.o.Codecs); err != nil {
		return err
	}
	if d.bases, err = newBases(d.o); err != nil {
		return err
	}
	for f, err := range flow.Frames(ctx, d.in, d.o.OnParent) {
		if err == nil {
			err = d.handle(ctx, f)
		}
		if err != nil {
			return flow.ReadOn(ctx, d.in, err)
		}
	}
	return nil
}

func (d *deltifier) close() {
	if d.bases != nil {
		d.bases.close()
	}
}

func (d *deltifier) handle(ctx context.Context, f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Header:
		params := stream.Meta{}
		if d.o.Self {
			params["self"] = true
		}
		f.AddStage(stageName, params)
	case *stream.Parent:
		d.bases.parents.Add(f)
		d.bases.named++
	case *stream.Open:
		d.trail = trail{name: f.Name}
	case *stream.Dict:
		return d.codec.Add(f) // segments that may need it are decoded here
	case *stream.Segment:
		return d.addSegment(ctx, f)
	case *stream.Close:
		if err := d.endRound(ctx); err != nil {
			return err
		}
	}
	return d.out.Write(f)
}

// addSegment puts s into the round.
func (d *deltifier) addSegment(ctx context.Context, s *stream.Segment) error {
	raw, err := d.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	s.Payload, s.Codec = raw, stream.RawCodec
	d.trail.offset = s.Offset
	for i := range s.Entries {
		e := &s.Entries[i]
		n := e.PayloadLen()
		if e.Kind == stream.Data {
			d.jobs = append(d.jobs, &job{segment: len(d.round), entry: i, data: raw[:n], before: d.trail})
			d.size += n
		}
		raw = raw[n:]
		d.trail.advance(e)
	}
	d.round = append(d.round, s)
	if d.size < roundBytes && len(d.round) < maxRound {
		return nil
	}
	return d.endRound(ctx)
}

// maxRound bounds the segments of a round, which may have no data.
const maxRound = 256

// endRound makes patches where they pay, and writes the segments.
func (d *deltifier) endRound(ctx context.Context) error {
	jobs, round := d.jobs, d.round
	d.jobs, d.round, d.size = nil, nil, 0
	if len(jobs) > 0 {
		if d.bases.index == nil && d.bases.named == 0 && !d.o.Self && d.o.Note != nil {
			d.o.Note("no patches are made: the stream names no parents")
		}
		if err := d.makePatches(ctx, jobs); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if j.patch == nil {
			if err := d.bases.addOwn(&round[j.segment].Entries[j.entry], j); err != nil {
				return err
			}
		}
	}
	for n, s := range round {
		mine := 0
		for mine < len(jobs) && jobs[mine].segment == n {
			mine++
		}
		d.applyPatches(s, jobs[:mine])
		jobs = jobs[mine:]
		err := d.out.Write(s)
		s.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// makePatches makes patches for chunks.
func (d *deltifier) makePatches(ctx context.Context, jobs []*job) error {
	b := d.bases
	if b.index == nil {
		if err := b.openParents(); err != nil {
			return err
		}
	}
	var open []*job
	for _, j := range jobs {
		if err := b.tryNear(j); err != nil {
			return err
		}
		if j.patch == nil || j.literals > len(j.data)/goodShare {
			open = append(open, j)
		}
	}
	more, err := b.countMisses(ctx, open)
	if err == nil && more {
		err = d.forEach(ctx, open, b.tryAnywhere)
	}
	if err != nil {
		return err
	}
	return d.forEach(ctx, jobs, b.weighPatch)
}

// forEach calls do for all jobs, several at a time.
func (d *deltifier) forEach(ctx context.Context, jobs []*job, do func(*job) error) error {
	for _, err := range ordered.Map(ctx, d.o.Threads, ordered.From(slices.Values(jobs)), func(j *job) (*job, error) {
		return j, do(j)
	}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// applyPatches puts the patches into a segment. A program is shorter than its chunk, so the bytes
// after it move to the front.
func (d *deltifier) applyPatches(s *stream.Segment, jobs []*job) {
	at, used := 0, 0
	for i := range s.Entries {
		e := &s.Entries[i]
		p := s.Payload[at:][:e.PayloadLen()]
		at += len(p)
		if len(jobs) > 0 && jobs[0].entry == i {
			if j := jobs[0]; j.patch != nil {
				e.Kind, e.Patch = stream.Patched, j.patch
				p = j.code
			}
			jobs = jobs[1:]
		}
		used += copy(s.Payload[used:], p)
	}
	s.Payload, s.RawLen = s.Payload[:used], used
}
