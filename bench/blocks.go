package main

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"time"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// maxSegment is the longest segment that is decoded as a whole; longer ones are mostly holes.
const maxSegment = 512 * kib

// archiveReader reads an archive of a file through archive.Reader, with a cache of one segment, and measures
// whole segments as well. Parents are looked for beside it.
func archiveReader(name, file, original string) blockReader {
	return blockReader{name, file, func(offsets []int64) map[string]float64 {
		a := openArchive(file, 1)
		defer a.close()
		return timeReads(a.first, original, offsets, layout(a.Reader))
	}}
}

// cachingReader reads nothing but the blocks, with a cache of so many bytes: see openArchive. It counts the
// parents that it opens.
func cachingReader(name, file, original string, cache int64) blockReader {
	return blockReader{name, file, func(offsets []int64) map[string]float64 {
		a := openArchive(file, cache)
		defer a.close()
		values := timeReads(a.first, original, offsets, nil)
		values[parentsValue] = float64(len(a.parents))
		return values
	}}
}

// segment is a range of the first stream. One that holds refs or patches is not whole: to read it,
// others must be decoded too.
type segment struct {
	start, end int64
	whole      bool
}

// layout returns the segments in order.
func layout(r *archive.Reader) []segment {
	var all []segment
	for at, err := range r.Segments() {
		check(err)
		if at.Stream != 0 {
			continue
		}
		s := segment{start: at.Offset, end: at.Offset, whole: true}
		data := false
		for _, e := range at.Entries {
			s.end += e.Len
			s.whole = s.whole && (e.Kind == stream.Data || e.Kind.IsRun())
			data = data || e.Kind == stream.Data
		}
		s.whole = s.whole && data && s.end-s.start <= maxSegment
		all = append(all, s)
	}
	return all
}

// timeReads reads the block at each offset, and compares it with that of the original. If there are
// segments, it reads after each block the whole segment that holds the block of the next but one offset:
// so both are measured under the same conditions, of the same segments, and neither finds its segment
// in the cache.
func timeReads(read func([]byte, int64) (int, error), original string, offsets []int64, segments []segment) map[string]float64 {
	f := must(os.Open(original))
	defer f.Close()
	var blocks, wholes []float64
	buf, want := make([]byte, maxSegment), make([]byte, block)
	for i, at := range offsets {
		blocks = append(blocks, timed(read, buf[:block], at))
		if must(f.ReadAt(want, at)); !bytes.Equal(buf[:block], want) {
			check(fmt.Errorf("the block at offset %d differs", at))
		}
		s := segmentAt(segments, offsets[(i+2)%len(offsets)])
		if s.whole && !(s.start <= at && at < s.end) {
			wholes = append(wholes, timed(read, buf[:s.end-s.start], s.start))
		}
	}
	values := readValues(blocks)
	if len(wholes) > 0 {
		values[segmentValue] = median(wholes)
	}
	return values
}

// segmentAt returns the segment that holds an offset, or one that is not whole.
func segmentAt(segments []segment, at int64) segment {
	i := sort.Search(len(segments), func(i int) bool { return segments[i].end > at })
	if i == len(segments) {
		return segment{}
	}
	return segments[i]
}

// timed fills p, and returns the microseconds that it took.
func timed(read func([]byte, int64) (int, error), p []byte, at int64) float64 {
	begin := time.Now()
	n, err := read(p, at)
	took := time.Since(begin)
	if n < len(p) {
		check(err)
	}
	return float64(took.Nanoseconds()) / 1e3
}
