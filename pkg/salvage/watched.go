package salvage

import (
	"errors"
	"io"
	"sync"
)

// watchedFile remembers the first read error, so that bytes that a disk fails to deliver are not
// taken for lost. It is safe for concurrent use.
type watchedFile struct {
	io.ReaderAt
	mu  sync.Mutex
	err error
}

// ReadAt implements io.ReaderAt.
func (f *watchedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, off)
	if n < len(p) && err != nil && !errors.Is(err, io.EOF) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err == nil {
			f.err = err
		}
	}
	return n, err
}

// fault returns the first read error.
func (f *watchedFile) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
