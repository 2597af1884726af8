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
	FormatAuto  = "auto" // qcow2 if the file begins as one does, or else raw
	FormatRaw   = overlay.FormatRaw
	FormatQcow2 = overlay.FormatQcow2
)

// ErrNotRaw is the error of an overlay that is taken for a raw image, and begins or ends as a file
// of another format does.
var ErrNotRaw = errors.New("not a raw image")

// OverlayOptions are the options of OpenOverlay.
type OverlayOptions struct {
	Format string    // "" is FormatAuto
	Map    io.Reader // what has changed in a raw file or device, see overlay.ParseMap; or nil

	// Layers is how many files of a chain of qcow2 files have changes on the base, or how many
	// depths of a map. 0 is one, if no other number is possible; -1 is all but the last, and not
	// for maps.
	Layers int

	overlay.ChainOptions
}

// Opened is an overlay that was opened, with what there is to say about it.
type Opened struct {
	Overlay
	Qcow2     bool     // it is a qcow2 file
	Files     []string // that were opened, the overlay itself the first
	Guessed   []string // backing files that were taken for raw images
	Unchecked error    // why the base is not compared with what the overlay was made to, or nil
}

// OpenOverlay returns what has changed in f, a file of one of the formats or, with a map, a raw file
// or device. The overlay reads from f.
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

// Content is what a guest sees of a qcow2 file.
type Content struct {
	stage.Source          // that packs it
	Files        []string // that were opened, the newest first
	Guessed      []string // backing files that were taken for raw images
}

// OpenContent returns what a guest sees of f, a qcow2 file, to be packed as a stream. The source
// reads from f; to close it closes the backing files.
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

// overlayError makes an ErrCorrupt of an invalid overlay.
func overlayError(err error) error {
	if errors.Is(err, overlay.ErrInvalid) {
		return invalidOverlay{err}
	}
	return err
}

type invalidOverlay struct{ error }

func (e invalidOverlay) Unwrap() []error { return []error{e.error, stream.ErrCorrupt} }
