package archive

import (
	"io"

	"hexz/pkg/index"
)

// Start looks for an archive at the end of a file of size bytes that cannot be opened as a whole.
// It returns the position in the file at which the archive begins, if other bytes stand before it.
// The file may be two archives, one after the other. Start does not find an archive with
// signatures.
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
