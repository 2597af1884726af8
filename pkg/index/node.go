package index

import (
	"iter"
	"sort"

	"hexz/pkg/stream"
)

// Leaf is an entry with its place in the stream and in the archive.
type Leaf struct {
	*stream.Entry
	Offset  int64 // in the stream
	Ordinal int64 // of a stored entry; of another, that of the next stored entry
}

// Range yields the entries of a range of a stream, and those that begin before it or end after it,
// from the index alone. References have no hash. An entry is valid until the next one.
func (x *Index) Range(streamNo int, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		if from >= to {
			return
		}
		for e, err := range x.leavesFrom(streamNo, from) {
			if err == nil && (e.at.Stream > streamNo || e.at.Stream == streamNo && e.Offset >= to) {
				break
			}
			if err != nil {
				yield(Leaf{}, err)
				return
			}
			if e.at.Stream < streamNo || e.Offset+e.Len <= from {
				continue
			}
			if from = e.Offset + e.Len; !yield(e.Leaf, nil) {
				return
			}
		}
		if from < to {
			yield(Leaf{}, Corruptf("no segment holds offset %d", from))
		}
	}
}

// positioned is a Leaf with the position where it begins.
type positioned struct {
	Leaf
	at Position
}

// leavesFrom yields all entries from the page on that holds an offset of a stream. It needs no map
// pages, which an exported index does not have.
func (x *Index) leavesFrom(streamNo int, off int64) iter.Seq2[positioned, error] {
	return func(yield func(positioned, error) bool) {
		if err := x.Locked(); err != nil {
			yield(positioned{}, err)
			return
		}
		first := sort.Search(len(x.Root.Firsts), func(i int) bool {
			k := x.Root.Firsts[i]
			return k.Stream > streamNo || k.Stream == streamNo && k.Offset > off
		}) - 1
		for n := max(first, 0); n < len(x.Root.Entries); n++ {
			at := x.Root.Firsts[n].Position
			for entries, err := range x.entryPage(n) {
				for i := 0; i < len(entries) && err == nil; i++ {
					e := &entries[i]
					if err = x.enter(&at, e); err != nil {
						break
					}
					if !yield(positioned{Leaf{e, at.Offset, at.Ordinal}, at}, nil) {
						return
					}
					at.Offset += e.Len
					if e.Kind.IsStored() {
						at.Ordinal++
					}
				}
				if err != nil {
					yield(positioned{}, err)
					return
				}
			}
		}
	}
}

// enter moves a position from the end of a stream to the start of the next one, if an entry follows.
func (x *Index) enter(at *Position, e *stream.Entry) error {
	streams := x.Root.Info.Streams
	for at.Stream < len(streams) && at.Offset == streams[at.Stream].Size {
		at.Stream, at.Offset = at.Stream+1, 0
	}
	if at.Stream == len(streams) || e.Len > streams[at.Stream].Size-at.Offset {
		return Corruptf("entries go beyond the end of a stream")
	}
	return nil
}

// EntriesIn is Range for a range that must begin and end where entries do. References have their
// hash.
func (x *Index) EntriesIn(streamNo int, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		for e, err := range x.Range(streamNo, from, to) {
			if err == nil && (e.Offset < from || e.Offset+e.Len > to) {
				err = Corruptf("a node begins or ends within the entry at offset %d", e.Offset)
			}
			if err == nil && e.Kind == stream.Ref {
				err = x.findHash(e.Entry)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// findHash sets the hash of a reference. The first call reads all entry pages, and keeps 32 bytes
// for each chunk until Forget.
func (x *Index) findHash(ref *stream.Entry) error {
	hashes, err := x.allHashes()
	if err != nil {
		return err
	}
	if ref.Ordinal < 0 || ref.Ordinal >= int64(len(hashes)) {
		return Corruptf("reference to chunk %d, there are %d", ref.Ordinal, len(hashes))
	}
	ref.Hash = hashes[ref.Ordinal]
	return nil
}

// allHashes returns the hashes of all chunks, by ordinal.
func (x *Index) allHashes() ([]Hash, error) {
	x.hashing.Lock()
	defer x.hashing.Unlock()
	if x.hashes != nil {
		return x.hashes, nil
	}
	list := make([]Hash, 0, min(x.Root.Info.Totals.Chunks(), ExpectedChunks(x.FileSize)))
	for c, err := range x.Chunks() {
		if err != nil {
			return nil, err
		}
		if c.Parent < 0 {
			list = append(list, c.Hash)
		}
	}
	x.hashes = list
	return list, nil
}

// Forget frees the memory that EntriesIn has used.
func (x *Index) Forget() {
	x.hashing.Lock()
	defer x.hashing.Unlock()
	x.hashes = nil
}

// CheckNode returns an error unless the part of a stream of x that e, a node, stands for has the
// digest of e. It calls nested for each node of a parent of x within that part, which must be
// checked by the same rule.
func (x *Index) CheckNode(e *stream.Entry, nested func(e *stream.Entry) error) error {
	if err := x.HoldsNode(e); err != nil {
		return err
	}
	var t stream.Tree
	for f, err := range x.EntriesIn(int(e.Stream), e.Offset, e.Offset+e.Len) {
		if err == nil && f.Kind == stream.NodeRef {
			if err = CheckLevel(f.Entry, int(e.Level)); err == nil {
				err = nested(f.Entry)
			}
		}
		if err == nil {
			err = t.Add(f.Entry)
		}
		if err != nil {
			return err
		}
	}
	if n, ok := t.NodeOf(int(e.Level)); !ok || n.Hash != e.Hash {
		return Corruptf("there is another node of level %d at offset %d", e.Level, e.Offset)
	}
	return nil
}

// HoldsNode returns an error unless x has the part of a stream that e, a node, stands for.
func (x *Index) HoldsNode(e *stream.Entry) error {
	streams := x.Root.Info.Streams
	if int(e.Stream) >= len(streams) {
		return Corruptf("node of stream %d, there are %d", e.Stream, len(streams))
	}
	if s := &streams[e.Stream]; e.Len > s.Size-e.Offset {
		return Corruptf("node of %d bytes at offset %d of stream %q, which has %d bytes", e.Len, e.Offset, s.Name, s.Size)
	}
	return nil
}

// AnyLevel is above the level of every node.
const AnyLevel = stream.MaxLevel + 1

// CheckLevel returns an error unless e, a node, is below a level. A node stands in its parent as
// entries whose nodes have lower levels. So a read passes through at most as many archives as a
// tree has levels, and comes to an end even if archives name each other.
func CheckLevel(e *stream.Entry, level int) error {
	if int(e.Level) < level {
		return nil
	}
	return Corruptf("a node of level %d within a node of level %d", e.Level, level)
}
