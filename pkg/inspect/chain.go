package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// maxLevels bounds how deep Chain goes. A thin archive names every archive that it takes chunks
// from, so all that it needs lies one level below it.
const maxLevels = 64

// ChainReport describes an archive, its parents, theirs, and so on. Its JSON form only ever
// gains fields.
type ChainReport struct {
	Version  int            `json:"version"` // of this object: 1
	Archives []ChainArchive `json:"archives"`
}

// ChainArchive is an archive of a chain. Each id is in the list once: first the archive where the
// chain begins, then its parents, then theirs.
type ChainArchive struct {
	ID      string        `json:"id"`
	Hint    string        `json:"hint"`               // hint of the first archive that names it
	Path    string        `json:"path,omitempty"`     // where it was found
	OtherID string        `json:"other_id,omitempty"` // id of the found one, if sealed anew
	Missing bool          `json:"missing"`
	Error   string        `json:"error,omitempty"` // why the rest is not known; also if missing
	Size    int64         `json:"stored_bytes"`    // of the file
	Data    index.Count   `json:"data"`            // chunks that it holds itself
	Patch   index.Count   `json:"patch"`           // chunks that it makes from others
	Parents []ChainParent `json:"parents"`

	err error // of Error
}

// ChainParent describes what an archive takes from a parent.
type ChainParent struct {
	ID      string      `json:"id"`
	Taken   index.Count `json:"taken"`   // references to its chunks; their bytes
	Patches int64       `json:"patches"` // chunks that are made from its chunks
	Nodes   index.Count `json:"nodes"`   // parts of its streams

	Archive int `json:"-"` // its number in Archives
}

// Err returns the error of the first archive that was found and is damaged or cannot be read. A
// missing archive is no error, nor is one that no key was given for.
func (r *ChainReport) Err() error {
	for i := range r.Archives {
		if a := &r.Archives[i]; a.err != nil && !a.Missing && !withoutKey(a.err) {
			return fmt.Errorf("%s: %w", cmp.Or(a.Path, a.ID), a.err)
		}
	}
	return nil
}

// withoutKey reports whether an archive could not be opened because none of the identities, if any,
// is for it.
func withoutKey(err error) bool {
	return errors.As(err, new(*index.LockedError)) || errors.As(err, new(*seal.NoMatchError))
}

// ChainOptions say how to find and open parents.
type ChainOptions struct {
	Identities seal.Opener
	Find       archive.FindFunc
}

// Chain reports on the archive r and all archives that it depends on, from the indexes alone. A
// parent that is missing or cannot be read is part of the report, and no error.
func Chain(r *archive.Reader, o ChainOptions) (*ChainReport, error) {
	c := &chainReporter{o: o, numbers: map[index.Hash]int{}}
	c.numberOf(stream.Parent{ID: r.ID()}, 0)
	if err := c.recordContents(0, r); err != nil {
		return nil, err
	}
	for n := 1; n < len(c.list); n++ { // c.list grows meanwhile
		if err := c.describeArchive(n); err != nil {
			c.list[n].err, c.list[n].Error, c.list[n].Missing = err, err.Error(), errors.Is(err, archive.ErrParent)
		}
	}
	return &ChainReport{Version: 1, Archives: c.list}, nil
}

// chainReporter describes an archive and all parents below it.
type chainReporter struct {
	o       ChainOptions
	list    []ChainArchive
	todo    []wanted // one for each of list
	numbers map[index.Hash]int
}

// wanted is an archive to describe.
type wanted struct {
	stream.Parent
	level int
}

// numberOf returns the number of an archive in the list, which it becomes part of.
func (c *chainReporter) numberOf(p stream.Parent, level int) int {
	n, ok := c.numbers[p.ID]
	if !ok {
		n = len(c.list)
		c.numbers[p.ID] = n
		c.list = append(c.list, ChainArchive{ID: p.ID.String(), Hint: p.Hint, Parents: []ChainParent{}})
		c.todo = append(c.todo, wanted{p, level})
	}
	return n
}

// describeArchive finds and describes archive n.
func (c *chainReporter) describeArchive(n int) error {
	want := c.todo[n]
	if want.level > maxLevels {
		return fmt.Errorf("more than %d levels of parents: not followed", maxLevels)
	}
	if c.o.Find == nil {
		return archive.ErrParent
	}
	var first error
	for at, err := range c.o.Find(&want.Parent) {
		if err == nil {
			if c.list[n].Path == "" {
				c.list[n].Path, c.list[n].Size = at.Name, at.Size
			}
			if err = c.describeCopy(n, at); err == nil {
				return nil
			}
		}
		first = cmp.Or(first, err)
	}
	return first
}

// describeCopy describes archive n from a copy of it.
func (c *chainReporter) describeCopy(n int, at archive.Copy) error {
	want := &c.todo[n].Parent
	r, err := archive.NewReader(at.ReaderAt, at.Size, archive.Options{Identities: c.o.Identities, Threads: 1})
	if err != nil {
		return err
	}
	if r.ID() != want.ID {
		if r.Locked() != nil || !r.Info().Origin().ServesAs(want) {
			return fmt.Errorf("%w: it has the id %v", stream.ErrCorrupt, r.ID())
		}
		c.list[n].OtherID = r.ID().String()
	}
	c.list[n].Path = at.Name
	return c.recordContents(n, r)
}

// recordContents records the contents of r, which is archive n, and adds its parents to the list.
func (c *chainReporter) recordContents(n int, r *archive.Reader) error {
	c.list[n].Size = r.Size()
	if err := r.Locked(); err != nil {
		return err
	}
	info := r.Info()
	parents := make([]ChainParent, len(info.Parents))
	for s, err := range r.Segments() {
		if err != nil {
			return err
		}
		for i := range s.Entries {
			switch e := &s.Entries[i]; e.Kind {
			case stream.ParentRef:
				parents[e.Parent].Taken.Add(e.Len)
			case stream.NodeRef:
				parents[e.Parent].Nodes.Add(e.Len)
			case stream.Patched:
				for i, b := range e.Patch.Bases {
					same := func(o stream.Base) bool { return o.Parent == b.Parent }
					if b.Parent != stream.OwnBase && !slices.ContainsFunc(e.Patch.Bases[:i], same) {
						parents[b.Parent].Patches++
					}
				}
			}
		}
	}
	c.list[n].Data, c.list[n].Patch = info.Totals.Data, info.Totals.Patch
	for i, p := range info.Parents {
		parents[i].ID, parents[i].Archive = p.ID.String(), c.numberOf(p, c.todo[n].level+1)
	}
	c.list[n].Parents = parents
	return nil
}
