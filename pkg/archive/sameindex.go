package archive

import (
	"bytes"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream/wire"
)

// sameIndex compares the pages of an index with those that it should have, in order.
type sameIndex struct {
	r     *index.Index
	areas [2]int64 // bytes so far
	buf   []byte
}

// page compares the next page of an area.
func (s *sameIndex) page(area int, want []byte) error {
	at := s.r.AreaStart(area) + s.areas[area]
	s.areas[area] += int64(len(want))
	if s.areas[area] > s.r.Root.Areas[area] {
		return index.Corruptf("the index has too few pages")
	}
	s.buf = slices.Grow(s.buf[:0], len(want))[:len(want)]
	if err := s.r.ReadBytes(s.buf, at); err != nil {
		return err
	}
	if !bytes.Equal(s.buf, want) {
		return index.Corruptf("page of the index at byte %d is damaged, or not what it should be", at)
	}
	return nil
}

// root compares the root, after all pages.
func (s *sameIndex) root(want *index.Root) error {
	w := wire.NewWriter()
	index.AppendRoot(w, want)
	raw, err := s.r.ReadExtent(s.r.RootAt, "root")
	if err == nil && !bytes.Equal(raw, w.Written()) {
		err = index.Corruptf("what the index says of streams and totals is not what the body says")
	}
	return err
}
