package archive

import (
	"io"

	"filippo.io/age"

	"hexz/pkg/stream/wire"
)

// An exported index tells what chunks an archive has, without the chunks:
//
//	Header                 the first frame of the archive, as it is
//	entry page*            as they are
//	root                   as it is
//	1*( *Signature Trailer )
//
// The trailer has a magic of its own, and the position of the root in the exported index. Of an
// encrypted archive the index can be exported opened, see ExportOpenIndex.

// ExportIndex writes an exported index of the archive to w. An encrypted one need not be opened.
func (x *Index) ExportIndex(w io.Writer) error {
	_, head, err := x.header()
	if err != nil {
		return err
	}
	pos := int64(0)
	write := func(p []byte) error {
		n, err := w.Write(p)
		pos += int64(n)
		return err
	}
	for _, at := range append([]span{head}, x.root.entries...) {
		p := make([]byte, at.len)
		err := x.readAt(p, at.pos)
		if at != head {
			p, err = x.readSpan(at, "entry page")
		}
		if err == nil {
			err = write(p)
		}
		if err != nil {
			return err
		}
	}
	at := x.rootAt
	at.pos = pos
	raw, err := x.readSpan(x.rootAt, "root")
	if err == nil {
		err = write(raw)
	}
	if err != nil {
		return err
	}
	tail := wire.NewWriter()
	for _, s := range x.tail.signatures {
		appendSignature(tail, s.Marshal())
	}
	return write(trailer{at, indexMagic}.append(tail.Written()))
}

// OpenIndex opens the index of an archive, or an exported index, of size bytes on src.
func OpenIndex(src io.ReaderAt, size int64, ids ...age.Identity) (*Index, error) {
	magic := archiveMagic
	if IsIndex(src, size) {
		magic = indexMagic
	}
	x, err := openIndex(src, size, magic, ids, newPageCache())
	if err == nil {
		err = x.Locked()
	}
	if err == nil && magic == indexMagic {
		err = x.placeEntryPages()
	}
	if err == nil && magic == indexMagic {
		err = x.readOpened()
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// placeEntryPages sets the positions of the entry pages of an exported index, which its root does
// not have: they follow the header without a gap, up to the root.
func (x *Index) placeEntryPages() error {
	_, head, err := x.header()
	if err != nil {
		return err
	}
	at := head.end()
	for i := range x.root.entries {
		x.root.entries[i].pos = at
		at = x.root.entries[i].end()
	}
	if at != x.rootAt.pos {
		return corruptf("entry pages end at byte %d, the root is at byte %d", at, x.rootAt.pos)
	}
	return nil
}
