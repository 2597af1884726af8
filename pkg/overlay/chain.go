package overlay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxChain is the most files of a chain: each is open as long as the chain is.
const maxChain = 200

// Formats of backing files that are read.
const (
	FormatRaw   = "raw"
	FormatQcow2 = qcow2Format
)

// ErrFormat is the error of a backing file whose format is not told by the file above it, and
// which does not look like a raw image.
var ErrFormat = errors.New("the format of a backing file is not given")

// ChainOptions say how to follow the names of backing files.
type ChainOptions struct {
	// Open opens a file, once it is known to be a regular file or a block device.
	Open func(path string) (*os.File, error)

	// BackingFormat is the format of the backing files of which the file above them does not
	// tell it: raw, qcow2 or, if only what cannot be mistaken is to be taken, "".
	BackingFormat string
}

// Chain is a qcow2 file and the files that it is based on, one below the other.
type Chain struct {
	layers []layer
	files  []*os.File // that were opened, the first one of the chain not among them
	paths  []string
	broken error // why there is no more of it than these layers

	Guessed []string // files without a known format that were taken for raw images
}

// OpenChain opens the files below f, a qcow2 file. The name of a backing file is one of the file
// system: absolute, or below the directory of the file that names it. What else qemu-img would take
// (json:, nbd:// and other protocols) is never followed. A file whose format is given as raw is
// one, whatever it looks like.
//
// A backing file that cannot be opened or read is no error of OpenChain, but of those methods that
// need it. The chain reads from f, and does not close it.
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
		next, info, err := c.below(q, infos, o)
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

// below opens the backing file of the last layer, q. infos are those of the files above it.
func (c *Chain) below(q *qcow2, infos []os.FileInfo, o ChainOptions) (layer, os.FileInfo, error) {
	path, err := locate(c.paths[len(c.paths)-1], q.backing.Name)
	if err != nil {
		return nil, nil, err
	}
	if len(c.layers) == maxChain {
		return nil, nil, invalidf("a chain of more than %d files", maxChain)
	}
	info, err := os.Stat(path) // first: to open a FIFO would wait
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
	format, err := c.format(f, size, q.backing.Format, o)
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

// locate returns the path of a backing file that the file at path names.
func locate(path, name string) (string, error) {
	if i := strings.IndexAny(name, ":/"); i >= 0 && name[i] == ':' {
		return "", invalidf("%q is no file but a protocol, which is not followed", name[:i+1])
	}
	if strings.HasPrefix(name, "/") {
		return name, nil
	}
	return path[:strings.LastIndexByte(path, '/')+1] + "./" + name, nil
}

// format returns the format of the backing file f, raw or qcow2.
func (c *Chain) format(f *os.File, size int64, given string, o ChainOptions) (string, error) {
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
		return "", invalidf("it has the format %q, which is not read here", given)
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

// Content returns what a guest sees of the file number from of the chain, 0 being the newest.
func (c *Chain) Content(from int) (Content, error) {
	if c.broken != nil {
		return Content{}, c.broken
	}
	return Content{newStack(c.layers[from:])}, nil
}

// Changes returns what the first n files have changed of what lies below them, and n. If n is 0 it
// is 1, and it is an error, ErrChain, if the second file has another one below it, or may have. If
// n is negative these are all but the last.
func (c *Chain) Changes(n int) (Image, int, error) {
	has := len(c.layers) // files that can be told from others
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
