package cli

import (
	"os"

	"hexz/internal/patient"
)

// maxHeld bounds what is held back of an output, in bytes. All frames that name parents come before
// that: a header has up to 1 MiB, 1024 parents have a name of up to 4 KiB each.
const maxHeld = 8 << 20

// protect makes o a target: of a file that is written in place, and has an archive, the first bytes
// are held back until all parents of the stream are known.
func (e *Env) protect(o *Output) error {
	o.protection = &e.protection
	t := o.current()
	if o.temp == nil && t.archive() != nil {
		o.held = []byte{}
	}
	return e.protection.add(t)
}

// current returns what is at the place of the output now.
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

// hold reports whether p was kept back. What is too much is written.
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

// settle is for an output that is to take effect: what is at its place must not have been read
// since it was opened.
func (o *Output) settle() error {
	t := o.current()
	if o.temp == nil {
		t.seen = true // it was looked at before it was written to
	}
	if err := o.protection.check(t); err != nil {
		return err
	}
	return o.release()
}
