package commit

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/overlay"
)

// ErrOtherBase is the error of Commit if the overlay was made on another base.
var ErrOtherBase = errors.New("the base is not what the overlay was made to")

// Below describes the image that changes were made to, as far as it is known.
type Below struct {
	io.ReaderAt
	Size   int64           // bytes, or -1 if it is not known
	Ranges []overlay.Range // ranges to compare

	// Partial: what reads as zero may also be missing, unless the range says that it is zero.
	Partial bool
}

// sector is the unit in which qcow2 files count.
const sector = 512

func sectors(n int64) int64 { return n/sector + min(1, n%sector) }

// compareBelow compares some ranges of the image that an overlay was made to with the base. It
// leaves out ranges that cannot be read because a parent of the base is missing.
func (c *committer) compareBelow(v *Overlay) error {
	if v.Below == nil {
		return nil
	}
	no := c.streams[v.Stream]
	size := c.info.Streams[no].Size
	if n := v.Below.Size; n >= 0 && sectors(n) != sectors(size) {
		return fmt.Errorf("%w: that has %d bytes, the base %d", ErrOtherBase, n, size)
	}
	for _, r := range v.Below.Ranges {
		if r.Length = min(r.Length, size-r.Offset); r.Length <= 0 {
			continue
		}
		have, want := make([]byte, r.Length), make([]byte, r.Length)
		if !r.Zero {
			if n, err := v.Below.ReadAt(want, r.Offset); n < len(want) && !errors.Is(err, io.EOF) {
				return fmt.Errorf("what the overlay was made to: %w", overlayError(err))
			}
			if v.Below.Partial && len(bytes.Trim(want, "\x00")) == 0 {
				continue
			}
		}
		_, err := c.base.ReadAt(no, have, r.Offset)
		if errors.Is(err, archive.ErrParent) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("base: %w", err)
		}
		if !bytes.Equal(have, want) {
			return fmt.Errorf("%w: they differ in the %d bytes at offset %d", ErrOtherBase, r.Length, r.Offset)
		}
	}
	return nil
}
