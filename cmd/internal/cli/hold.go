package cli

import (
	"os"

	"hexz/internal/patient"
)

// maxHeld is the greatest number of bytes of an output that are held back. All frames that name
// parents end before that: a header has up to 1 MiB, and 1024 parents have names of up to 4 KiB
// each.
const maxHeld = 8 << 20

// protect makes o a target. If a file is written in place and has an archive, its first bytes are
// held back until all parents of the stream are known.
func (e *Env) protect(o *Output) error {
	o.protection = &e.protection
	t := o.current()
	if o.temp == nil && t.archive() != nil {
		o.held = []byte{}
	}
	return e.protection.add(t)
}

// current returns the target that is at the place of the output now.
func (o *Output) current() *target {
	if o.temp == nil {
		return &target{path: o.path, open: descriptorPath(o.f), info: o.info}
	}
	info, err := os.Stat(o.target)
	if err != nil {
		info = nil
	}
	return &target{path: o.path, open: o.target, info: info}
}

// hold reports whether p was kept back. If it would exceed maxHeld, everything is written.
func (o *Output) hold(p []byte) (bool, error) {
	o.mu.Lock()
	if o.held == nil {
		o.mu.Unlock()
		return false, nil
	}
	if len(o.held)+len(p) <= maxHeld {
		o.held = append(o.held, p...)
		o.mu.Unlock()
		return true, nil
	}
	o.mu.Unlock()
	return false, o.release()
}

// release writes what was held back.
func (o *Output) release() error {
	o.mu.Lock()
	p := o.held
	o.held = nil
	o.mu.Unlock()
	if len(p) == 0 {
		return nil
	}
	_, err := patient.New(o.f).Write(p)
	return err
}

// settle is called before an output takes effect. It returns an error if the file at its place was
// read since the output was opened.
func (o *Output) settle() error {
	t := o.current()
	if o.temp == nil {
		t.seen = true // the target was examined before it was written to
	}
	if err := o.protection.check(t); err != nil {
		return err
	}
	return o.release()
}
