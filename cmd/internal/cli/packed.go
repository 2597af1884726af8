package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"hexz/internal/patient"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Packed is an input that may be an archive or a chunk stream.
type Packed struct {
	File    *os.File
	Archive *archive.Reader // nil: read File from front to back
	Regular bool            // File is a regular file
	empty   bool            // and had nothing left to read, or says so
}

// CacheFlag adds a flag for the memory of a reader with parents.
func CacheFlag(f *pflag.FlagSet, bytes *int64) {
	f.Var(SizeVar(bytes, 0), "cache", "keep `SIZE` of decoded segments, for what comes in small pieces from all over the parents (default 20M, or less beside a stream)")
}

// OpenPacked opens the FILE of args, or standard input. A regular file that ends in a trailer is
// opened as an archive, from its current position on. Any other input must be read from front to
// back. o applies to the archive, except for Threads.
func OpenPacked(env *Env, args []string, o archive.Options) (*Packed, error) {
	p, err := OpenInput(env, args)
	if err != nil || !p.Regular {
		return p, err
	}
	file, err := Section(p.File)
	if err == nil && index.HasTrailer(file, file.Size()) {
		o.Threads = env.Threads
		p.Archive, err = archive.NewReader(file, file.Size(), o)
		err = p.name(twoArchives(p.File, err))
	}
	if err == nil && p.Archive != nil {
		err = env.needsAll(p.Archive.Info())
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenAtRandom is OpenPacked for a file at path that must be read at random. It refuses a FIFO
// without opening it, because opening would wait for a writer.
func OpenAtRandom(env *Env, path string, o archive.Options) (*Packed, error) {
	if err := RefuseFIFO(path); err != nil {
		return nil, err
	}
	return OpenPacked(env, []string{path}, o)
}

// RefuseFIFO returns a usage error if there is a FIFO at path.
func RefuseFIFO(path string) error {
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		return WithHint(Usagef("%s is a pipe, and not a file: an archive in it cannot be read at random", path), "save it first")
	}
	return nil
}

// OpenInput opens the FILE of args, or standard input, without looking at its content.
func OpenInput(env *Env, args []string) (*Packed, error) {
	path := "-"
	if len(args) > 0 {
		path = args[0]
	}
	f, err := env.Input(path)
	if err != nil {
		return nil, err
	}
	p := &Packed{File: f}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		file, err := Section(f)
		p.Regular, p.empty = true, err == nil && file.Size() == 0
	}
	return p, nil
}

// Section returns the bytes of a regular file from where it stands to its end: what was read of standard
// input before is not part of it.
func Section(f *os.File) (*io.SectionReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(f, at, max(info.Size()-at, 0)), nil
}

// Explain returns err for the user. A regular file that is cut short is damaged. A pipe that is cut
// short means that an upstream stage failed.
func (p *Packed) Explain(err error) error {
	if p.Regular && errors.Is(err, stream.ErrTruncated) {
		err = fmt.Errorf("%w: %w", stream.ErrCorrupt, err)
	}
	return explainParent(explainLocked(p.name(err)))
}

// name adds the name of a file to an error about its content, and says what else the file may be.
func (p *Packed) name(err error) error {
	frame, inFrame := errors.AsType[*stream.FrameError](err)
	switch {
	case inFrame && p.empty:
		return named(p.File.Name(), fmt.Errorf("%w: the file is empty", stream.ErrCorrupt))
	case inFrame && p.isIndex():
		return named(p.File.Name(), exportedIndex())
	case inFrame && errors.Is(frame.Err, stream.ErrCorrupt) && frame.Index == 0:
		return notStream(p.File.Name(), err)
	case p.Regular && p.File.Name() != os.Stdin.Name() && (inFrame || errors.Is(err, stream.ErrCorrupt)):
		return named(p.File.Name(), err)
	}
	return err
}

// isIndex reports whether the input is an exported index.
func (p *Packed) isIndex() bool {
	info, err := p.File.Stat()
	return err == nil && p.Regular && index.IsIndex(p.File, info.Size())
}

// Reader returns the input for reading from front to back.
func (p *Packed) Reader() io.Reader { return patient.New(p.File) }

// Close closes the input.
func (p *Packed) Close() error { return p.File.Close() }
