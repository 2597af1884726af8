package parents

import (
	"container/list"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// maxOpenParents is how many files of parents are kept open at a time. Files that are being read do
// not count.
const maxOpenParents = 8

// filePool reads many files and keeps few of them open: those used last. The zero value is ready.
type filePool struct {
	mu   sync.Mutex
	open list.List // of *pooledFile, the last used first
}

// pooledFile is a file that is opened when it is read. All methods are safe for concurrent use.
type pooledFile struct {
	pool  *filePool
	path  string
	info  os.FileInfo
	file  *os.File      // nil while it is closed
	place *list.Element // in pool.open, while it is open
	users int           // number of reads under way
}

// add returns the file at path, which must be a regular one.
func (p *filePool) add(path string) (*pooledFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a FIFO would wait
		return nil, errNotRegular
	}
	f := &pooledFile{pool: p, path: path, info: info}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	f.release()
	return f, nil
}

// Name returns the path.
func (f *pooledFile) Name() string { return f.path }

// size returns the original size of the file, in bytes.
func (f *pooledFile) size() int64 { return f.info.Size() }

// ReadAt implements io.ReaderAt. It fails if the path now names another file.
func (f *pooledFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.acquire(); err != nil {
		return 0, err
	}
	defer f.release()
	return f.file.ReadAt(p, off)
}

// acquire opens the file, which stays open until release.
func (f *pooledFile) acquire() error {
	p := f.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.file == nil {
		file, err := os.Open(f.path)
		if err != nil {
			return err
		}
		info, err := file.Stat()
		if err == nil && !os.SameFile(info, f.info) {
			err = &fs.PathError{Op: "read", Path: f.path, Err: errors.New("it was replaced by another file meanwhile")}
		}
		if err != nil {
			file.Close()
			return err
		}
		f.file, f.place = file, p.open.PushFront(f)
	}
	p.open.MoveToFront(f.place)
	f.users++
	p.closeIdle(maxOpenParents)
	return nil
}

func (f *pooledFile) release() {
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	f.users--
	f.pool.closeIdle(maxOpenParents)
}

// closeIdle closes files that are not being read until no more than n are open. It begins with
// those that have not been used for the longest time. The pool is locked.
func (p *filePool) closeIdle(n int) {
	for at := p.open.Back(); at != nil && p.open.Len() > n; {
		f := at.Value.(*pooledFile)
		at = at.Prev()
		if f.users == 0 {
			p.open.Remove(f.place)
			f.file.Close()
			f.file, f.place = nil, nil
		}
	}
}

// close closes all files that are not being read. The next read opens a file again.
func (p *filePool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeIdle(0)
}
