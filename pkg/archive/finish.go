package archive

import (
	"errors"
	"fmt"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Finish writes the index and the trailer after the End frame, and returns the archive id.
func (a *Writer) Finish() (index.Hash, error) {
	if a.err == nil && !a.ended {
		a.err = stream.ErrTruncated
	}
	if a.err != nil {
		return index.Hash{}, a.err
	}
	id, err := a.finish()
	a.err = err
	if err == nil {
		a.err = errors.New("archive is finished")
	}
	return id, err
}

func (a *Writer) finish() (index.Hash, error) {
	if err := a.index.Finish(a.out.pos); err != nil {
		return index.Hash{}, err
	}
	for i := range a.areas {
		if err := a.areas[i].copyTo(&a.out); err != nil {
			return index.Hash{}, err
		}
	}
	w := wire.NewWriter()
	index.AppendRoot(w, &a.index.Root)
	if len(w.Written()) > index.MaxIndexFrame {
		return index.Hash{}, fmt.Errorf("the root of the archive would have %d bytes, the limit is %d", len(w.Written()), index.MaxIndexFrame)
	}
	if err := a.reparse(w.Written()); err != nil {
		return index.Hash{}, fmt.Errorf("index that was to be written: %w", err)
	}
	at, err := a.put(w.Written())
	if err != nil {
		return index.Hash{}, err
	}
	tail, err := index.AppendTail(nil, at, a.sign)
	if err != nil {
		return index.Hash{}, err
	}
	_, err = a.put(tail)
	return at.Digest, err
}

// reparse returns an error if a reader would not accept a root.
func (a *Writer) reparse(p []byte) error {
	r, err := index.ParseRoot(p)
	if err != nil {
		return err
	}
	return r.Open(a.ciphers)
}

// put writes a frame of the index, or the clear header.
func (a *Writer) put(p []byte) (index.Extent, error) {
	at := index.Extent{Pos: a.out.pos, Len: int64(len(p)), Digest: blake.Sum(p)}
	_, err := a.out.Write(p)
	return at, err
}
