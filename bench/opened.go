package main

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"hexz/pkg/archive"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// opened is an archive of a file. It counts what is read of it and of its parents, which are looked for
// beside it. What the search itself reads, to know a parent by its trailer, is not counted.
type opened struct {
	*archive.Reader
	close func()

	mu          sync.Mutex
	reads, size int64           // calls of ReadAt, and the bytes that they were asked for
	parents     map[string]bool // names of the parents that were opened
}

// openArchive opens an archive with a cache for so many bytes of segments: 1 keeps the last one only, and 0
// is the default.
func openArchive(file string, cache int64) *opened {
	f := must(os.Open(file))
	finder := &parents.Finder{Beside: filepath.Dir(file)}
	o := &opened{parents: map[string]bool{}, close: func() {
		finder.Close()
		f.Close()
	}}
	find := func(want *stream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) {
			for c, err := range finder.Find(want) {
				if !yield(o.parent(c, err), err) {
					return
				}
			}
		}
	}
	var err error
	if o.Reader, err = archive.NewReader(counter{o, f}, must(f.Stat()).Size(), archive.Options{CacheBytes: cache, Find: find}); err != nil {
		o.close()
		check(err)
	}
	return o
}

// first reads the first stream.
func (o *opened) first(p []byte, at int64) (int, error) { return o.ReadAt(0, p, at) }

// parent notes a parent that was found.
func (o *opened) parent(c archive.Copy, err error) archive.Copy {
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.parents[c.Name] = true
		c.ReaderAt = counter{o, c.ReaderAt}
	}
	return c
}

// counter counts reads for an archive.
type counter struct {
	of *opened
	r  io.ReaderAt
}

func (c counter) ReadAt(p []byte, off int64) (int, error) {
	c.of.mu.Lock()
	c.of.reads++
	c.of.size += int64(len(p))
	c.of.mu.Unlock()
	return c.r.ReadAt(p, off)
}

// readAnew opens an archive for each offset, reads a block, and compares it with what want puts into p. It
// returns the medians of what that takes.
func readAnew(file string, offsets []int64, want func(p []byte, at int64)) map[string]float64 {
	all := map[string][]float64{}
	add := func(key string, v float64) { all[key] = append(all[key], v) }
	got, right := make([]byte, block), make([]byte, block)
	for _, at := range offsets {
		add(microsValue, timed(func(p []byte, at int64) (int, error) {
			o := openArchive(file, 1)
			defer o.close()
			reads, size := o.reads, o.size
			n, err := o.first(p, at)
			add(openReadsValue, float64(reads))
			add(openBytesValue, float64(size))
			add(readsValue, float64(o.reads-reads))
			add(readBytesValue, float64(o.size-size))
			add(parentsValue, float64(len(o.parents)))
			return n, err
		}, got, at))
		if want(right, at); !bytes.Equal(got, right) {
			check(fmt.Errorf("%s: the block at offset %d differs", filepath.Base(file), at))
		}
	}
	values := map[string]float64{mostParentsValue: percentile(all[parentsValue], 100)}
	for key, list := range all {
		values[key] = median(list)
	}
	return values
}
