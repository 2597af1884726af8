package index

import (
	"io"

	"hexz/pkg/seal"
	"hexz/pkg/stream/wire"
)

// An exported index lists the chunks of an archive, without their content:
//
//	Header                 the first frame of the archive, unchanged
//	entry page*            unchanged
//	root                   unchanged
//	1*( *Signature Trailer )
//
// The trailer has a magic of its own, and the position of the root in the exported index.
// ExportOpenIndex exports the index of an encrypted archive in plain form.

// ExportIndex writes an exported index of the archive to w. An encrypted archive need not be
// opened.
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
func OpenAny(src io.ReaderAt, size int64, opener seal.Opener) (*Index, error) {
	magic := ArchiveMagic
	if IsIndex(src, size) {
		magic = indexMagic
	}
	x, err := Open(src, size, magic, opener, NewPageCache())
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

// placeEntryPages sets the positions of the entry pages of an exported index, which the root does
// not have. The pages follow the header without a gap, up to the root.
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
