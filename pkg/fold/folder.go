package fold

import (
	"slices"

	"hexz/pkg/stream"
)

// Folder replaces entries by nodes of parents: the largest ones that the parents have. It holds
// entries back as long as they may become part of a node, which are some hundred for each level of
// the content tree.
type Folder struct {
	known *Table
	write func(offset int64, entries []stream.Entry) error

	tree   stream.Tree
	held   []stream.Entry
	at     int64 // offset in the stream, after held
	begins [stream.MaxLevel + 1]int
	err    error // of write or of the Table, in a call of the tree
}

// begins has for each level the number of the held entry with which its last node begins. gone
// stands for a node of which a part was written.
const gone = -1

// NewFolder returns a Folder for the streams that known has nodes of. It calls write with held
// entries that stay as they are, and with nodes.
func NewFolder(known *Table, write func(offset int64, entries []stream.Entry) error) *Folder {
	f := &Folder{known: known, write: write}
	f.tree.Ended = f.ended
	return f
}

// Open begins a stream.
func (f *Folder) Open() {
	f.tree.Reset()
	f.held, f.at = f.held[:0], 0
	clear(f.begins[:])
}

// Hold takes entries without bytes in a payload. It may keep the memory of what they refer to.
func (f *Folder) Hold(entries []stream.Entry) error {
	for i := range entries {
		f.held = append(f.held, entries[i])
		if err := f.add(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// Pass writes the held entries, and takes note of entries that the caller writes after them.
func (f *Folder) Pass(entries []stream.Entry) error {
	if err := f.flush(); err != nil {
		return err
	}
	for i := range entries {
		for k := range f.begins {
			f.begins[k] = gone
		}
		if err := f.add(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// Segment takes the entries of s. It holds back those at its start and at its end that have no bytes
// in the payload, and removes them from s. If any entries remain, it calls write for s. What stands
// between entries with bytes stays as it is.
func (f *Folder) Segment(s *stream.Segment, write func() error) error {
	stored := func(e stream.Entry) bool { return e.Kind.IsStored() }
	all := s.Entries
	first := slices.IndexFunc(all, stored)
	if first < 0 {
		s.Entries = all[:0]
		return f.Hold(all)
	}
	last := len(all)
	for !stored(all[last-1]) {
		last--
	}
	if err := f.Hold(all[:first]); err != nil {
		return err
	}
	s.Offset, s.Entries = f.at, all[first:last]
	if err := f.Pass(s.Entries); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return f.Hold(all[last:])
}

// Close ends a stream.
func (f *Folder) Close() error {
	f.tree.Sum()
	if f.err != nil {
		return f.err
	}
	return f.flush()
}

func (f *Folder) add(e *stream.Entry) error {
	f.at += e.Len
	if e.Kind == stream.NodeRef {
		for k := range int(e.Level) + 1 {
			f.begins[k] = len(f.held)
		}
	}
	if err := f.tree.Add(e); err != nil {
		return err
	}
	return f.err
}

// ended is called when a node has ended with the last held entry, or with the last one passed.
func (f *Folder) ended(n stream.Node) {
	begin := f.begins[n.Level]
	e, ok, err := f.known.Node(n)
	if err != nil && f.err == nil {
		f.err = err
	}
	if ok && begin != gone {
		f.held = append(f.held[:begin], e)
	} else {
		// No node above can be one of a parent.
		if err := f.flush(); err != nil && f.err == nil {
			f.err = err
		}
		for k := n.Level + 1; k < len(f.begins); k++ {
			f.begins[k] = gone
		}
	}
	for k := range n.Level + 1 {
		f.begins[k] = len(f.held)
	}
}

// flush writes all held entries.
func (f *Folder) flush() error {
	if len(f.held) == 0 {
		return nil
	}
	size := int64(0)
	for i := range f.held {
		size += f.held[i].Len
	}
	n := len(f.held)
	err := f.write(f.at-size, f.held)
	f.held = f.held[:0]
	for k, begin := range f.begins {
		f.begins[k] = gone
		if begin == n {
			f.begins[k] = 0
		}
	}
	return err
}
