package archive

import (
	"errors"
	"fmt"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// The index, which a Writer collects while it writes the body.

func (a *Writer) addToRun(at span) {
	if a.runLength == 0 {
		a.runStart = at.pos
		a.run.Reset()
	}
	a.run.Write(at.digest[:])
	if a.runLength++; a.runLength == runFrames {
		a.endRun()
	}
}

func (a *Writer) endRun() {
	if a.runLength == 0 {
		return
	}
	at := span{a.runStart, a.out.pos - a.runStart, a.run.Sum()}
	a.root.runs = append(a.root.runs, run{at, a.runLength})
	a.runLength = 0
}

func (a *Writer) addSegment(f *stream.Segment, ref segmentRef) error {
	a.page = append(a.page, ref)
	stream.AppendEntries(a.entries, f.Entries, false)
	if len(a.page) == pageSegments || len(a.entries.Written()) >= pageBytes {
		return a.endPage()
	}
	return nil
}

func (a *Writer) endPage() error {
	if len(a.page) == 0 {
		return nil
	}
	number := len(a.root.firsts)
	a.root.firsts = append(a.root.firsts, first{a.page[0].key, a.segments})
	a.segments += int64(len(a.page))
	w := wire.NewWriter()
	appendMapPage(w, number, a.page, a.ciphers)
	if err := a.pages.add(0, w.Written()); err != nil {
		return err
	}
	w.Reset()
	appendEntryPage(w, number, len(a.page), a.entries.Written(), a.ciphers)
	if err := a.pages.add(1, w.Written()); err != nil {
		return err
	}
	a.page = a.page[:0]
	a.entries.Reset()
	return nil
}

// Finish writes the index and the trailer behind the End frame, and returns the archive id.
func (a *Writer) Finish() (Hash, error) {
	if a.err == nil && !a.ended {
		a.err = stream.ErrTruncated
	}
	if a.err != nil {
		return Hash{}, a.err
	}
	id, err := a.finish()
	a.err = err
	if err == nil {
		a.err = errors.New("archive is finished")
	}
	return id, err
}

func (a *Writer) finish() (Hash, error) {
	a.endRun()
	if err := a.endPage(); err != nil {
		return Hash{}, err
	}
	for i, list := range []*[]span{&a.root.maps, &a.root.entries} {
		for _, page := range a.pages.pages[i] {
			*list = append(*list, span{a.out.pos, int64(page.len), page.digest})
			if err := a.pages.copyTo(&a.out, page); err != nil {
				return Hash{}, err
			}
		}
	}
	a.root.seal(a.ciphers)
	w := wire.NewWriter()
	appendRoot(w, &a.root)
	if len(w.Written()) > maxIndexFrame {
		return Hash{}, fmt.Errorf("the archive has too many segments: its root would have %d bytes, the limit is %d", len(w.Written()), maxIndexFrame)
	}
	if err := a.reparse(w.Written()); err != nil {
		return Hash{}, fmt.Errorf("index that was to be written: %w", err)
	}
	at, err := a.put(w.Written())
	if err != nil {
		return Hash{}, err
	}
	tail, err := appendTail(nil, at, a.sign)
	if err != nil {
		return Hash{}, err
	}
	_, err = a.put(tail)
	return at.digest, err
}

// reparse tells whether a reader will take a root.
func (a *Writer) reparse(p []byte) error {
	r, err := parseRoot(p)
	if err != nil {
		return err
	}
	return r.open(a.ciphers)
}

// put writes a frame of the index.
func (a *Writer) put(p []byte) (span, error) {
	at := span{a.out.pos, int64(len(p)), blake.Sum(p)}
	_, err := a.out.Write(p)
	return at, err
}
