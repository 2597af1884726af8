package cli

import (
	"errors"
	"fmt"
	"os"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// Packed is an input that may be an archive or a chunk stream.
type Packed struct {
	File    *os.File
	Archive *archive.Reader // nil: read File from front to back
	Regular bool            // File is a regular file
}

// OpenPacked opens the FILE of args, or standard input. A regular file that ends in a trailer
// is opened as an archive; whatever else it is must be read from front to back.
// An encrypted archive is opened by one of ids, or locked without any; find, which may be nil,
// finds the parents of a thin one.
func OpenPacked(env *Env, args []string, ids []age.Identity, find archive.FindFunc) (*Packed, error) {
	p, err := OpenInput(env, args)
	if err != nil || !p.Regular {
		return p, err
	}
	info, err := p.File.Stat()
	if err == nil && archive.HasTrailer(p.File, info.Size()) {
		p.Archive, err = archive.NewReader(p.File, info.Size(), archive.Options{Identities: ids, Find: find, Threads: env.Threads})
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenInput opens the FILE of args, or standard input, without a look at what it is.
func OpenInput(env *Env, args []string) (*Packed, error) {
	path := "-"
	if len(args) > 0 {
		path = args[0]
	}
	f, err := env.Input(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return &Packed{File: f, Regular: err == nil && info.Mode().IsRegular()}, nil
}

// Explain returns err for the user: a regular file that is cut short is damaged, whereas a
// pipe that is cut short tells of an upstream stage that failed.
func (p *Packed) Explain(err error) error {
	if p.Regular && errors.Is(err, stream.ErrTruncated) {
		return fmt.Errorf("%w: %w", stream.ErrCorrupt, err)
	}
	return explainParent(explainLocked(err))
}

// Close closes the input.
func (p *Packed) Close() error { return p.File.Close() }
