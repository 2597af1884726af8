package fold

import (
	"errors"

	"hexz/pkg/archive"
	"hexz/pkg/index"
)

// listed adds the nodes that the index lists, and those of the parents that are found. It needs no
// entries.
func (s *scan) listed() error {
	if err := s.listedOwn(); err != nil {
		return err
	}
	for i := range s.theirs {
		from, err := s.parent(int32(i))
		if errors.Is(err, archive.ErrParent) {
			continue
		}
		if err == nil {
			err = from.listedOwn()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) listedOwn() error {
	for no := range s.x.Info().Streams {
		top := s.x.Top(no)
		isOwn := s.x.Info().Totals.Node.N == 0 // or it could be a node of a parent that stands alone
		if !isOwn && top.Level > 0 {
			var err error
			if _, isOwn, err = s.x.NodeAt(top.Level-1, no, 0); err != nil {
				return err
			}
		}
		if isOwn {
			if err := s.addListed(top); err != nil {
				return err
			}
		}
	}
	for level := s.x.Levels() - 1; level >= 0; level-- {
		for n, err := range s.x.Nodes(level) {
			if err == nil {
				err = s.addListed(n)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scan) addListed(n index.NodeAt) error {
	return s.v.add(n.Hash, place{s.own, uint16(n.Stream), uint8(n.Level), n.Len, n.Offset, n.Holes})
}
