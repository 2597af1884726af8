package dedup

import (
	"errors"
	"io"
)

// A Layout says how values stand in a file.
type Layout[V any] struct {
	Size int                 // bytes of a value
	Put  func(b []byte, v V) // fills b; nil if Size is 0
	Get  func(b []byte) V    // nil if Size is 0
}

// A FileStore is a Store in a file, for pages of the same length.
type FileStore[V any] struct {
	temp   func() (File, error)
	layout Layout[V]
	file   File // nil until the first page
	size   int  // of a page, in bytes; 0 until the first page
	buf    []byte
}

// NewFileStore returns an empty FileStore. With the first page it asks temp for its file. Close it
// after use.
func NewFileStore[V any](temp func() (File, error), layout Layout[V]) *FileStore[V] {
	return &FileStore[V]{temp: temp, layout: layout}
}

// Keep implements Store.
func (f *FileStore[V]) Keep(page []Record[V]) (err error) {
	if f.file == nil {
		if f.file, err = f.temp(); err != nil {
			f.file = nil
			return err
		}
		f.size = len(page) * (32 + f.layout.Size)
		f.buf = make([]byte, f.size)
	}
	b := f.buf
	for i := range page {
		b = b[copy(b, page[i].Hash[:]):]
		if f.layout.Size > 0 {
			f.layout.Put(b[:f.layout.Size], page[i].Value)
			b = b[f.layout.Size:]
		}
	}
	_, err = f.file.Write(f.buf)
	return err
}

// Read implements Store.
func (f *FileStore[V]) Read(page uint32, list []Record[V]) ([]Record[V], error) {
	if n, err := f.file.ReadAt(f.buf, int64(page)*int64(f.size)); n < f.size {
		return list, errors.Join(io.ErrUnexpectedEOF, err)
	}
	for b := f.buf; len(b) > 0; b = b[32+f.layout.Size:] {
		r := Record[V]{Hash: [32]byte(b)}
		if f.layout.Size > 0 {
			r.Value = f.layout.Get(b[32:][:f.layout.Size])
		}
		list = append(list, r)
	}
	return list, nil
}

// Close closes the file.
func (f *FileStore[V]) Close() {
	if f.file != nil {
		f.file.Close()
	}
}
