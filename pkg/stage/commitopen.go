package stage

import (
	"errors"
	"fmt"
	"io"
	"os"

	"hexz/pkg/overlay"
	"hexz/pkg/stream"
)

// Formats of overlays.
const (
	OverlayAuto  = "auto" // qcow2 if the file begins as one does, or else raw
	OverlayRaw   = "raw"
	OverlayQcow2 = "qcow2"
)

// OpenOverlay returns what has changed in f, a file of one of the formats or, with a map of what
// has changed (see overlay.ParseMap), a raw file or device. The image reads from f.
func OpenOverlay(f *os.File, format string, changes io.Reader) (overlay.Image, error) {
	image, err := openOverlay(f, format, changes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), overlayError(err))
	}
	return image, nil
}

func openOverlay(f *os.File, format string, changes io.Reader) (overlay.Image, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if m := info.Mode(); m&os.ModeDevice != 0 && m&os.ModeCharDevice == 0 {
		size, err = f.Seek(0, io.SeekEnd)
	} else if !m.IsRegular() {
		err = errors.New("neither a regular file nor a block device")
	}
	if err != nil {
		return nil, err
	}
	if changes != nil {
		if format == OverlayQcow2 || format != OverlayRaw && overlay.IsQcow2(f) {
			return nil, errors.New("a map is for raw images: a qcow2 file knows itself what has changed")
		}
		list, err := overlay.ParseMap(changes, size)
		return overlay.NewMapped(f, size, list), err
	}
	if format == OverlayQcow2 || format != OverlayRaw && overlay.IsQcow2(f) {
		return overlay.NewQcow2(f, size)
	}
	return overlay.NewSparse(f)
}

// overlayError makes an ErrCorrupt of an invalid overlay.
func overlayError(err error) error {
	if errors.Is(err, overlay.ErrInvalid) {
		return invalidOverlay{err}
	}
	return err
}

type invalidOverlay struct{ error }

func (e invalidOverlay) Unwrap() []error { return []error{e.error, stream.ErrCorrupt} }
