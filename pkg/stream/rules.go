package stream

import (
	"slices"
	"unicode/utf8"
)

// rules holds a sequence of frames to the grammar
//
//	Header Parent* (Open (Segment | Dict)* Close)* End
//
// and checks that segments are contiguous and roots are right. Reader and Writer share it.
type rules struct {
	state   state
	names   map[string]bool
	ids     map[int64]bool
	dicts   map[int64]bool
	parents map[Hash]bool
	open    Open
	at      int64 // size of the open stream so far
	tree    Tree
	end     EndRoot
}

type state int

const (
	wantHeader state = iota
	wantOpen
	inStream
	sealed // the rest can be read only with the key
	ended
)

func (r *rules) check(f Frame) error {
	if _, ok := f.(*Header); ok != (r.state == wantHeader) {
		return corruptf("a %s frame where %s was expected", f.Kind(), r.expected())
	}
	switch f := f.(type) {
	case *Header:
		return r.header(f)
	case *Parent:
		return r.parent(f)
	case *Open:
		return r.openStream(f)
	case *Segment:
		return r.segment(f)
	case *Dict:
		return r.dict(f)
	case *Close:
		return r.closeStream(f)
	case *End:
		return r.endAll(f)
	}
	return corruptf("a %s frame where %s was expected", f.Kind(), r.expected())
}

func (r *rules) expected() string {
	switch r.state {
	case wantHeader:
		return "the header"
	case wantOpen:
		return "an open, parent or end frame"
	case inStream:
		return "a segment, dict or close frame"
	case sealed:
		return "a reader of encrypted archives"
	}
	return "nothing more"
}

func (r *rules) want(s state, f Frame) error {
	if r.state != s {
		return corruptf("a %s frame where %s was expected", f.Kind(), r.expected())
	}
	return nil
}

func (r *rules) header(f *Header) error {
	if err := CheckFeatures(f.Features); err != nil {
		return err
	}
	r.names = map[string]bool{}
	r.ids = map[int64]bool{}
	r.dicts = map[int64]bool{}
	r.parents = map[Hash]bool{}
	r.state = wantOpen
	if f.Encrypted() {
		r.state = sealed
	}
	return nil
}

// Encrypted reports whether only Sealed frames follow.
func (h *Header) Encrypted() bool { return slices.Contains(h.Features, FeatureEncrypted) }

// CheckFeatures returns an error if this version lacks a feature that a stream or an archive
// requires of its readers, or if a feature stands twice.
func CheckFeatures(names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return corruptf("the feature %q stands twice", name)
		}
		if name == FeatureEncrypted {
			continue
		}
		return corruptf("it needs the feature %q, which this version does not have", name)
	}
	return nil
}

// ValidName reports whether a stream can have that name: UTF-8, of 1 to MaxName bytes.
func ValidName(name string) bool {
	return name != "" && len(name) <= MaxName && utf8.ValidString(name)
}

func (r *rules) parent(f *Parent) error {
	if err := r.want(wantOpen, f); err != nil {
		return err
	}
	switch {
	case len(r.ids) > 0:
		return corruptf("a parent frame behind the first stream")
	case f.Index != int64(len(r.parents)):
		return corruptf("parent %d where %d was expected", f.Index, len(r.parents))
	case len(r.parents) >= MaxParents:
		return corruptf("more than %d parents", MaxParents)
	case r.parents[f.ID]:
		return corruptf("two parents have the id %v", f.ID)
	case len(f.Hint) > MaxName:
		return corruptf("the hint of a parent is longer than %d bytes", MaxName)
	}
	r.parents[f.ID] = true
	return nil
}

func (r *rules) openStream(f *Open) error {
	if err := r.want(wantOpen, f); err != nil {
		return err
	}
	switch {
	case !ValidName(f.Name):
		return corruptf("stream name %q is empty, too long or not UTF-8", f.Name)
	case r.names[f.Name]:
		return corruptf("two streams are named %q", f.Name)
	case r.ids[f.ID]:
		return corruptf("two streams have the id %d", f.ID)
	case len(r.ids) >= MaxStreams:
		return corruptf("more than %d streams", MaxStreams)
	}
	r.names[f.Name] = true
	r.ids[f.ID] = true
	r.open = *f
	r.at = 0
	r.tree.Reset()
	r.state = inStream
	return nil
}

func (r *rules) segment(f *Segment) error {
	if err := r.want(inStream, f); err != nil {
		return err
	}
	if f.Stream != r.open.ID {
		return corruptf("segment of stream %d inside stream %d", f.Stream, r.open.ID)
	}
	if f.Offset != r.at {
		return corruptf("segment at offset %d where %d was expected: a segment is missing, doubled or out of order", f.Offset, r.at)
	}
	if err := f.check(); err != nil {
		return err
	}
	for i := range f.Entries {
		e := &f.Entries[i]
		if err := CheckParents(e, len(r.parents)); err != nil {
			return err
		}
		r.at += e.Len
		if err := r.tree.Add(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *rules) dict(f *Dict) error {
	if err := r.want(inStream, f); err != nil {
		return err
	}
	switch {
	case len(f.Bytes) > MaxDict:
		return corruptf("dictionary of %d bytes, the limit is %d", len(f.Bytes), MaxDict)
	case r.dicts[f.ID]:
		return corruptf("two dictionaries have the id %d", f.ID)
	case len(r.dicts) >= MaxDicts:
		return corruptf("more than %d dictionaries", MaxDicts)
	}
	r.dicts[f.ID] = true
	return nil
}

func (r *rules) closeStream(f *Close) error {
	if err := r.want(inStream, f); err != nil {
		return err
	}
	root := r.tree.Sum()
	switch {
	case f.ID != r.open.ID:
		return corruptf("close of stream %d inside stream %d", f.ID, r.open.ID)
	case f.Size != r.at:
		return corruptf("stream %q has %d bytes, its close frame says %d", r.open.Name, r.at, f.Size)
	case r.open.Size >= 0 && r.open.Size != r.at:
		return corruptf("stream %q has %d bytes, its open frame says %d", r.open.Name, r.at, r.open.Size)
	case f.Root != root:
		return corruptf("stream %q has the root %v, its close frame says %v", r.open.Name, root, f.Root)
	}
	r.end.Add(r.open.Name, r.at, root)
	r.state = wantOpen
	return nil
}

func (r *rules) endAll(f *End) error {
	if err := r.want(wantOpen, f); err != nil {
		return err
	}
	if root := r.end.Sum(); f.Root != root {
		return corruptf("root of all streams is %v, the end frame says %v", root, f.Root)
	}
	r.state = ended
	return nil
}
