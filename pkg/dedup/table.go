package dedup

import (
	"bufio"
	"io"
	"slices"
)

// File holds a sorted run of a Table. It is written once from front to back, and then read.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// A Table maps hashes to values, as an Index maps them to ordinals. The first value of a hash
// stays. A Table holds up to a limit in memory and the rest in files, sorted: up to maxRuns of
// them, which are merged into one when there are more. A look-up of a hash that is not in memory
// costs a read of 10 KiB or two from each file.
//
// In memory a hash takes up to 76 bytes; in a file 40, and an eighth of a byte in memory.
// Not safe for concurrent use.
type Table struct {
	limit  int64
	temp   func() (File, error)
	recent Index
	room   int      // hashes that recent may hold; 0 until that is known
	values []uint64 // of the hashes in recent, by ordinal
	runs   []*run   // the oldest first
}

// hashCost is the memory of a hash beside the Index, in bytes: its value, and its place in the
// order that spill sorts.
const hashCost = 8 + 4

// minLimit is the least limit: below it, an Index alone would be over it.
const minLimit = 1 << 20

// maxRuns is the greatest number of files that a look-up has to read.
const maxRuns = 8

// NewTable returns an empty table that holds limit bytes in memory, at least 1 MiB, or everything
// if limit is 0. It asks temp for each file, and closes the files that it needs no longer.
func NewTable(limit int64, temp func() (File, error)) *Table {
	return &Table{limit: limit, temp: temp}
}

// Add sets the value of h, unless it has one.
func (t *Table) Add(h [32]byte, value uint64) error {
	_, added, err := t.recent.Add(h)
	if err != nil {
		return err
	}
	if added {
		t.values = append(t.values, value)
		if t.full() {
			return t.spill()
		}
	}
	return nil
}

// full reports whether memory is at its limit. A number of hashes that fitted once fits again.
func (t *Table) full() bool {
	n := t.recent.Len()
	if t.room == 0 && t.limit > 0 && t.recent.Bytes()+int64(n)*hashCost >= max(t.limit, minLimit) {
		t.room = n
	}
	return t.room > 0 && n >= t.room
}

// Lookup returns the value of h, if it has one.
func (t *Table) Lookup(h [32]byte) (value uint64, ok bool, err error) {
	for _, r := range t.runs {
		if value, ok, err = r.find(&h); ok || err != nil {
			return value, ok, err
		}
	}
	n, ok := t.recent.Lookup(h)
	if ok {
		value = t.values[n]
	}
	return value, ok, nil
}

// Close closes all files.
func (t *Table) Close() {
	for _, r := range t.runs {
		r.file.Close()
	}
	t.runs = nil
}

// spill moves the hashes in memory to a new run.
func (t *Table) spill() error {
	order := make([]uint32, t.recent.Len())
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return compare(t.recent.hash(a), t.recent.hash(b))
	})
	err := t.addRun(func(add func(*record) error) error {
		for _, n := range order {
			if err := add(&record{*t.recent.hash(n), t.values[n]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.recent.Reset()
	t.values = t.values[:0]
	if len(t.runs) > maxRuns {
		return t.merge()
	}
	return nil
}

// merge makes one run of all runs.
func (t *Table) merge() error {
	old := t.runs
	var heads []*cursor // the oldest first, none at its end
	for _, r := range old {
		c := &cursor{in: bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.n*recordSize), 64<<10)}
		if more, err := c.next(); err != nil {
			return err
		} else if more {
			heads = append(heads, c)
		}
	}
	err := t.addRun(func(add func(*record) error) error {
		for len(heads) > 0 {
			least := slices.MinFunc(heads, func(a, b *cursor) int { return compare(&a.hash, &b.hash) })
			first := least.record
			if err := add(&first); err != nil {
				return err
			}
			// Later values of the same hash are dropped.
			for i := 0; i < len(heads); i++ {
				if heads[i].hash != first.hash {
					continue
				}
				more, err := heads[i].next()
				if err != nil {
					return err
				}
				if !more {
					heads = slices.Delete(heads, i, i+1)
					i--
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.runs = t.runs[len(old):]
	for _, r := range old {
		r.file.Close()
	}
	return nil
}

// addRun adds a run of records. fill adds the records in order.
func (t *Table) addRun(fill func(add func(*record) error) error) error {
	file, err := t.temp()
	if err != nil {
		return err
	}
	r := &run{file: file}
	t.runs = append(t.runs, r)
	w := bufio.NewWriterSize(file, 256<<10)
	if err := fill(func(rec *record) error { return r.add(w, rec) }); err != nil {
		return err
	}
	return w.Flush()
}
