// Command bench-gen writes the chunk stream of an image of any size that no file holds: what hexz-chunk
// --chunker fixed | hexz-compress would make of it, in a fraction of the time. Package synthetic says
// what the content is.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"

	"github.com/spf13/pflag"

	"hexz/bench/synthetic"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

const name = "bench-gen"

func main() {
	err := run(os.Args[1:])
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, name+":", err)
	os.Exit(1)
}

func run(args []string) error {
	o := options{size: 1 << 30, chunk: 64 << 10}
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.Var(&o.size, "size", "`SIZE` of the content, a multiple of 4K")
	f.Var(&o.chunk, "chunk", "`SIZE` of chunks, a multiple of 4K up to 256K")
	f.StringVarP(&o.codec, "codec", "c", codec.LZ4, "`CODEC` of the segments: lz4, zstd, s2 or none")
	f.IntVarP(&o.threads, "threads", "T", runtime.GOMAXPROCS(0), "`N` goroutines make segments")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("it takes no arguments: %s", f.Arg(0))
	}
	w := bufio.NewWriterSize(os.Stdout, 1<<20)
	return errors.Join(generate(context.Background(), w, o), w.Flush())
}

type options struct {
	size, chunk synthetic.Size
	codec       string
	threads     int
}

// generate writes the stream. If that fails, the stream ends with an Abort frame.
func generate(ctx context.Context, dst io.Writer, o options) error {
	switch {
	case o.size%synthetic.Block != 0:
		return fmt.Errorf("the size, %d bytes, is no multiple of %d", o.size, synthetic.Block)
	case o.chunk == 0 || o.chunk%synthetic.Block != 0 || o.chunk > flow.DefaultBlock:
		return fmt.Errorf("chunks of %d bytes: they are a multiple of %d, up to %d", o.chunk, synthetic.Block, flow.DefaultBlock)
	}
	enc, err := codec.NewEncoder(codec.Options{Name: o.codec, Threads: o.threads})
	if err != nil {
		return err
	}
	out := flow.NewWriter(dst, name, nil)
	m := &maker{options: o, enc: enc, segment: flow.DefaultBlock / o.chunk * o.chunk}
	_, err = out.Finish(m.write(ctx, out))
	return err
}

// maker makes the segments.
type maker struct {
	options
	enc     *codec.Encoder
	segment synthetic.Size // of content in a segment, but for the last
}

func (m *maker) write(ctx context.Context, out *flow.Writer) error {
	header := &stream.Header{}
	header.AddStage(name, stream.Meta{"codec": m.codec})
	params := chunker.Options{Name: chunker.FixedV1, Size: int(m.chunk)}.Params()
	err := errors.Join(out.Write(header), out.Write(&stream.Open{Name: "disk", Size: int64(m.size), Chunker: params}))
	if err != nil {
		return err
	}
	for s, err := range ordered.Map(ctx, m.threads, ordered.From(m.offsets()), m.make) {
		if err == nil {
			err = out.Write(s)
		}
		if err != nil {
			return err
		}
		s.Release()
	}
	if err := out.CloseStream(nil); err != nil {
		return err
	}
	return out.End(stream.Meta{"streams": out.Streams, "size": out.Bytes})
}

// offsets are those of the segments.
func (m *maker) offsets() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for at := int64(0); at < int64(m.size) && yield(at); at += int64(m.segment) {
		}
	}
}

// make makes the segment at an offset. Its memory is recycled by Release.
func (m *maker) make(at int64) (*stream.Segment, error) {
	raw := stream.NewSegment() // for its buffer
	defer raw.Release()
	n := int(min(int64(m.segment), int64(m.size)-at))
	p := grown(raw.Payload, n)
	raw.Payload = p
	synthetic.Fill(p, at)
	s := stream.NewSegment()
	s.Offset, s.RawLen = at, n
	for from := 0; from < n; from += int(m.chunk) {
		chunk := p[from:min(from+int(m.chunk), n)]
		s.Entries = append(s.Entries, stream.Entry{Kind: stream.Data, Len: int64(len(chunk)), Hash: blake.Sum(chunk)})
	}
	var payload []byte
	if s.Codec, payload = m.enc.Encode(grown(s.Payload, codec.Bound(n)), p); s.Codec == codec.None {
		payload = append(s.Payload[:0], p...)
	}
	s.Payload = payload
	return s, nil
}

// grown returns n bytes, of p if they are there.
func grown(p []byte, n int) []byte {
	if cap(p) < n {
		return make([]byte, n)
	}
	return p[:n]
}
