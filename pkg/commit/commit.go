package commit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Overlay is the set of changes to a stream of the base.
type Overlay struct {
	Stream string        // name of the stream
	Image  overlay.Image // the changes, and the size; nil is none
	Size   *int64        // new size; nil is that of Image; new bytes at the end are a hole

	// Below describes the image that the changes were made to. Commit compares some of it with the
	// base, and ends with ErrOtherBase if they differ. nil is no comparison.
	Below *Below

	close func()
}

// Close closes the files that OpenOverlay has opened.
func (v *Overlay) Close() {
	if v.close != nil {
		v.close()
	}
}

// Options are the options of Commit. The zero value works.
type Options struct {
	// Replace are streams with a content of their own. They replace the streams of the same names,
	// or come last.
	Replace []stage.Source

	ChunkKey []byte // key of the base, if it was cut with one
	Threads  int    // workers that hash the streams of Replace; 0 is 1
	Progress flow.Progress
}

const stageName = "hexz-commit"

// Apply writes the stream of frames that hexz-chunk would make of the content of base after
// changes. But the chunks that base has are references to it, as parent 0; the parents of base
// follow. hint says where base is.
//
// Unchanged content is taken from the index of base. Chunks that a change touches, or that end less
// than chunker.ZeroRun before one, are read and cut anew. Cutting goes on after the change until a
// cut falls on one of base. If base was cut by the same rule, the chunks are those that Chunk makes
// of the whole content. What lies between the changes is passed on as nodes of the content tree, so
// that time and memory follow the changes, and not the size of base.
//
// Streams without changes keep their digests; others lose them.
func Apply(ctx context.Context, dst io.Writer, base *archive.Reader, hint string, overlays []Overlay, o Options) (*flow.Stats, error) {
	out := flow.NewWriter(dst, stageName, o.Progress)
	c := &committer{out: out, base: base, info: base.Info(), o: o, streams: map[string]int{}, changes: map[string]*Overlay{}, replace: map[string]*stage.Source{}}
	for i := range c.info.Streams {
		c.streams[c.info.Streams[i].Name] = i
	}
	return out.Finish(c.run(ctx, hint, overlays))
}

type committer struct {
	out     *flow.Writer
	base    *archive.Reader
	info    *index.Info
	o       Options
	streams map[string]int // numbers of the streams of the base, by their names
	changes map[string]*Overlay
	replace map[string]*stage.Source
}

func (c *committer) run(ctx context.Context, hint string, overlays []Overlay) error {
	if err := c.base.Locked(); err != nil {
		return err
	}
	if err := c.checkOptions(overlays); err != nil {
		return err
	}
	header := &stream.Header{}
	header.AddStage(stageName, nil)
	if err := c.out.Write(header); err != nil {
		return err
	}
	if err := c.writeParents(hint); err != nil {
		return err
	}
	next := int64(0) // an id that no stream has
	for i := range c.info.Streams {
		s := &c.info.Streams[i]
		if err := c.writeStream(ctx, i, s); err != nil {
			return fmt.Errorf("stream %q: %w", s.Name, err)
		}
		next = max(next, s.ID)
	}
	for i := range c.o.Replace {
		src := &c.o.Replace[i]
		if c.replace[src.Name] == nil {
			continue // it is already there
		}
		next++
		if next < 0 {
			return errors.New("there is no id left for a stream")
		}
		if err := c.packStream(ctx, src, next); err != nil {
			return err
		}
	}
	return c.out.End(stream.Meta{"streams": c.out.Streams, "size": c.out.Bytes})
}

// writeParents writes the Parent frames: the base and its parents.
func (c *committer) writeParents(hint string) error {
	list := append([]stream.Parent{{ID: c.base.ID(), Hint: hint, Content: c.info.Root()}}, c.info.Parents...)
	for i := range list {
		list[i].Index = int64(i)
		if err := c.out.Write(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkOptions compares the overlays and the options with the streams of the base.
func (c *committer) checkOptions(overlays []Overlay) error {
	for i := range overlays {
		v := &overlays[i]
		s := c.streamOf(v.Stream)
		if s == nil {
			return fmt.Errorf("the base has no stream %q to change", v.Stream)
		}
		if c.changes[v.Stream] != nil {
			return fmt.Errorf("two overlays for the stream %q", v.Stream)
		}
		if v.Size != nil && *v.Size < 0 {
			return fmt.Errorf("size %d of the stream %q is negative", *v.Size, v.Stream)
		}
		if _, err := c.chunkerOf(s); err != nil {
			return fmt.Errorf("stream %q: %w", v.Stream, err)
		}
		c.changes[v.Stream] = v
		if err := c.compareBelow(v); err != nil {
			return fmt.Errorf("stream %q: %w", v.Stream, err)
		}
	}
	for i := range c.o.Replace {
		src := &c.o.Replace[i]
		if c.changes[src.Name] != nil || c.replace[src.Name] != nil {
			return fmt.Errorf("the stream %q is to be replaced, and also changed or replaced again", src.Name)
		}
		if _, err := c.chunkerFor(src); err != nil {
			return fmt.Errorf("stream %q: %w", src.Name, err)
		}
		c.replace[src.Name] = src
	}
	return nil
}

func (c *committer) streamOf(name string) *index.Stream {
	if i, ok := c.streams[name]; ok {
		return &c.info.Streams[i]
	}
	return nil
}

// chunkerFor returns the options to cut a new content: those of the stream that it replaces, or
// those of the first stream.
func (c *committer) chunkerFor(src *stage.Source) (chunker.Options, error) {
	if s := c.streamOf(src.Name); s != nil {
		return c.chunkerOf(s)
	}
	if len(c.info.Streams) > 0 {
		return c.chunkerOf(&c.info.Streams[0])
	}
	return chunker.Options{Key: c.o.ChunkKey}, nil
}

// chunkerOf returns the options by which a stream of the base was cut.
func (c *committer) chunkerOf(s *index.Stream) (chunker.Options, error) {
	return chunker.OptionsOf(s.Chunker, c.o.ChunkKey)
}

// writeStream writes the new version of stream i of the base.
func (c *committer) writeStream(ctx context.Context, i int, s *index.Stream) error {
	if src := c.replace[s.Name]; src != nil {
		delete(c.replace, s.Name)
		return c.packStream(ctx, src, s.ID)
	}
	open := &stream.Open{ID: s.ID, Name: s.Name, Size: s.Size, Chunker: s.Chunker}
	v := c.changes[s.Name]
	if v != nil && v.Image != nil {
		open.Size = v.Image.Size()
	}
	if v != nil && v.Size != nil {
		open.Size = *v.Size
	}
	if err := c.out.Write(open); err != nil {
		return err
	}
	to := &segmenter{out: c.out, id: s.ID}
	from := newBaseStream(c.base, i)
	defer from.close()
	digests := s.Digests
	if v == nil {
		if err := copyStream(ctx, from, to); err != nil {
			return err
		}
	} else {
		l := &layout{base: c.base, streamNo: i, baseSize: s.Size, from: from, image: v.Image, size: open.Size}
		if err := c.recutStream(ctx, l, s, to); err != nil {
			return err
		}
		if l.changed || l.size != l.baseSize {
			digests = nil
		}
	}
	if err := to.flush(); err != nil {
		return err
	}
	return c.out.CloseStream(digests)
}

// copyStream writes a stream of the base: as a node, unless its nodes are lost.
func copyStream(ctx context.Context, from *baseStream, to *segmenter) error {
	nodes, err := from.nodes(0)
	if err != nil {
		return err
	}
	if len(nodes) > 0 && nodes[0].Len == from.size {
		return to.add(nodes[0], nil)
	}
	for from.at < from.size {
		e, err := from.entry()
		if err != nil {
			return err
		}
		if err := to.add(e, nil); err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recutStream writes the changed version of a stream of the base.
func (c *committer) recutStream(ctx context.Context, l *layout, s *index.Stream, to *segmenter) error {
	o, err := c.chunkerOf(s)
	if err != nil {
		return err
	}
	cut, err := chunker.New(o)
	if err != nil {
		return err
	}
	p := &recutter{layout: l, cut: cut, to: to}
	return p.recutAll(ctx)
}

// packStream writes a stream with a content of its own.
func (c *committer) packStream(ctx context.Context, src *stage.Source, id int64) error {
	o, err := c.chunkerFor(src)
	if err != nil {
		return err
	}
	return stage.ChunkStream(ctx, c.out, src, id, stage.ChunkOptions{Chunker: o, Threads: c.o.Threads})
}
