// Command randread times random reads, for bench/run and bench/deltas. It reads blocks of 4 KiB at
// the offsets that stand in a file, one a line, from an archive, through archive.Reader with a cache
// of one segment, or with -raw from a plain file. Parents of the archive are looked for beside it.
// With -check FILE it fails where a block is not that of FILE. It prints medians and percentiles as
// JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"time"

	"hexz/pkg/archive"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

const (
	blockSize  = 4096
	maxSegment = 512 << 10 // longer ones are mostly holes
)

func main() {
	raw := flag.Bool("raw", false, "FILE is a plain file")
	check := flag.String("check", "", "a plain `FILE` that has the same blocks")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: randread [-raw] [-check FILE] OFFSETS FILE") }
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	res, err := run(flag.Arg(0), flag.Arg(1), *raw, *check)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(res)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "randread:", err)
		os.Exit(1)
	}
}

// result is in microseconds.
type result struct {
	Reads    int     `json:"reads"`
	Median   float64 `json:"median_us"`
	P99      float64 `json:"p99_us"`
	Segments int     `json:"segments"` // that were decoded as a whole
	Segment  float64 `json:"segment_median_us,omitempty"`
}

func run(list, name string, raw bool, check string) (*result, error) {
	offsets, err := readOffsets(list)
	if err != nil {
		return nil, err
	}
	m := measuring{offsets: offsets}
	if check != "" {
		want, err := os.Open(check)
		if err != nil {
			return nil, err
		}
		defer want.Close()
		m.want = want
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if raw {
		m.read = f.ReadAt
		return m.report()
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// A cache of one byte keeps the last segment only.
	parents := &parents.Finder{Beside: filepath.Dir(name)}
	defer parents.Close()
	r, err := archive.NewReader(f, st.Size(), archive.Options{CacheBytes: 1, Find: parents.Find})
	if err != nil {
		return nil, err
	}
	if m.segments, err = layout(r); err != nil {
		return nil, err
	}
	m.read = func(p []byte, off int64) (int, error) { return r.ReadAt(0, p, off) }
	return m.report()
}

func readOffsets(name string) ([]int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var offsets []int64
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		off, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return nil, err
		}
		offsets = append(offsets, off)
	}
	return offsets, lines.Err()
}

// segment is a range of the first stream. One that holds refs or patches is not whole: to read it,
// others must be decoded too.
type segment struct {
	start, end int64
	whole      bool
}

func layout(r *archive.Reader) ([]segment, error) {
	var all []segment
	for at, err := range r.Segments() {
		if err != nil {
			return nil, err
		}
		if at.Stream != 0 {
			continue
		}
		s := segment{start: at.Offset, end: at.Offset}
		data := false
		s.whole = true
		for _, e := range at.Entries {
			s.end += e.Len
			s.whole = s.whole && (e.Kind == stream.Data || e.Kind.IsRun())
			data = data || e.Kind == stream.Data
		}
		s.whole = s.whole && data && s.end-s.start <= maxSegment
		all = append(all, s)
	}
	return all, nil
}

// measuring is what is read, and where.
type measuring struct {
	read     func(p []byte, off int64) (int, error)
	segments []segment   // nil if there are none
	offsets  []int64     // of the blocks
	want     io.ReaderAt // has the same blocks; may be nil
}

// report reads the block at each offset and, if there are segments, after each block the whole
// segment that holds the block of the next but one offset: so both are measured under the same
// conditions, of the same segments, and neither finds its segment in the cache.
func (m *measuring) report() (*result, error) {
	var reads, wholes []time.Duration
	buf := make([]byte, maxSegment)
	for i, off := range m.offsets {
		n, took, err := m.timed(buf[:blockSize], off)
		if err == nil {
			err = m.compare(buf[:n], off)
		}
		if err != nil {
			return nil, err
		}
		reads = append(reads, took)
		if m.segments == nil {
			continue
		}
		other := m.offsets[(i+2)%len(m.offsets)]
		s := m.segments[sort.Search(len(m.segments), func(i int) bool { return m.segments[i].end > other })]
		if !s.whole || s.start <= off && off < s.end {
			continue
		}
		if _, took, err = m.timed(buf[:s.end-s.start], s.start); err != nil {
			return nil, err
		}
		wholes = append(wholes, took)
	}
	return &result{
		Reads: len(reads), Median: percentile(reads, 50), P99: percentile(reads, 99),
		Segments: len(wholes), Segment: percentile(wholes, 50),
	}, nil
}

func (m *measuring) timed(p []byte, off int64) (int, time.Duration, error) {
	begin := time.Now()
	n, err := m.read(p, off)
	took := time.Since(begin)
	if n == len(p) || err == io.EOF {
		err = nil
	}
	return n, took, err
}

// compare fails if the block at off is not the one that is wanted.
func (m *measuring) compare(got []byte, off int64) error {
	if m.want == nil {
		return nil
	}
	want := make([]byte, blockSize)
	n, err := m.want.ReadAt(want, off)
	if err != nil && err != io.EOF {
		return err
	}
	if !bytes.Equal(got, want[:n]) {
		return fmt.Errorf("the block at offset %d differs", off)
	}
	return nil
}

// percentile sorts d.
func percentile(d []time.Duration, p int) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[(len(d)-1)*p/100].Nanoseconds()) / 1e3
}
