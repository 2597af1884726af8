package archive

import (
	"io"
	"maps"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// openedKey stands in the Meta of an index that was exported opened: the id of the archive, which is
// not that of its root.
const openedKey = "archive-id"

// ExportOpenIndex writes an exported index to w that is not encrypted though the archive is, so that
// it can be used without a key. It shows the hash and the length of each chunk, and all else that
// Info has. It has no signatures, as it has a root of its own.
func (x *Index) ExportOpenIndex(w io.Writer) error {
	if err := x.Locked(); err != nil {
		return err
	}
	pos := int64(0)
	write := func(frame func(*wire.Writer)) (span, error) {
		buf := wire.NewWriter()
		frame(buf)
		at := span{pos, int64(len(buf.Written())), blake.Sum(buf.Written())}
		n, err := w.Write(buf.Written())
		pos += int64(n)
		return at, err
	}
	if _, err := write(func(w *wire.Writer) { stream.Append(w, &stream.Header{Meta: stream.Meta{sealedKey: true}}) }); err != nil {
		return err
	}
	root := *x.root
	root.features, root.entries = nil, nil
	for n, at := range x.root.entries {
		raw, err := x.readSpan(at, "entry page")
		if err != nil {
			return err
		}
		content, err := entryContent(raw, n, x.ciphers)
		if err != nil {
			return err
		}
		opened, err := write(func(w *wire.Writer) { appendEntries(w, n, content) })
		if err != nil {
			return err
		}
		root.entries = append(root.entries, opened)
	}
	id := x.ID()
	root.info.Meta = maps.Clone(root.info.Meta)
	if root.info.Meta == nil {
		root.info.Meta = stream.Meta{}
	}
	root.info.Meta[openedKey] = id[:]
	root.seal(nil)
	at, err := write(func(w *wire.Writer) { appendRoot(w, &root) })
	if err != nil {
		return err
	}
	_, err = w.Write(trailer{at, indexMagic}.append(nil))
	return err
}

// readOpened takes the archive id from an exported index that was opened.
func (x *Index) readOpened() error {
	value, opened := x.root.info.Meta[openedKey]
	if !opened || x.root.encrypted() {
		return nil
	}
	p, ok := value.([]byte)
	if !ok || len(p) != len(Hash{}) {
		return corruptf("the archive id of an opened index is not one")
	}
	delete(x.root.info.Meta, openedKey)
	id := Hash(p)
	x.opened = &id
	return nil
}
