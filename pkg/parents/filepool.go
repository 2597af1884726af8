package parents

import (
	"container/list"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// MaxOpenParents is how many files of parents are kept open at a time, but for those that are being
// read.
const MaxOpenParents = 8

// FilePool reads many files and keeps few of them open: the last used ones. The zero value is ready.
type FilePool struct {
	mu   sync.Mutex
	Open list.List // of *pooledFile, the last used first
}

// PooledFile is a file that is opened when it is read. All methods are safe for concurrent use.
type PooledFile struct {
	pool  *FilePool
	Path  string
	info  os.FileInfo
	file  *os.File      // nil while it is closed
	place *list.Element // in pool.open, while it is open
	users int           // that are reading
}

// Add returns the file at path, which must be a regular one.
func (p *FilePool) Add(path string) (*PooledFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a FIFO would wait
		return nil, errNotRegular
	}
	f := &PooledFile{pool: p, Path: path, info: info}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	f.release()
	return f, nil
}

// Name returns the path.
func (f *PooledFile) Name() string { return f.Path }

// size returns the size that the file had at first, in bytes.
func (f *PooledFile) size() int64 { return f.info.Size() }

// ReadAt is that of os.File. It fails if the path has become that of another file.
func (f *PooledFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.acquire(); err != nil {
		return 0, err
	}
	defer f.release()
	return f.file.ReadAt(p, off)
}

// acquire opens the file, which stays open until release.
func (f *PooledFile) acquire() error {
	p := f.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.file == nil {
		file, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		info, err := file.Stat()
		if err == nil && !os.SameFile(info, f.info) {
			err = &fs.PathError{Op: "read", Path: f.Path, Err: errors.New("it was replaced by another file meanwhile")}
		}
		if err != nil {
			file.Close()
			return err
		}
		f.file, f.place = file, p.Open.PushFront(f)
	}
	p.Open.MoveToFront(f.place)
	f.users++
	p.closeIdle(MaxOpenParents)
	return nil
}

func (f *PooledFile) release() {
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	f.users--
	f.pool.closeIdle(MaxOpenParents)
}

// closeIdle closes files that nobody reads until there are no more than n open, the last used
// ones last. The pool is locked.
func (p *FilePool) closeIdle(n int) {
	for at := p.Open.Back(); at != nil && p.Open.Len() > n; {
		f := at.Value.(*PooledFile)
		at = at.Prev()
		if f.users == 0 {
			p.Open.Remove(f.place)
			f.file.Close()
			f.file, f.place = nil, nil
		}
	}
}

// Close closes all files that nobody reads. They are opened again if they are read again.
func (p *FilePool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeIdle(0)
}
