package index

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
	for _, at := range append([]Extent{head}, x.Root.Entries...) {
		p := make([]byte, at.Len)
		err := x.ReadBytes(p, at.Pos)
		if at != head {
			p, err = x.ReadExtent(at, "entry page")
		}
		if err == nil {
			err = write(p)
		}
		if err != nil {
			return err
		}
	}
	at := x.RootAt
	at.Pos = pos
	raw, err := x.ReadExtent(x.RootAt, "root")
	if err == nil {
		err = write(raw)
	}
	if err != nil {
		return err
	}
	tail := wire.NewWriter()
	for _, s := range x.tail.Signatures {
		AppendSignature(tail, s.Marshal())
	}
	return write(Trailer{at, indexMagic}.Append(tail.Written()))
}

// OpenAny opens the index of an archive, or an exported index, of size bytes on src.
func OpenAny(src io.ReaderAt, size int64, ids ...age.Identity) (*Index, error) {
	magic := ArchiveMagic
	if IsIndex(src, size) {
		magic = indexMagic
	}
	x, err := Open(src, size, magic, ids, NewPageCache())
	if err == nil {
		err = x.Locked()
	}
	if err == nil && x.Exported() {
		err = x.placeEntryPages()
	}
	if err == nil && x.Exported() {
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
	at := head.End()
	for i := range x.Root.Entries {
		x.Root.Entries[i].Pos = at
		at = x.Root.Entries[i].End()
	}
	if at != x.RootAt.Pos {
		return Corruptf("entry pages end at byte %d, the root is at byte %d", at, x.RootAt.Pos)
	}
	return nil
}
