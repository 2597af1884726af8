package cli

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// ContentOutput is Output for restored content: it may go to a block device, unless the device is
// empty or in use.
func (e *Env) ContentOutput() (*Output, error) {
	e.toDevice = true
	return e.Output()
}

// checkDevice returns an error if a block device cannot be written to as a whole. Afterwards the
// device belongs to this process: it cannot be mounted while it is written.
func (e *Env) checkDevice(o *Output) error {
	if !e.toDevice {
		return WithHint(Usagef("%s is a device, from which the output could not be read back: what else is on it would follow", o.path),
			"write to a file; only hexz-cat writes to devices")
	}
	var err error
	if o.claim, err = claim(o.f); errors.Is(err, syscall.EBUSY) {
		return WithHint(fmt.Errorf("%s is in use: %w", o.path, err),
			"it is mounted, swap space, or part of a RAID, a volume group or the like: unmount it or take it out first")
	}
	pos, err := o.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	size, err := o.f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size == 0 {
		return fmt.Errorf("%s is empty: the device has no medium, or is not connected", o.path)
	}
	o.room = size - pos
	_, err = o.f.Seek(pos, io.SeekStart)
	return err
}

// Room returns the size of a block device in bytes, from the position of the output on.
func (o *Output) Room() int64 { return o.room }
