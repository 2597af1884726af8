package salvage

import (
	"fmt"

	"hexz/pkg/carve"
)

// fileRange is a range of the file.
type fileRange struct{ from, to int64 }

// trail says how far the file was gone through.
type trail struct {
	gap   fileRange // without frames, after the last frame that was used
	at    int64     // after the last frame
	ended bool      // by End
}

// add goes on by a frame, or by a range without frames.
func (t *trail) add(f *carve.Found) {
	t.at = f.Pos + f.Len
	if f.Frame != nil {
		return
	}
	if t.gap.from == t.gap.to {
		t.gap.from = f.Pos
	}
	t.gap.to = t.at
}

// reason says why nothing was found after the last frame.
func (t *trail) reason() string {
	if t.gap.from < t.gap.to {
		return fmt.Sprintf("no sound frame in bytes %d to %d of the file", t.gap.from, t.gap.to)
	}
	return fmt.Sprintf("frames are missing at byte %d of the file", t.at)
}
