package archive

import (
	"bytes"
	"io"

	"hexz/pkg/dedup"
)

// TempFile holds data that a Writer may not keep in memory. It is written once from front to back,
// then read, and closed when it is no longer needed.
type TempFile = dedup.File

// pageStore keeps the pages of an area of the index until the body is written: in memory, and in a
// file once that is full.
type pageStore struct {
	limit int64 // bytes in memory; 0 is no limit
	temp  func() (TempFile, error)
	pages [][]byte
	size  int64
	file  TempFile // or nil
}

// add keeps a page.
func (s *pageStore) add(page []byte) error {
	s.size += int64(len(page))
	if s.file == nil && s.limit > 0 && s.size > s.limit {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.file == nil {
		s.pages = append(s.pages, bytes.Clone(page))
		return nil
	}
	_, err := s.file.Write(page)
	return err
}

// spill moves all pages to a file.
func (s *pageStore) spill() (err error) {
	if s.file, err = s.temp(); err != nil {
		return err
	}
	for _, page := range s.pages {
		if _, err := s.file.Write(page); err != nil {
			return err
		}
	}
	s.pages = nil
	return nil
}

// copyTo writes all pages to w.
func (s *pageStore) copyTo(w io.Writer) error {
	for _, page := range s.pages {
		if _, err := w.Write(page); err != nil {
			return err
		}
	}
	if s.file == nil {
		return nil
	}
	n, err := io.Copy(w, io.NewSectionReader(s.file, 0, s.size))
	if err == nil && n < s.size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (s *pageStore) close() {
	if s.file != nil {
		s.file.Close()
	}
}
