//go:build !unix

package patient

import "errors"

const (
	toRead int16 = iota
	toWrite
)

// wait is not known here, nor is another process that makes a file non-blocking.
func (p *File) wait(int16) error { return errors.ErrUnsupported }
