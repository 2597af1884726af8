package commit

import (
	"errors"
	"fmt"
	"io"
	"os"

	"hexz/pkg/overlay"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Formats of overlays, and of inputs of hexz-chunk.
const (
	FormatAuto  = "auto" // qcow2 if the file begins like one, otherwise raw
	FormatRaw   = overlay.FormatRaw
	FormatQcow2 = overlay.FormatQcow2
)

// ErrNotRaw is the error for an overlay that is taken for a raw image, but begins or ends like a
// file of another format.
var ErrNotRaw = errors.New("not a raw image")

// OverlayOptions are the options of OpenOverlay.
type OverlayOptions struct {
	Format string    // "" is FormatAuto
	Map    io.Reader // changes in a raw file or device, see overlay.ParseMap; or nil

	// Layers is how many files of a chain of qcow2 files, or depths of a map, have changes on the
	// base. 0 is one, or an error if another number is possible. -1 is all but the last; it is not
	// for maps.
	Layers int

	overlay.ChainOptions
}

// Opened is an overlay that was opened, with remarks about it.
type Opened struct {
	Overlay
	Qcow2     bool     // it is a qcow2 file
	Files     []string // files that were opened, the overlay itself first
	Guessed   []string // backing files that were taken for raw images
	Unchecked error    // why the base is not compared with the image below the overlay, or nil
}

// OpenOverlay returns the changes in f: a file of one of the formats or, with a map, a raw file or
// device. The overlay reads from f.
func OpenOverlay(f *os.File, o OverlayOptions) (*Opened, error) {
	v, err := openOverlay(f, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), overlayError(err))
	}
	return v, nil
}

func openOverlay(f *os.File, o OverlayOptions) (*Opened, error) {
	size, err := imageSize(f)
	if err != nil {
		return nil, err
	}
	format := o.Format
	if format != FormatRaw && format != FormatQcow2 {
		looks, err := overlay.Format(f, size)
		if err != nil {
			return nil, err
		}
		if format = looks; format == "" {
			format = FormatRaw
		}
	}
	switch {
	case format == FormatQcow2 && o.Map != nil:
		return nil, errors.New("a map is for raw images: a qcow2 file knows itself what has changed")
	case format == FormatQcow2:
		return openChanges(f, size, o)
	case format != FormatRaw:
		return nil, fmt.Errorf("%w: it looks like a %s file: %w", overlay.ErrInvalid, format, ErrNotRaw)
	case o.Map != nil:
		return openMapped(f, size, o)
	case o.Layers != 0:
		return nil, errors.New("a chain is one of qcow2 files, and this is a raw image")
	}
	image, err := overlay.NewSparse(f)
	return &Opened{Overlay: Overlay{Image: image}, Files: []string{f.Name()}}, err
}

// imageSize returns the size of a regular file or a block device.
func imageSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, err
	case info.Mode().IsRegular():
		return info.Size(), nil
	case info.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice:
		return f.Seek(0, io.SeekEnd)
	}
	return 0, errors.New("neither a regular file nor a block device")
}

func openMapped(f *os.File, size int64, o OverlayOptions) (*Opened, error) {
	m, err := overlay.ParseMap(o.Map, size, o.Layers)
	if err != nil {
		return nil, err
	}
	below := &Below{ReaderAt: f, Size: -1, Ranges: m.Unchanged(), Partial: true}
	return &Opened{Overlay: Overlay{Image: overlay.NewMapped(f, size, m), Below: below}, Files: []string{f.Name()}}, nil
}

func openChanges(f *os.File, size int64, o OverlayOptions) (*Opened, error) {
	chain, err := overlay.OpenChain(f, size, o.ChainOptions)
	if err != nil {
		return nil, err
	}
	image, n, err := chain.Changes(o.Layers)
	if err != nil {
		chain.Close()
		return nil, err
	}
	v := &Opened{Overlay: Overlay{Image: image, close: chain.Close}, Qcow2: true, Files: chain.Files(), Guessed: chain.Guessed}
	below, err := chain.Content(n)
	if err == nil {
		v.Below = &Below{ReaderAt: below, Size: below.Size()}
		v.Below.Ranges, err = below.Samples()
	}
	if err != nil {
		v.Below, v.Unchecked = nil, err
	}
	return v, nil
}

// Content is the content of a qcow2 file as a guest sees it.
type Content struct {
	stage.Source          // packs the content
	Files        []string // files that were opened, the newest first
	Guessed      []string // backing files that were taken for raw images
}

// OpenContent returns the content of f, a qcow2 file, as a guest sees it, to be packed as a stream.
// The source reads from f. Closing the source closes the backing files.
func OpenContent(name string, f *os.File, o overlay.ChainOptions) (*Content, error) {
	size, err := imageSize(f)
	var chain *overlay.Chain
	if err == nil {
		chain, err = overlay.OpenChain(f, size, o)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), overlayError(err))
	}
	content, err := chain.Content(0)
	if err != nil {
		chain.Close()
		return nil, overlayError(err)
	}
	return &Content{stage.ContentSource(name, content).Closing(chain.Close), chain.Files(), chain.Guessed}, nil
}

// overlayError makes an error about an invalid overlay an ErrCorrupt.
func overlayError(err error) error {
	if errors.Is(err, overlay.ErrInvalid) {
		return invalidOverlay{err}
	}
	return err
}

type invalidOverlay struct{ error }

func (e invalidOverlay) Unwrap() []error { return []error{e.error, stream.ErrCorrupt} }
