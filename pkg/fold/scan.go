package fold

import (
	"errors"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// FindFunc returns the index of an archive. An error that is an archive.ErrParent says that there is
// none.
type FindFunc func(want *stream.Parent) (*index.Index, error)

// Chunk is a chunk of a parent.
type Chunk struct {
	Hash    stream.Hash
	Len     int64
	Parent  uint32 // the archive that stores it, by its number in Table.Parents
	Ordinal int64  // in that archive
	At      Range  // its entry
}

// Add adds the nodes of x, and calls chunk for its chunks. It also reads the indexes of the archives
// in which nodes of x stand. find may be nil, then these are absent. hint says where the archive of x
// is. chunk may be nil.
func (t *Table) Add(x *index.Index, hint string, find FindFunc, chunk func(Chunk) error) error {
	v := &visit{Table: t, find: find, chunk: chunk, scans: map[uint32]*scan{}}
	s := v.open(x, hint)
	defer v.end()
	if x.NodesOnly() {
		return s.listed()
	}
	for no := range x.Info().Streams {
		if err := s.stream(no); err != nil {
			return err
		}
	}
	if want := x.Info().Totals.Chunks(); s.stored != want {
		return index.Corruptf("entry pages have %d chunks, the root says %d", s.stored, want)
	}
	return nil
}

// visit is a call of Add.
type visit struct {
	*Table
	find  FindFunc
	chunk func(Chunk) error
	err   error            // of add, in a call of a tree
	scans map[uint32]*scan // by their numbers in Parents
}

// end frees the memory that only Add needs.
func (v *visit) end() {
	for _, s := range v.scans {
		s.hashes = nil
	}
	v.working = 0
}

// scan goes through the index of an archive.
type scan struct {
	v      *visit
	x      *index.Index
	own    uint32        // number of the archive in Table.Parents
	theirs []uint32      // numbers of its parents
	hashes []stream.Hash // of the chunks so far, if there are references to them
	stored int64         // chunks so far, in whole streams
}

// open returns the scan of an archive that was not opened yet.
func (v *visit) open(x *index.Index, hint string) *scan {
	info := x.Info()
	if v.pages == nil {
		v.pages = index.NewPageCache(index.DefaultPages)
	}
	x.Share(v.pages)
	s := &scan{v: v, x: x}
	s.own = v.parent(stream.Parent{ID: x.ID(), Hint: hint, Content: info.Root()})
	for i := range info.Parents {
		s.theirs = append(s.theirs, v.parent(info.Parents[i]))
	}
	v.scans[s.own] = s
	v.Table.scans[s.own] = s
	return s
}

// stream adds a whole stream.
func (s *scan) stream(no int) error {
	var tree stream.Tree
	if err := s.entries(&tree, s.whole(no), no, 0, index.AnyLevel); err != nil {
		return err
	}
	tree.Sum()
	return s.v.err
}

// whole yields the entries of a stream, after those of all streams before it. References have their
// hash.
func (s *scan) whole(no int) iter.Seq2[index.Leaf, error] {
	info := s.x.Info()
	return func(yield func(index.Leaf, error) bool) {
		for e, err := range s.x.Range(no, 0, info.Streams[no].Size) {
			if err == nil && e.Kind == stream.Ref {
				err = s.findHash(e.Entry)
			}
			if err == nil && e.Kind.IsStored() {
				s.note(e.Hash)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// maxNoted is how many hashes are kept for references. Those of later chunks are read again.
const maxNoted = 1 << 20

// note counts a chunk, and keeps its hash for references to it.
func (s *scan) note(hash stream.Hash) {
	s.stored++
	if s.x.Info().Totals.Ref.N > 0 && len(s.hashes) < maxNoted {
		s.hashes = append(s.hashes, hash)
		s.v.working = int64(cap(s.hashes) * len(hash))
	}
}

// findHash sets the hash of a reference.
func (s *scan) findHash(ref *stream.Entry) error {
	if ref.Ordinal < 0 || ref.Ordinal >= s.stored {
		return index.Corruptf("reference to chunk %d, there are %d before it", ref.Ordinal, s.stored)
	}
	if ref.Ordinal >= int64(len(s.hashes)) {
		return s.x.FindHash(ref)
	}
	ref.Hash = s.hashes[ref.Ordinal]
	return nil
}

// entries adds entries of a stream, which begin at offset at, to the table and to a tree. Nodes must
// be below level.
func (s *scan) entries(tree *stream.Tree, list iter.Seq2[index.Leaf, error], no int, at int64, level int) error {
	tree.Ended = func(n stream.Node) {
		err := s.v.add(n.Hash, place{s.own, uint16(no), uint8(n.Level), n.Len, at - n.Len, n.Holes})
		if err != nil && s.v.err == nil {
			s.v.err = err
		}
	}
	for e, err := range list {
		if err != nil {
			return err
		}
		at += e.Len
		if e.Kind == stream.NodeRef {
			err = s.node(e.Entry, level)
		} else {
			err = s.pass(e, no)
		}
		if err == nil {
			err = tree.Add(e.Entry)
		}
		if err != nil {
			return err
		}
		if s.v.err != nil {
			return s.v.err
		}
	}
	return nil
}

// chunk returns the chunk that an entry of a stream is, if it is one.
func (s *scan) chunk(e index.Leaf, no int) (c Chunk, ok bool) {
	c = Chunk{e.Hash, e.Len, s.own, e.Ordinal, Range{s.own, no, e.Offset, e.Offset + e.Len}}
	switch e.Kind {
	case stream.Data, stream.Patched:
		return c, true
	case stream.ParentRef:
		c.Parent, c.Ordinal = s.theirs[e.Parent], e.Entry.Ordinal
		return c, true
	}
	return c, false
}

// pass passes on the chunk that an entry of a stream is, if it is one.
func (s *scan) pass(e index.Leaf, no int) error {
	if c, ok := s.chunk(e, no); ok && s.v.chunk != nil {
		return s.v.chunk(c)
	}
	return nil
}

// node adds a node of a parent, and what it stands for.
func (s *scan) node(e *stream.Entry, level int) error {
	if err := index.CheckLevel(e, level); err != nil {
		return err
	}
	if _, ok, err := s.v.nodes.Lookup(e.Hash); ok || err != nil { // it was seen before
		return err
	}
	from, err := s.parent(e.Parent)
	if errors.Is(err, archive.ErrParent) {
		s.v.Absent += e.Len
		return nil
	}
	if err != nil {
		return err
	}
	if err := from.x.HoldsNode(e); err != nil {
		return err
	}
	if from.x.NodesOnly() {
		n := e.Node()
		return from.addListed(index.NodeAt{Node: n, Stream: int(e.Stream), Offset: e.Offset})
	}
	var tree stream.Tree
	part := from.x.EntriesIn(int(e.Stream), e.Offset, e.Offset+e.Len, e.Offset)
	err = from.entries(&tree, part, int(e.Stream), e.Offset, int(e.Level))
	if err != nil {
		return err
	}
	if n, ok := tree.NodeOf(int(e.Level)); !ok || n.Hash != e.Hash {
		return index.Corruptf("parent %v has another node at offset %d", from.x.ID(), e.Offset)
	}
	return nil
}

// parent returns the scan of a parent of the archive.
func (s *scan) parent(number int32) (*scan, error) {
	n := s.theirs[number]
	if scan, ok := s.v.scans[n]; ok {
		return scan, nil
	}
	if s.v.find == nil {
		return nil, archive.ErrParent
	}
	want := &s.x.Info().Parents[number]
	x, err := s.v.find(want)
	if err != nil {
		return nil, err
	}
	found := s.v.open(x, want.Hint)
	s.v.scans[n] = found // it may have another id
	return found, nil
}
