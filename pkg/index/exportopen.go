package index

import (
	"io"
	"maps"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// OpenedKey stands in the Meta of an index that was exported in plain form. Its value is the id of
// the archive, which differs from the digest of this root.
const OpenedKey = "archive-id"

// ExportOpenIndex writes an exported index of an encrypted archive to w in plain form, so that it
// can be used without a key. The export shows the hash and the length of each chunk, and everything
// in Info. It has no signatures, because it has a root of its own.
func (x *Index) ExportOpenIndex(w io.Writer) error {
	if err := x.Locked(); err != nil {
		return err
	}
	pos := int64(0)
	write := func(frame func(*wire.Writer)) (Extent, error) {
		buf := wire.NewWriter()
		frame(buf)
		at := Extent{pos, int64(len(buf.Written())), blake.Sum(buf.Written())}
		n, err := w.Write(buf.Written())
		pos += int64(n)
		return at, err
	}
	if _, err := write(func(w *wire.Writer) { stream.Append(w, &stream.Header{Meta: stream.Meta{SealedKey: true}}) }); err != nil {
		return err
	}
	root := *x.Root
	root.Features, root.Entries = nil, nil
	for n, at := range x.Root.Entries {
		raw, err := x.ReadExtent(at, "entry page")
		if err != nil {
			return err
		}
		content, err := entryContent(raw, n, x.Ciphers)
		if err != nil {
			return err
		}
		opened, err := write(func(w *wire.Writer) { appendEntries(w, n, content) })
		if err != nil {
			return err
		}
		root.Entries = append(root.Entries, opened)
	}
	id := x.ID()
	root.Info.Meta = maps.Clone(root.Info.Meta)
	if root.Info.Meta == nil {
		root.Info.Meta = stream.Meta{}
	}
	root.Info.Meta[OpenedKey] = id[:]
	root.Seal(nil)
	at, err := write(func(w *wire.Writer) { AppendRoot(w, &root) })
	if err != nil {
		return err
	}
	_, err = w.Write(Trailer{at, indexMagic}.Append(nil))
	return err
}

// readOpened takes the archive id from an index that was exported in plain form.
func (x *Index) readOpened() error {
	value, opened := x.Root.Info.Meta[OpenedKey]
	if !opened || x.Root.Encrypted() {
		return nil
	}
	p, ok := value.([]byte)
	if !ok || len(p) != len(Hash{}) {
		return Corruptf("the archive id of an opened index is not one")
	}
	delete(x.Root.Info.Meta, OpenedKey)
	id := Hash(p)
	x.opened = &id
	return nil
}
