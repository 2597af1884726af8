package index

import (
	"hexz/pkg/stream/wire"
)

// sealed returns the number of a directory page among all of an archive.
func (k pageKey) sealed() uint64 {
	return uint64(k.list)<<48 | uint64(k.height)<<40 | uint64(k.number)
}

// appendDirectory writes a directory page. Its keys are sealed if the archive is encrypted.
func appendDirectory(w *wire.Writer, k pageKey, children []Child, c *Ciphers) {
	w.Array(6)
	w.Int(int64(kindDirectory))
	w.Int(int64(k.list))
	w.Int(int64(k.height))
	w.Int(int64(k.number))
	appendChildren(w, k.list, k.height-1, children)
	keys := wire.NewWriter()
	appendKeys(keys, children)
	w.Bytes(c.Seal(directoryDomain, k.sealed(), keys.Written()))
}

// parseDirectory reads a directory page of n children. If locked, these have no keys.
func parseDirectory(b []byte, k pageKey, n int, c *Ciphers, locked bool) ([]Child, error) {
	in := wire.NewBytesReader(b)
	IndexFrame(in, kindDirectory, 6)
	if got := (pageKey{k.x, int(in.Int(maxLists)), int(in.Int(FanOut)), int(in.Int(MaxPages))}); in.Err() == nil && got != k {
		in.Failf("directory page %d of list %d, height %d, where page %d of list %d, height %d was expected",
			got.number, got.list, got.height, k.number, k.list, k.height)
	}
	children := readChildren(in, k.list, k.height-1, n)
	keys := in.Bytes(MaxIndexFrame)
	if err := finish(in); err != nil || locked {
		return children, err
	}
	keys, err := c.Open(directoryDomain, k.sealed(), keys)
	if err != nil {
		return nil, err
	}
	in = wire.NewBytesReader(keys)
	readKeys(in, children)
	return children, finish(in)
}

// appendChildren writes where children of a list at a height are.
func appendChildren(w *wire.Writer, list, h int, children []Child) {
	w.Array(len(children))
	for i := range children {
		if !pairs(list, h) {
			w.Array(3)
			AppendExtent(w, children[i].At)
			continue
		}
		w.Array(6)
		AppendExtent(w, children[i].At)
		AppendExtent(w, children[i].Entries)
	}
}

// readChildren reads where n children of a list at a height are.
func readChildren(in *wire.Reader, list, h, n int) []Child {
	tuple(in, n)
	var children []Child
	for ; n > 0 && in.Err() == nil; n-- {
		var c Child
		if pairs(list, h) {
			tuple(in, 6)
			c.At = readExtent(in, MaxIndexFrame)
			c.Entries = readExtent(in, MaxIndexFrame)
		} else {
			tuple(in, 3)
			c.At = readExtent(in, MaxIndexFrame)
		}
		children = append(children, c)
	}
	return children
}

// appendKeys writes what children begin with.
func appendKeys(w *wire.Writer, children []Child) {
	w.Array(len(children))
	for i := range children {
		w.Array(4)
		AppendPosition(w, children[i].Position)
		w.Int(children[i].Number)
	}
}

func readKeys(in *wire.Reader, children []Child) {
	tuple(in, len(children))
	for i := range children {
		tuple(in, 4)
		children[i].First = First{readPosition(in), in.Int(1<<63 - 1)}
	}
}
