package dedup

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// tempFiles hands out files and counts those that are open.
type tempFiles struct {
	dir  string
	made int
	open int
	fail error
}

type countedFile struct {
	*os.File
	all *tempFiles
}

func (f countedFile) Close() error {
	f.all.open--
	return f.File.Close()
}

func (f *tempFiles) temp() (File, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	file, err := os.CreateTemp(f.dir, "run")
	f.made++
	f.open++
	return countedFile{file, f}, err
}

func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with the race detector, and nothing is shared between goroutines")
	}
	for name, limit := range map[string]int64{"no limit": 0, "1 MiB": 1, "4 MiB": 4 << 20} {
		t.Run(name, func(t *testing.T) {
			files := &tempFiles{dir: t.TempDir()}
			table := NewTable(limit, files.temp)
			r := rand.New(rand.NewPCG(1, 2))
			want := map[[32]byte]uint64{}
			var hashes [][32]byte
			for i := range uint64(200_000) {
				h := randomHash(r)
				switch i % 10 {
				case 3: // again, with another value: the first one stays
					h = hashes[r.IntN(len(hashes))]
				case 4: // hashes that only differ at the end
					h = [32]byte{30: byte(i >> 8), 31: byte(i)}
				}
				if err := table.Add(h, i); err != nil {
					t.Fatal(err)
				}
				if _, ok := want[h]; !ok {
					want[h] = i
					hashes = append(hashes, h)
				}
			}
			for h, v := range want {
				if got, ok, err := table.Lookup(h); got != v || !ok || err != nil {
					t.Fatalf("%x: %d, %v, %v; want %d", h, got, ok, err, v)
				}
			}
			for range 1000 {
				if _, ok, err := table.Lookup(randomHash(r)); ok || err != nil {
					t.Fatal("found what is not there", err)
				}
			}
			if limit == 1 && files.made <= maxRuns+1 {
				t.Errorf("%d files: the runs were never merged", files.made)
			}
			if (limit > 0) != (files.made > 0) || files.open > maxRuns {
				t.Errorf("%d files, %d of them open", files.made, files.open)
			}
			if b := table.recent.Bytes(); limit > 0 && b > max(limit, minLimit)*5/4 {
				t.Errorf("%d bytes in memory, the limit is %d", b, limit)
			}
			table.Close()
			if files.open != 0 {
				t.Errorf("%d files are open", files.open)
			}
		})
	}
}

func TestTableErrors(t *testing.T) {
	boom := errors.New("no space")
	table := NewTable(1, (&tempFiles{fail: boom}).temp)
	r := rand.New(rand.NewPCG(1, 2))
	var err error
	for i := uint64(0); err == nil && i < 100_000; i++ {
		err = table.Add(randomHash(r), i)
	}
	if !errors.Is(err, boom) {
		t.Errorf("no file: %v", err)
	}

	files := &tempFiles{dir: t.TempDir()}
	table = NewTable(1, files.temp)
	for i := uint64(0); files.made == 0; i++ {
		if err := table.Add(randomHash(r), i); err != nil {
			t.Fatal(err)
		}
	}
	paths, _ := filepath.Glob(filepath.Join(files.dir, "*"))
	if err := os.Truncate(paths[0], 100); err != nil {
		t.Fatal(err)
	}
	found := 0
	for range 1000 {
		h := randomHash(r)
		h[0] |= 0x80 // not below all in the run
		_, ok, err := table.Lookup(h)
		if ok {
			found++
		}
		if err == nil {
			t.Fatal("a run that was cut is no error")
		}
	}
	if found > 0 {
		t.Error("found what is not there")
	}
}
