package archive

import (
	"bytes"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/dedup"
	"hexz/pkg/index"
)

// TempFile holds data that a Writer may not keep in memory. It is written once from front to back,
// then read, and closed when it is no longer needed.
type TempFile = dedup.File

// pageStore keeps the encoded pages of an index until the body is written: in memory, or in a
// file if there is one.
type pageStore struct {
	file  TempFile
	size  int64
	pages [2][]storedPage // map pages, entry pages
}

// storedPage is a page in memory, or its place in the file.
type storedPage struct {
	data   []byte
	pos    int64
	len    int
	digest index.Hash
}

// add keeps a page: a map page in list 0, an entry page in list 1.
func (s *pageStore) add(list int, page []byte) error {
	p := storedPage{pos: s.size, len: len(page), digest: blake.Sum(page)}
	if s.file == nil {
		p.data = bytes.Clone(page)
	} else if _, err := s.file.Write(page); err != nil {
		return err
	}
	s.size += int64(p.len)
	s.pages[list] = append(s.pages[list], p)
	return nil
}

// copyTo writes a page to w.
func (s *pageStore) copyTo(w io.Writer, p storedPage) error {
	if s.file == nil {
		_, err := w.Write(p.data)
		return err
	}
	n, err := io.Copy(w, io.NewSectionReader(s.file, p.pos, int64(p.len)))
	if err == nil && n < int64(p.len) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (s *pageStore) close() {
	if s.file != nil {
		s.file.Close()
	}
}
