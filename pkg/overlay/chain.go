package overlay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxChain is the greatest number of files of a chain. Each is open as long as the chain is.
const maxChain = 200

// Formats of backing files that this package reads.
const (
	FormatRaw   = "raw"
	FormatQcow2 = qcow2Format
)

// ErrFormat is the error of a backing file whose format the file above it does not give, and which
// does not look like a raw image.
var ErrFormat = errors.New("the format of a backing file is not given")

// ChainOptions say how to follow the names of backing files.
type ChainOptions struct {
	// Open opens a file that is known to be a regular file or a block device.
	Open func(path string) (*os.File, error)

	// BackingFormat is the format of backing files whose format the file above them does not give:
	// raw or qcow2. "" accepts only files that cannot be mistaken.
	BackingFormat string
}

// Chain is a qcow2 file and its backing files, one below the other.
type Chain struct {
	layers []layer
	files  []*os.File // the opened files, without the first one of the chain
	paths  []string
	broken error // why the chain goes no further than these layers

	Guessed []string // files without a known format that were taken for raw images
}

// OpenChain opens the files below f, a qcow2 file. The name of a backing file is a path of the file
// system: absolute, or relative to the directory of the file that names it. Other names that
// qemu-img would accept (json:, nbd:// and other protocols) are never followed. A file whose format
// is given as raw is taken as raw, whatever it looks like.
//
// A backing file that cannot be opened or read is not an error of OpenChain, but of the methods
// that need it. The chain reads from f, and does not close it.
func OpenChain(f *os.File, size int64, o ChainOptions) (*Chain, error) {
	top, err := newQcow2(f, size)
	if err != nil {
		return nil, err
	}
	c := &Chain{layers: []layer{top}, paths: []string{f.Name()}}
	infos := make([]os.FileInfo, 1)
	if infos[0], err = f.Stat(); err != nil {
		return nil, err
	}
	for q := top; q.backing.Name != ""; {
		next, info, err := c.openBacking(q, infos, o)
		if err != nil {
			c.broken = fmt.Errorf("backing file %q of %s: %w", q.backing.Name, c.paths[len(c.paths)-1], err)
			break
		}
		c.layers, infos = append(c.layers, next), append(infos, info)
		c.paths = append(c.paths, c.files[len(c.files)-1].Name())
		var more bool
		if q, more = next.(*qcow2); !more {
			break
		}
	}
	return c, nil
}

// Close closes the files that OpenChain has opened.
func (c *Chain) Close() {
	for _, f := range c.files {
		f.Close()
	}
}

// openBacking opens the backing file of the last layer, q. infos describe the files above it.
func (c *Chain) openBacking(q *qcow2, infos []os.FileInfo, o ChainOptions) (layer, os.FileInfo, error) {
	path, err := locateBacking(c.paths[len(c.paths)-1], q.backing.Name)
	if err != nil {
		return nil, nil, err
	}
	if len(c.layers) == maxChain {
		return nil, nil, invalidf("a chain of more than %d files", maxChain)
	}
	info, err := os.Stat(path) // first: opening a FIFO would wait
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() && info.Mode()&(os.ModeDevice|os.ModeCharDevice) != os.ModeDevice {
		return nil, nil, errors.New("neither a regular file nor a block device")
	}
	for _, above := range infos {
		if os.SameFile(above, info) {
			return nil, nil, invalidf("the chain of backing files is a circle")
		}
	}
	f, err := o.Open(path)
	if err != nil {
		return nil, nil, err
	}
	c.files = append(c.files, f)
	size, err := sizeOf(f)
	if err != nil {
		return nil, nil, err
	}
	format, err := c.backingFormat(f, size, q.backing.Format, o)
	if err != nil {
		return nil, nil, err
	}
	if format == FormatRaw {
		return &raw{f, size}, info, nil
	}
	next, err := newQcow2(f, size)
	if err != nil {
		return nil, nil, err
	}
	next.decoder = q.decoder
	return next, info, nil
}

// locateBacking returns the path of a backing file that the file at path names.
func locateBacking(path, name string) (string, error) {
	if i := strings.IndexAny(name, ":/"); i >= 0 && name[i] == ':' {
		return "", unsupportedf("%q is no file but a protocol, which is not followed", name[:i+1])
	}
	if strings.HasPrefix(name, "/") {
		return name, nil
	}
	return path[:strings.LastIndexByte(path, '/')+1] + "./" + name, nil
}

// backingFormat returns the format of the backing file f, raw or qcow2.
func (c *Chain) backingFormat(f *os.File, size int64, given string, o ChainOptions) (string, error) {
	if given == "" {
		given = o.BackingFormat
	}
	switch given {
	case FormatRaw, "host_device", "file":
		return FormatRaw, nil
	case FormatQcow2:
		return FormatQcow2, nil
	case "":
	default:
		return "", unsupportedf("it has the format %q, which is not read here", given)
	}
	looks, err := Format(f, size)
	if err != nil {
		return "", err
	}
	if looks != "" {
		// A guest that writes such a start to its raw disk could name any file as a backing file.
		return "", fmt.Errorf("%w, and it begins as a %s file does", ErrFormat, looks)
	}
	c.Guessed = append(c.Guessed, f.Name())
	return FormatRaw, nil
}

// sizeOf returns the size of a regular file or a block device.
func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().IsRegular() {
		return info.Size(), nil
	}
	return f.Seek(0, io.SeekEnd)
}

// Files returns the paths of all files of the chain, the newest first.
func (c *Chain) Files() []string { return c.paths }

// Broken returns why the chain is not complete, or nil if it is.
func (c *Chain) Broken() error { return c.broken }

// Content returns the content that a guest sees of file number from of the chain, 0 being the
// newest.
func (c *Chain) Content(from int) (Content, error) {
	if c.broken != nil {
		return Content{}, c.broken
	}
	return Content{newStack(c.layers[from:])}, nil
}

// Changes returns the changes that the first n files make to the files below them, and n. A
// negative n means all files but the last. 0 means 1; a chain of more than two files is then
// ErrChain, and a second file of unknown format, which may have more below it, is ErrFormat.
func (c *Chain) Changes(n int) (Image, int, error) {
	has := len(c.layers) // files that are known to exist
	if c.broken != nil {
		has++
	}
	switch {
	case has == 1:
		return nil, 0, errWhole
	case n < 0 && c.broken != nil:
		return nil, 0, c.broken
	case n < 0:
		n = has - 1
	case n == 0 && (has > 2 || errors.Is(c.broken, ErrFormat)):
		err := ErrChain
		if c.broken != nil && has == 2 {
			err = c.broken
		}
		return nil, 0, err
	case n == 0:
		n = 1
	case n >= has:
		return nil, 0, invalidf("%d files of a chain of %d cannot all have changes on a base", n, has)
	}
	return &changes{stack: newStack(c.layers[:n])}, n, nil
}
