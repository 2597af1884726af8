package archive

import (
	"errors"
	"fmt"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// A Writer collects the index while it writes the body.

func (a *Writer) addToRun(at index.Extent) {
	if a.runLength == 0 {
		a.runStart = at.Pos
		a.run.Reset()
	}
	a.run.Write(at.Digest[:])
	if a.runLength++; a.runLength == index.RunFrames {
		a.endRun()
	}
}

func (a *Writer) endRun() {
	if a.runLength == 0 {
		return
	}
	at := index.Extent{Pos: a.runStart, Len: a.out.pos - a.runStart, Digest: a.run.Sum()}
	a.root.Runs = append(a.root.Runs, index.Run{Extent: at, Frames: a.runLength})
	a.runLength = 0
}

func (a *Writer) addSegment(f *stream.Segment, ref index.SegmentRef) error {
	a.page = append(a.page, ref)
	stream.AppendEntries(a.entries, f.Entries, false)
	if len(a.page) == index.PageSegments || len(a.entries.Written()) >= index.PageBytes {
		return a.endPage()
	}
	return nil
}

func (a *Writer) endPage() error {
	if len(a.page) == 0 {
		return nil
	}
	number := len(a.root.Firsts)
	a.root.Firsts = append(a.root.Firsts, index.First{Position: a.page[0].Position, Segment: a.segments})
	a.segments += int64(len(a.page))
	w := wire.NewWriter()
	index.AppendMapPage(w, number, a.page, a.ciphers)
	if err := a.pages.add(0, w.Written()); err != nil {
		return err
	}
	w.Reset()
	index.AppendEntryPage(w, number, len(a.page), a.entries.Written(), a.ciphers)
	if err := a.pages.add(1, w.Written()); err != nil {
		return err
	}
	a.page = a.page[:0]
	a.entries.Reset()
	return nil
}

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
	a.endRun()
	if err := a.endPage(); err != nil {
		return index.Hash{}, err
	}
	for i, list := range []*[]index.Extent{&a.root.Maps, &a.root.Entries} {
		for _, page := range a.pages.pages[i] {
			*list = append(*list, index.Extent{Pos: a.out.pos, Len: int64(page.len), Digest: page.digest})
			if err := a.pages.copyTo(&a.out, page); err != nil {
				return index.Hash{}, err
			}
		}
	}
	a.root.Seal(a.ciphers)
	w := wire.NewWriter()
	index.AppendRoot(w, &a.root)
	if len(w.Written()) > index.MaxIndexFrame {
		return index.Hash{}, fmt.Errorf("the archive has too many segments: its root would have %d bytes, the limit is %d", len(w.Written()), index.MaxIndexFrame)
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

// put writes a frame of the index.
func (a *Writer) put(p []byte) (index.Extent, error) {
	at := index.Extent{Pos: a.out.pos, Len: int64(len(p)), Digest: blake.Sum(p)}
	_, err := a.out.Write(p)
	return at, err
}
