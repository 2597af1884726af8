// Command randread times random reads, for bench/run. It reads blocks of 4 KiB at the offsets
// that stand in a file, one a line, from an archive, through archive.Reader with a cache of one
// segment, or with -raw from a plain file. It prints medians and percentiles as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strconv"
	"time"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

const (
	blockSize  = 4096
	maxSegment = 512 << 10 // longer ones are mostly holes
)

func main() {
	raw := flag.Bool("raw", false, "FILE is a plain file")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: randread [-raw] OFFSETS FILE") }
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	res, err := run(flag.Arg(0), flag.Arg(1), *raw)
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

func run(list, name string, raw bool) (*result, error) {
	offsets, err := readOffsets(list)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if raw {
		reads, _, err := measure(f.ReadAt, nil, offsets)
		return report(reads, nil), err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// A cache of one byte keeps the last segment only.
	r, err := archive.NewReader(f, st.Size(), archive.Options{CacheBytes: 1})
	if err != nil {
		return nil, err
	}
	segments, err := layout(r)
	if err != nil {
		return nil, err
	}
	read := func(p []byte, off int64) (int, error) { return r.ReadAt(0, p, off) }
	reads, wholes, err := measure(read, segments, offsets)
	return report(reads, wholes), err
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

// segment is a range of the first stream. One that holds refs is not whole: to read it, others
// must be decoded too.
type segment struct {
	start, end int64
	whole      bool
}

func layout(r *archive.Reader) ([]segment, error) {
	var all []segment
	err := r.EntryPages(func(at archive.Place, entries []stream.Entry) error {
		if at.Stream != 0 {
			return nil
		}
		s := segment{start: at.Offset, end: at.Offset}
		data := false
		s.whole = true
		for _, e := range entries {
			s.end += e.Len
			s.whole = s.whole && e.Kind != stream.Ref
			data = data || e.Kind == stream.Data
		}
		s.whole = s.whole && data && s.end-s.start <= maxSegment
		all = append(all, s)
		return nil
	})
	return all, err
}

type readAt func(p []byte, off int64) (int, error)

// measure reads the block at each offset and, if there are segments, after each block the whole
// segment that holds the block of the next but one offset: so both are measured under the same
// conditions, of the same segments, and neither finds its segment in the cache.
func measure(read readAt, segments []segment, offsets []int64) (reads, wholes []time.Duration, err error) {
	buf := make([]byte, maxSegment)
	timed := func(p []byte, off int64) (time.Duration, error) {
		begin := time.Now()
		n, err := read(p, off)
		took := time.Since(begin)
		if n == len(p) || err == io.EOF {
			err = nil
		}
		return took, err
	}
	for i, off := range offsets {
		took, err := timed(buf[:blockSize], off)
		if err != nil {
			return nil, nil, err
		}
		reads = append(reads, took)
		if segments == nil {
			continue
		}
		other := offsets[(i+2)%len(offsets)]
		s := segments[sort.Search(len(segments), func(i int) bool { return segments[i].end > other })]
		if !s.whole || s.start <= off && off < s.end {
			continue
		}
		if took, err = timed(buf[:s.end-s.start], s.start); err != nil {
			return nil, nil, err
		}
		wholes = append(wholes, took)
	}
	return reads, wholes, nil
}

func report(reads, wholes []time.Duration) *result {
	return &result{
		Reads: len(reads), Median: percentile(reads, 50), P99: percentile(reads, 99),
		Segments: len(wholes), Segment: percentile(wholes, 50),
	}
}

// percentile sorts d.
func percentile(d []time.Duration, p int) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[(len(d)-1)*p/100].Nanoseconds()) / 1e3
}
