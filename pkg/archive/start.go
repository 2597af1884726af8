package archive

import (
	"io"

	"hexz/pkg/index"
)

// Start looks for the archive at the end of a file of size bytes that cannot be opened as one. It
// returns the position in the file at which the archive begins, if there is something before it:
// the file may be two archives, one after the other. Signatures keep it from being found.
func Start(src io.ReaderAt, size int64) (int64, bool) {
	t, err := index.LastTrailer(src, size, index.ArchiveMagic)
	if err != nil {
		return 0, false
	}
	start := size - index.TrailerSize - t.Root.End()
	if start <= 0 {
		return 0, false
	}
	_, err = NewReader(io.NewSectionReader(src, start, size-start), size-start, Options{})
	return start, err == nil
}
