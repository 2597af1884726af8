package stage

import (
	"fmt"
	"io"

	"hexz/pkg/chunker"
	"hexz/pkg/stream"
)

// read emits the steps of one source.
func (c *packer) read(split *chunker.Splitter, src *Source, id int64, emit func(step) error) error {
	name := src.Name
	if src.open != nil {
		opened, err := src.open()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer opened.Close()
		src = &opened
	}
	err := emit(step{open: &stream.Open{ID: id, Name: name, Size: src.Size, Chunker: c.o.Chunker.Params()}})
	if err != nil {
		return err
	}
	f := &batcher{c: c, split: split, emit: emit, b: c.take()}
	for at := int64(0); ; {
		e, err := src.next(at)
		if err == io.EOF {
			if err := emit(step{batch: f.b}); err != nil {
				return err
			}
			return emit(step{close: true})
		}
		switch {
		case err != nil:
			err = fmt.Errorf("%s: %w", name, err)
		case e.run > 0:
			f.b.Pieces = append(f.b.Pieces, chunker.Piece{Len: e.run, Zero: true, Hole: e.hole})
			at += e.run
			err = f.passFull()
		default:
			split.Start(e.data, at, e.edges)
			if err = f.cut(); err != nil {
				err = fmt.Errorf("%s: at byte %d: %w", name, at+split.Read(), err)
			}
			at += split.Read()
		}
		if err != nil {
			// Pieces that were read before the error are handled first.
			if err := emit(step{batch: f.b}); err != nil {
				return err
			}
			return err
		}
	}
}

// batcher fills one batch after the other with the pieces of the splitter. A batch can hold pieces
// of several extents.
type batcher struct {
	c     *packer
	split *chunker.Splitter
	emit  func(step) error
	b     *batch
}

// cut adds all pieces of the splitter.
func (f *batcher) cut() error {
	for {
		err := f.split.Next(&f.b.Batch)
		if err == io.EOF {
			return f.passFull()
		}
		if err == nil {
			err = f.passFull()
		}
		if err != nil {
			return err
		}
	}
}

// passFull emits the batch if it is full.
func (f *batcher) passFull() error {
	if !f.split.Full(&f.b.Batch) {
		return nil
	}
	b := f.b
	f.b = f.c.take()
	return f.emit(step{batch: b})
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
