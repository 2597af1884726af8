package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"hexz/pkg/index"
)

// protection prevents a command from writing to the files that it reads. It remembers all inputs
// and compares them with all outputs: when either is opened, and before an output takes effect.
// After a clash no output of the process takes effect. Safe for concurrent use.
type protection struct {
	mu      sync.Mutex
	inputs  []input
	parents map[index.Hash]bool // archives that an input, or a file made of it, needs
	targets []*target
	err     error // the first clash
}

// input is a file that is read.
type input struct {
	path string
	info os.FileInfo
}

// target is a file that is replaced or written to.
type target struct {
	path string      // as messages name it
	open string      // a path by which the file can be read
	info os.FileInfo // nil if there is no file
	id   *index.Hash
	seen bool // id is known, and nil if it is no archive
}

// Open opens a file for reading. An output that would replace or change the file is wrong usage.
// The binaries open everything that they read beside standard input by Open. The caller closes the
// file.
func (e *Env) Open(path string) (*os.File, error) {
	if path == "" {
		return nil, errNoName
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := e.Reads(path, f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Reads remembers an open file as an input.
func (e *Env) Reads(path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p := &e.protection
	p.mu.Lock()
	defer p.mu.Unlock()
	in := input{path, info}
	p.inputs = append(p.inputs, in)
	for _, t := range p.targets {
		p.note(t.holds(in))
	}
	return p.err
}

// Needs remembers an archive by its id: a parent of an input or of an output. No output may take
// the place of that archive, even if the archive was not opened.
func (e *Env) Needs(id index.Hash) error {
	p := &e.protection
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parents == nil {
		p.parents = map[index.Hash]bool{}
	}
	p.parents[id] = true
	for _, t := range p.targets {
		p.note(t.isOneOf(p.parents))
	}
	return p.err
}

// needsAll is Needs for the parents that an archive names.
func (e *Env) needsAll(info *index.Info) error {
	for _, parent := range info.Parents {
		if err := e.Needs(parent.ID); err != nil {
			return err
		}
	}
	return nil
}

// Writes remembers an open file that is written in place, and not by an Output.
func (e *Env) Writes(path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return e.protection.add(&target{path: path, open: descriptorPath(f), info: info})
}

// add remembers a target.
func (p *protection) add(t *target) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, t)
	p.compare(t)
	return p.err
}

// check compares t with all inputs, and returns clashes of other targets as well.
func (p *protection) check(t *target) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.compare(t)
	return p.err
}

func (p *protection) compare(t *target) {
	for _, in := range p.inputs {
		p.note(t.holds(in))
	}
	if len(p.parents) > 0 {
		p.note(t.isOneOf(p.parents))
	}
}

// explain returns the clash if there was one, instead of the error err that the clash has led to.
func (p *protection) explain(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil || err.Error() == "" || p.err == nil {
		return err
	}
	return p.err
}

// note keeps the first error.
func (p *protection) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// holds returns an error if t is the file of in.
func (t *target) holds(in input) error {
	if t.info == nil || !sameFile(in.info, t.info) {
		return nil
	}
	return WithHint(Usagef("%s is both input and output", in.path), anotherFile)
}

// isOneOf returns an error if t is one of some archives.
func (t *target) isOneOf(parents map[index.Hash]bool) error {
	if id := t.archive(); id == nil || !parents[*id] {
		return nil
	}
	return WithHint(Usagef("%s is a parent, and also the output", t.path), anotherFile)
}

var errNoName = Usagef("a file name is empty")

const anotherFile = "write to another file, then rename it"

// archive returns the id of the archive that t held at the first call, or nil.
func (t *target) archive() *index.Hash {
	if !t.seen && t.info != nil {
		t.id = archiveAt(t.open, t.info)
	}
	t.seen = true
	return t.id
}

// archiveAt returns the id of the archive in a regular file or block device, or nil.
func archiveAt(path string, info os.FileInfo) *index.Hash {
	if !info.Mode().IsRegular() && !blockDevice(info) {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	id, err := index.TrailerID(f, size)
	if err != nil {
		return nil
	}
	return &id
}

// descriptorPath returns a path by which an open file can be opened once more, for reading.
func descriptorPath(f *os.File) (path string) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { path = fmt.Sprintf("/dev/fd/%d", fd) })
	}
	return path
}
