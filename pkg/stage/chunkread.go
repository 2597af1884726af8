package stage

import (
	"fmt"
	"io"
	"iter"

	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

// steps yields the steps of all sources.
func (c *packer) steps(split *chunker.Splitter, sources []Source) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		for i := range sources {
			for s, err := range c.stepsOf(split, &sources[i], int64(i)) {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// stepsOf yields the steps of one source.
func (c *packer) stepsOf(split *chunker.Splitter, src *Source, id int64) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		name := src.Name
		if src.open != nil {
			opened, err := src.open()
			if err != nil {
				yield(step{}, fmt.Errorf("%s: %w", name, err))
				return
			}
			defer opened.Close()
			src = &opened
		}
		if !yield(step{open: &stream.Open{ID: id, Name: name, Size: src.Size, Chunker: c.o.Chunker.Params()}}, nil) {
			return
		}
		r := batchReader{split: split, src: src}
		for {
			b := c.take()
			err := r.fill(b)
			// Pieces that were read before an error are handled first.
			switch more := yield(step{batch: b}, nil); {
			case !more:
				return
			case err == io.EOF:
				yield(step{close: true}, nil)
				return
			case err != nil:
				yield(step{}, fmt.Errorf("%s: %w", name, err))
				return
			}
		}
	}
}

// batchReader reads a source in batches. A batch can hold pieces of several extents.
type batchReader struct {
	split   *chunker.Splitter
	src     *Source
	at      int64 // where the extent under way begins, or the next one
	cutting bool  // the splitter has an extent
}

// fill adds pieces to b until it is full. It returns io.EOF after the last piece.
func (r *batchReader) fill(b *batch) error {
	for !r.split.Full(&b.Batch) {
		var err error
		if r.cutting {
			err = r.cut(b)
		} else {
			err = r.extent(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// extent adds the next extent, if it is a run, or starts the splitter on it.
func (r *batchReader) extent(b *batch) error {
	e, err := r.src.next(r.at)
	switch {
	case err != nil:
		return err
	case e.run > 0:
		b.Pieces = append(b.Pieces, chunker.Piece{Len: e.run, Zero: true, Hole: e.hole})
		r.at += e.run
	default:
		r.split.Start(e.data, r.at, e.edges)
		r.cutting = true
	}
	return nil
}

// cut adds pieces of the splitter.
func (r *batchReader) cut(b *batch) error {
	err := r.split.Next(&b.Batch)
	switch {
	case err == io.EOF:
		r.at += r.split.Read()
		r.cutting = false
	case err != nil:
		return fmt.Errorf("at byte %d: %w", r.at+r.split.Read(), err)
	}
	return nil
}

// take returns an empty batch.
func (c *packer) take() *batch {
	select {
	case b := <-c.free:
		b.Reset()
		return b
	default:
		return new(batch)
	}
}

// give takes a batch back.
func (c *packer) give(b *batch) {
	select {
	case c.free <- b:
	default:
	}
}
