package dedup

import "unsafe"

// A Store keeps the pages of a Sparse. Pages are counted from 0.
type Store[V any] interface {
	// Keep keeps the next page. It must not keep the slice.
	Keep(page []Record[V]) error

	// Read appends the records of a page to list. It may append records that were not in it, if their
	// values are right.
	Read(page uint32, list []Record[V]) ([]Record[V], error)
}

// A Sparse maps hashes to values in bounded memory. Up to about half of its limit it knows all
// hashes. From then on records are in pages, as they were added one after the other, and a Store
// keeps the pages. In memory are some pages, and a sample of all hashes, the hooks, with the numbers
// of their pages: 11 to 22 bytes for each. A look-up of a hook reads its page, and what follows is
// found in it: copies mostly come in runs. (Sparse Indexing, Lillibridge et al., FAST 2009.)
//
// At first all hashes are hooks, so all are found. Each time the hooks reach the limit, every second
// one is dropped. Then hashes are overlooked: mostly those before the first hook of a run.
//
// A hash that is found is the same, always. What is found does not depend on chance. The zero value
// is empty and has no limit. Not safe for concurrent use.
type Sparse[V any] struct {
	limit   int64
	pageLen int
	store   Store[V]

	pages [2]generation[V] // the records in memory
	young int              // number of the generation that grows
	room  int              // of a generation, in records; 0 if all records are in the first one
	hooks *hooks           // if room > 0

	n      int64  // records
	page   uint32 // the page that goes on
	inPage int    // its records
	last   []Record[V]
	buf    []Record[V]
	list   []uint32
	err    error // why nothing more is remembered
}

// ahead is how near to the end of a page a hash is found, in records, if the next page is to be read:
// with few hooks the first one of that page may be as far away again.
const ahead = 64

// minSparse is the least limit of a Sparse.
const minSparse = 256 << 10

// NewSparse returns an empty Sparse that holds limit bytes in memory, at least 256 KiB, or everything
// if limit is 0. A page is pageLen records, unless EndPage ends it earlier.
func NewSparse[V any](limit int64, pageLen int, store Store[V]) *Sparse[V] {
	if limit > 0 {
		limit = max(limit, minSparse)
	}
	return &Sparse[V]{limit: limit, pageLen: pageLen, store: store}
}

// Rate returns the n of "one in n hashes is a hook". If it is 1, no hash is overlooked.
func (s *Sparse[V]) Rate() int64 {
	if s.room == 0 {
		return 1
	}
	return 1 << s.hooks.rate
}

// InMemory reports whether all records are in memory.
func (s *Sparse[V]) InMemory() bool { return s.room == 0 }

// Err returns why nothing more is remembered, or nil: the error of Store.Keep.
func (s *Sparse[V]) Err() error { return s.err }

// Len returns how many records were added.
func (s *Sparse[V]) Len() int64 { return s.n }

// Page returns the number of the page that goes on, and how many records it has so far.
func (s *Sparse[V]) Page() (page uint32, records int) { return s.page, s.inPage }

// Bytes returns the memory that the Sparse holds, in bytes. What the Store takes is not part of it.
func (s *Sparse[V]) Bytes() int64 {
	n := s.pages[0].bytes() + s.pages[1].bytes() +
		int64(cap(s.last)+cap(s.buf))*int64(unsafe.Sizeof(Record[V]{}))
	if s.hooks != nil {
		n += s.hooks.bytes()
	}
	return n
}

// Add adds a record, unless it finds one with that hash. Errors are those of Store.Read, and
// ErrFull for 2^32 - 1 records in memory.
func (s *Sparse[V]) Add(h [32]byte, v V) (known bool, err error) {
	if s.room > 0 || s.err != nil {
		if _, known, err = s.Lookup(h); known || err != nil || s.err != nil {
			return known, err
		}
		s.put(s.page, &h, v)
		s.hooks.add(&h, s.page)
		s.last = append(s.last, Record[V]{h, v})
	} else {
		g := &s.pages[0]
		g.begin(s.page)
		if added, err := g.add(&h, v); !added {
			return err == nil, err
		}
	}
	s.n++
	if s.inPage++; s.inPage == s.pageLen {
		s.EndPage()
	}
	if s.room == 0 && s.limit > 0 && s.n*s.hashCost() >= s.limit/3*2 {
		s.thin()
	}
	return false, nil
}

// EndPage ends the page that goes on, if it has records.
func (s *Sparse[V]) EndPage() {
	if s.inPage == 0 || s.err != nil {
		return
	}
	if s.room > 0 {
		if s.err = s.store.Keep(s.last); s.err != nil {
			return // the page goes on being in memory
		}
		s.last = s.last[:0]
	}
	s.page++
	s.inPage = 0
}

// thin moves all records from memory to the store.
func (s *Sparse[V]) thin() {
	all := &s.pages[0]
	s.room = max(s.pageLen, int(s.limit/8/s.hashCost()))
	s.hooks = newHooks(s.limit - s.fixed())
	for n := uint32(0); n < all.len(); {
		at, end := all.pageOf(n)
		s.last = s.last[:0]
		for ; n < end; n++ {
			s.last = append(s.last, all.record(n))
			s.hooks.add(all.index.hash(n), at.page)
		}
		if at.page == s.page {
			break // it goes on
		}
		if s.err = s.store.Keep(s.last); s.err != nil {
			s.room, s.hooks = 0, nil // what is known is in memory
			return
		}
		s.last = s.last[:0]
	}
	*all = generation[V]{}
	for i := range s.last {
		s.put(s.page, &s.last[i].Hash, s.last[i].Value)
	}
}

// hashCost is what a hash takes at most in a generation, in bytes.
func (s *Sparse[V]) hashCost() int64 { return int64(64 + s.valueSize()) }

func (s *Sparse[V]) valueSize() int { return int(unsafe.Sizeof(*new(V))) }

// fixed returns the memory that all but the hooks may take, in bytes.
func (s *Sparse[V]) fixed() int64 {
	return 2*s.pages[0].most(s.room) + int64(2*s.pageLen*(32+s.valueSize()))
}

// Lookup returns the value of h, if it is found. Errors are those of Store.Read.
func (s *Sparse[V]) Lookup(h [32]byte) (v V, ok bool, err error) {
	g := &s.pages[s.young]
	if n, ok := g.index.Lookup(h); ok {
		return g.value(n), true, s.foundIn(g, n)
	}
	if s.room == 0 {
		return v, false, nil
	}
	g = &s.pages[1-s.young]
	if n, ok := g.index.Lookup(h); ok {
		v = g.value(n)
		at, end := g.pageOf(n)
		follow := s.isNearEnd(n, end)
		s.keep(g, at, end)
		if follow {
			err = s.follow(at.page)
		}
		return v, true, err
	}
	s.list = s.hooks.pages(&h, s.list[:0])
	for _, page := range s.list {
		if v, ok, err = s.fetch(page, &h); ok || err != nil {
			return v, ok, err
		}
	}
	return v, false, nil
}

// foundIn reads the page after that of record n, if the end of the page is near.
func (s *Sparse[V]) foundIn(g *generation[V], n uint32) error {
	if s.Rate() == 1 {
		return nil
	}
	if at, end := g.pageOf(n); s.isNearEnd(n, end) {
		return s.follow(at.page)
	}
	return nil
}

// isNearEnd reports whether the next page should be in memory, too, as a run would go on there.
func (s *Sparse[V]) isNearEnd(n, end uint32) bool { return s.Rate() > 1 && n+ahead >= end }

// follow brings the page after another one into memory.
func (s *Sparse[V]) follow(page uint32) error {
	next := page + 1
	if next >= s.page || s.pages[0].has(next) || s.pages[1].has(next) {
		return nil
	}
	if err := s.read(next); err != nil {
		return err
	}
	s.remember(next)
	return nil
}

// fetch looks for h in a page, and brings the page into memory if it is there.
func (s *Sparse[V]) fetch(page uint32, h *[32]byte) (v V, ok bool, err error) {
	if err := s.read(page); err != nil {
		return v, false, err
	}
	for i := range s.buf {
		if s.buf[i].Hash == *h {
			v, ok = s.buf[i].Value, true
			follow := s.isNearEnd(uint32(i), uint32(len(s.buf)))
			s.remember(page)
			if follow {
				err = s.follow(page)
			}
			break
		}
	}
	return v, ok, err
}

// read reads a page into buf.
func (s *Sparse[V]) read(page uint32) (err error) {
	if page == s.page {
		s.buf = append(s.buf[:0], s.last...)
		return nil
	}
	s.buf, err = s.store.Read(page, s.buf[:0])
	return err
}

// remember adds buf to the records in memory.
func (s *Sparse[V]) remember(page uint32) {
	for i := range s.buf {
		s.put(page, &s.buf[i].Hash, s.buf[i].Value)
	}
}

// keep moves a page of the old generation to the young one.
func (s *Sparse[V]) keep(old *generation[V], at pageStart, end uint32) {
	s.buf = s.buf[:0]
	for n := at.first; n < end; n++ {
		s.buf = append(s.buf, old.record(n))
	}
	s.remember(at.page)
}

// put adds a record to those in memory, and forgets the older generation if there are too many.
func (s *Sparse[V]) put(page uint32, h *[32]byte, v V) {
	g := &s.pages[s.young]
	if int(g.len()) >= s.room || len(g.pages) >= maxPages(s.room) {
		s.young = 1 - s.young
		g = &s.pages[s.young]
		g.reset()
	}
	g.begin(page)
	g.add(h, v) // its room is less than what an Index holds
}
