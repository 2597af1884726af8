package parents

import (
	"errors"
	"fmt"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// indexOf returns the index of a parent, or of a parent of a parent.
func (c *Check) indexOf(want *stream.Parent) (*index.Index, error) {
	if x := c.indexes[want.ID]; x != nil {
		return x, nil
	}
	x, err := c.find.Index(want)
	if err == nil {
		c.indexes[want.ID] = x
	}
	return x, err
}

// node returns an error unless a parent has the node that e stands for. That node may stand there as
// nodes of other archives, which are checked in the same way.
func (c *Check) node(want *stream.Parent, e *stream.Entry) error {
	x, err := c.indexOf(want)
	if err != nil {
		return err
	}
	err = x.CheckNode(e, func(f *stream.Entry) error { return c.node(&x.Info().Parents[f.Parent], f) })
	if errors.Is(err, stream.ErrCorrupt) && x.ID() != want.ID {
		return fmt.Errorf("%w: id %v; the archive %v has the same content, and not this node: %v", archive.ErrParent, want.ID, x.ID(), err)
	}
	if err != nil {
		err = fmt.Errorf("parent %v: %w", want.ID, err)
	}
	return err
}
