package dedup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
)

// uintLayout is that of a number in a file.
var uintLayout = Layout[uint64]{8, func(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }, binary.LittleEndian.Uint64}

// newFiled returns a Sparse with pages of 256 records in a file, and the file.
func newFiled(t testing.TB, limit int64) (*Sparse[uint64], *FileStore[uint64]) {
	files := &tempFiles{dir: t.TempDir()}
	store := NewFileStore(files.temp, uintLayout)
	t.Cleanup(func() {
		store.Close()
		if files.open != 0 {
			t.Errorf("%d files are open", files.open)
		}
	})
	return NewSparse(limit, 256, store), store
}

func randomHashes(seed uint64, n int) [][32]byte {
	r := rand.New(rand.NewPCG(seed, 7))
	list := make([][32]byte, n)
	for i := range list {
		list[i] = randomHash(r)
	}
	return list
}

// addAll adds hashes with their numbers.
func addAll(t testing.TB, s *Sparse[uint64], hashes [][32]byte) {
	t.Helper()
	for i, h := range hashes {
		if known, err := s.Add(h, uint64(i)); known || err != nil {
			t.Fatalf("Add %d: %v, %v", i, known, err)
		}
	}
}

// As long as every hash is a hook, a Sparse is a map. Whatever the limit is, what it finds is right,
// and it is within the limit.
func TestSparse(t *testing.T) {
	hashes, others := randomHashes(1, 60_000), randomHashes(2, 20_000)
	for _, c := range []struct {
		limit  int64
		memory bool
		rate   int64
	}{{0, true, 1}, {8 << 20, true, 1}, {2 << 20, false, 1}, {600 << 10, false, 2}, {440 << 10, false, 4}, {1, false, 8}} {
		s, _ := newFiled(t, c.limit)
		for i, h := range hashes {
			if known, err := s.Add(h, uint64(i)); known || err != nil {
				t.Fatalf("limit %d: Add %d: %v, %v", c.limit, i, known, err)
			}
			if c.limit > 0 && s.Bytes() > max(c.limit, minSparse) {
				t.Fatalf("limit %d: %d bytes with %d hashes", c.limit, s.Bytes(), i)
			}
		}
		if s.InMemory() != c.memory || s.Rate() != c.rate || s.Len() != int64(len(hashes)) {
			t.Errorf("limit %d: in memory %v, rate %d, %d hashes", c.limit, s.InMemory(), s.Rate(), s.Len())
		}
		found := 0
		for _, i := range rand.New(rand.NewPCG(3, 3)).Perm(len(hashes))[:20_000] {
			v, ok, err := s.Lookup(hashes[i])
			if err != nil || ok && v != uint64(i) {
				t.Fatalf("limit %d: hash %d is %d, %v", c.limit, i, v, err)
			}
			if ok {
				found++
			}
		}
		if least := 20_000 / int(c.rate); found < least*9/10 || c.rate == 1 && found != 20_000 {
			t.Errorf("limit %d: %d of 20000 found", c.limit, found)
		}
		for _, h := range others {
			if _, ok, err := s.Lookup(h); ok || err != nil {
				t.Fatalf("limit %d: found what is not there, %v", c.limit, err)
			}
		}
		if c.limit > 0 && s.Bytes() > max(c.limit, minSparse) {
			t.Errorf("limit %d: %d bytes after look-ups", c.limit, s.Bytes())
		}
	}
}

// The first value of a hash stays, in memory and out of it, and in the page that goes on.
func TestSparseTwice(t *testing.T) {
	hashes := randomHashes(1, 50_000)
	s, _ := newFiled(t, 3<<20)
	for i, h := range hashes {
		for _, back := range []int{0, 1, 100, 2000, 40_000} {
			if back > i {
				continue
			}
			known, err := s.Add(hashes[i-back], uint64(i-back)+uint64(back)<<32)
			if err != nil || known != (back > 0) {
				t.Fatalf("%d, %d back: %v, %v", i, back, known, err)
			}
		}
		if v, ok, err := s.Lookup(h); v != uint64(i) || !ok || err != nil {
			t.Fatalf("%d is %d, %v, %v", i, v, ok, err)
		}
	}
	if s.InMemory() || s.Rate() != 1 {
		t.Errorf("in memory %v, rate %d", s.InMemory(), s.Rate())
	}
}

// stretch is a run of numbers of known hashes.
type stretch struct{ from, n int }

// stretches returns stretches of n numbers in all.
func stretches(n int, next func() stretch) (list []int) {
	for len(list) < n {
		s := next()
		for i := range s.n {
			list = append(list, s.from+i)
		}
	}
	return list[:n]
}

// streamsOf returns numbers of known hashes, in orders that streams have. Negative ones are new.
func streamsOf(total int) map[string][]int {
	r := rand.New(rand.NewPCG(5, 5))
	n := 40_000
	at := 0
	one := func(from int) func() stretch { return func() stretch { return stretch{from, n} } }
	edited := stretches(n, one(total/4))
	for i := range edited {
		if r.IntN(40) == 0 {
			edited[i] = -1 - i
		}
	}
	return map[string][]int{
		"unchanged": stretches(n, one(0)),
		"shifted":   append([]int{-1, -2, -3}, stretches(n, one(777))...),
		"edited":    edited,
		"interleaved": stretches(n, func() stretch {
			at++
			return stretch{at/3*60 + at%3*total/4, 60}
		}),
		"skipping":  stretches(n, func() stretch { at += 48 + r.IntN(10); return stretch{at % (total - 100), 48} }),
		"moved":     stretches(n, func() stretch { return stretch{r.IntN(total - 3000), 1000 + r.IntN(2000)} }),
		"in pieces": stretches(n, func() stretch { return stretch{r.IntN(total - 100), 30 + r.IntN(60)} }),
		"scattered": stretches(n, func() stretch { return stretch{r.IntN(total), 1} }),
	}
}

// window is how many chunks a segment of 256 KiB has.
const window = 16

// sequence is the Store of hashes that follow from their numbers.
type sequence struct{ reads int }

const sequencePage = 256

func hashOf(i int) (h [32]byte) {
	x := uint64(i)
	for k := 0; k < 32; k += 8 {
		x += 0x9e3779b97f4a7c15 // splitmix64
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(h[k:], z^z>>31)
		x ^= z
	}
	return h
}

func (*sequence) Keep([]Record[uint64]) error { return nil }

func (s *sequence) Read(page uint32, list []Record[uint64]) ([]Record[uint64], error) {
	s.reads++
	for i := int(page) * sequencePage; i < int(page+1)*sequencePage; i++ {
		list = append(list, Record[uint64]{hashOf(i), uint64(i)})
	}
	return list, nil
}

// newSequence returns a Sparse of n hashes.
func newSequence(t *testing.T, limit int64, n int) (*Sparse[uint64], *sequence) {
	store := new(sequence)
	s := NewSparse(limit, sequencePage, Store[uint64](store))
	for i := range n {
		if known, err := s.Add(hashOf(i), uint64(i)); known || err != nil {
			t.Fatalf("Add %d: %v, %v", i, known, err)
		}
	}
	return s, store
}

// play looks up a stream as a stage does, and returns which of its hashes are found.
func play(t *testing.T, s *Sparse[uint64], numbers []int) (found []bool) {
	t.Helper()
	for part := range slices.Chunk(numbers, window) {
		if s.Rate() > 1 {
			for _, i := range part {
				s.Lookup(hashOf(i))
			}
		}
		for _, i := range part {
			v, ok, err := s.Lookup(hashOf(i))
			if err != nil || ok && (i < 0 || v != uint64(i)) {
				t.Fatalf("%d is %d, %v", i, v, err)
			}
			found = append(found, ok)
		}
	}
	return found
}

// In streams as versions make them, at most one copy in a hundred is overlooked, at all rates up to
// one in 64. Runs from anywhere lose what comes before their first hook, unless that is in the window;
// of single copies only the hooks are found.
func TestSparseLoss(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	for _, c := range []struct {
		hashes        int
		rate          int64
		pieces, moved float64 // what may be overlooked of these streams, in percent
	}{
		{60_000, 1, 0, 0}, {120_000, 2, 0.5, 0.1}, {240_000, 4, 2, 0.1}, {480_000, 8, 6, 0.3},
		{960_000, 16, 22, 1}, {1_920_000, 32, 50, 2.5}, {3_840_000, 64, 75, 5},
	} {
		s, store := newSequence(t, 1<<20, c.hashes)
		if s.Rate() != c.rate {
			t.Errorf("%d hashes: rate %d, want %d", c.hashes, s.Rate(), c.rate)
		}
		for name, numbers := range streamsOf(c.hashes) {
			before := store.reads
			found := play(t, s, numbers)
			all, lost := 0, 0
			for i, n := range numbers {
				if n >= 0 {
					all++
					if !found[i] {
						lost++
					}
				}
			}
			percent := float64(lost) / float64(all) * 100
			t.Logf("rate %d: %s: %.2f %% of %d overlooked, %d pages read", c.rate, name, percent, all, store.reads-before)
			most := 1.0
			switch name {
			case "in pieces":
				most = c.pieces
			case "moved":
				most = c.moved
			case "scattered":
				most = 100 - 90/float64(c.rate)
			}
			if c.rate == 1 {
				most = 0
			}
			if percent > most {
				t.Errorf("rate %d: %s: %.2f %% overlooked, %.1f allowed", c.rate, name, percent, most)
			}
		}
	}
}

// What is found does not depend on the seed of the table.
func TestSparseSame(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	for name, numbers := range streamsOf(100_000) {
		var want []bool
		for range 3 {
			s, _ := newSequence(t, 600<<10, 100_000)
			got := play(t, s, numbers)
			if want != nil && !slices.Equal(got, want) {
				t.Errorf("%s: another time other hashes are found", name)
			}
			want = got
		}
	}
}

// failing is a Store that fails.
type failing struct {
	FileStore[uint64]
	keep, read int // calls that do not fail
}

var errFull = errors.New("no space")

func (f *failing) Keep(page []Record[uint64]) error {
	if f.keep--; f.keep < 0 {
		return errFull
	}
	return f.FileStore.Keep(page)
}

func (f *failing) Read(page uint32, list []Record[uint64]) ([]Record[uint64], error) {
	if f.read--; f.read < 0 {
		return list, io.ErrUnexpectedEOF
	}
	return f.FileStore.Read(page, list)
}

// When the store takes no more, what was added before is found, and no more is remembered.
func TestSparseStoreFull(t *testing.T) {
	hashes := randomHashes(1, 40_000)
	for _, pages := range []int{0, 5, 60, 100} {
		files := &tempFiles{dir: t.TempDir()}
		s := NewSparse(2<<20, 256, Store[uint64](&failing{*NewFileStore(files.temp, uintLayout), pages, 1 << 30}))
		addAll(t, s, hashes)
		if !errors.Is(s.Err(), errFull) {
			t.Fatalf("%d pages: %v", pages, s.Err())
		}
		if n := s.Len(); n < int64(pages*256) || n > 30_000 {
			t.Errorf("%d pages: %d hashes", pages, n)
		}
		for i, h := range hashes {
			v, ok, err := s.Lookup(h)
			if err != nil || ok != (int64(i) < s.Len()) || ok && v != uint64(i) {
				t.Fatalf("%d pages: hash %d of %d is %d, %v, %v", pages, i, s.Len(), v, ok, err)
			}
		}
	}
}

// A page that cannot be read is an error, and not a hash that was not found.
func TestSparseReadError(t *testing.T) {
	hashes := randomHashes(1, 100_000)
	files := &tempFiles{dir: t.TempDir()}
	s := NewSparse(3<<20, 256, Store[uint64](&failing{*NewFileStore(files.temp, uintLayout), 1 << 30, 1}))
	addAll(t, s, hashes)
	if _, ok, err := s.Lookup(hashes[0]); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := s.Lookup(hashes[5000]); ok || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, %v", ok, err)
	}
	if known, err := s.Add(hashes[9000], 0); known || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Add: %v, %v", known, err)
	}
}

// A file that was cut is an error.
func TestFileStoreCut(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "pages")
	if err != nil {
		t.Fatal(err)
	}
	store := NewFileStore(func() (File, error) { return file, nil }, uintLayout)
	defer store.Close()
	page := make([]Record[uint64], 10)
	for i := range page {
		page[i] = Record[uint64]{number(uint64(i)), uint64(i)}
	}
	if err := errors.Join(store.Keep(page), store.Keep(page), file.Truncate(10*40+399)); err != nil {
		t.Fatal(err)
	}
	if list, err := store.Read(0, nil); err != nil || !slices.Equal(list, page) {
		t.Errorf("page 0: %v", err)
	}
	if list, err := store.Read(1, nil); len(list) > 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("page 1: %d records, %v", len(list), err)
	}
}

// Hashes that all claim to be hooks of the highest level, as an attacker may send them, take no more
// than the limit.
func TestSparseAttack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s, _ := newFiled(t, 1<<20)
	for i := range uint64(100_000) {
		h := randomHash(r)
		binary.LittleEndian.PutUint32(h[:], 0)
		if _, err := s.Add(h, i); err != nil {
			t.Fatal(err)
		}
		if s.Bytes() > 1<<20 {
			t.Fatalf("%d bytes with %d hashes", s.Bytes(), i)
		}
	}
}

// Bytes is what the heap says.
func TestSparseMemory(t *testing.T) {
	hashes := randomHashes(1, 400_000)
	var before, after runtime.MemStats
	for _, limit := range []int64{0, 8 << 20} {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s, store := newFiled(t, limit)
		addAll(t, s, hashes)
		for i := range hashes[:50_000] {
			s.Lookup(hashes[i*7%len(hashes)])
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		t.Logf("limit %d: heap %d, Bytes %d, %.1f for each hash", limit, heap, s.Bytes(), float64(s.Bytes())/float64(len(hashes)))
		if diff := heap - s.Bytes(); diff > heap/10 || diff < -heap/10 {
			t.Errorf("limit %d: heap has grown by %d, Bytes says %d", limit, heap, s.Bytes())
		}
		runtime.KeepAlive(s)
		runtime.KeepAlive(store)
	}
}

// BenchmarkSparse adds new hashes, and looks known ones up in runs of 100 from anywhere. The limits
// keep all in memory, or keep one in n hashes. Files are what a Table does with 16 MiB.
func BenchmarkSparse(b *testing.B) {
	hashes := randomHashes(1, 2_000_000)
	runs := func(i int) [32]byte { return hashes[(i/100*7919*100+i%100)%len(hashes)] }
	for _, limit := range []int64{0, 64 << 20, 16 << 20} {
		s, _ := newFiled(b, limit)
		b.Run(fmt.Sprintf("add-%dM", limit>>20), func(b *testing.B) {
			for i := range b.N {
				if i%len(hashes) == 0 {
					s, _ = newFiled(b, limit)
				}
				s.Add(hashes[i%len(hashes)], uint64(i))
			}
		})
		s, _ = newFiled(b, limit)
		addAll(b, s, hashes)
		b.Run(fmt.Sprintf("find-%dM-1in%d", limit>>20, s.Rate()), func(b *testing.B) {
			for i := range b.N {
				s.Lookup(runs(i))
			}
		})
	}
	files := &tempFiles{dir: b.TempDir()}
	table := NewTable(64<<20, files.temp)
	defer table.Close()
	for i, h := range hashes {
		table.Add(h, uint64(i))
	}
	b.Run("miss-table-64M", func(b *testing.B) {
		for i := range b.N {
			h := hashes[i%len(hashes)]
			h[31] ^= 1
			table.Lookup(h)
		}
	})
	b.Run("find-table-64M", func(b *testing.B) {
		for i := range b.N {
			table.Lookup(runs(i))
		}
	})
}
