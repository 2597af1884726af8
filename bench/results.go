package main

import "slices"

// Results are numbers by step, tool and round, in the order in which they came.
type Results struct {
	Steps []*Step `json:"steps"`
}

// Step is something that was measured for several tools.
type Step struct {
	Name string `json:"name"`
	Rows []*Row `json:"rows"`
}

// Row is what is known of a tool. One that failed in one round has no numbers in any.
type Row struct {
	Tool    string   `json:"tool"`
	Samples []Sample `json:"samples"`
	Error   string   `json:"error,omitempty"`
}

// Sample is of one round.
type Sample struct {
	Round  int                `json:"round"`
	Values map[string]float64 `json:"values"`
	RSS    []int64            `json:"rss,omitempty"` // bytes of peak memory of each stage
}

// The names of values.
const (
	wallValue    = "wall"              // seconds
	cpuValue     = "cpu"               // seconds
	bytesValue   = "bytes"             // that are stored, or added
	inputValue   = "input"             // bytes
	medianValue  = "median_us"         // of a read
	p99Value     = "p99_us"            // of a read
	segmentValue = "segment_median_us" // of the decoding of a segment
	readValue    = "read"              // bytes that the first stage has read

	chunksValue = "chunk_bytes" // of an archive: those of the chunks in it, as they are stored
	restValue   = "rest_bytes"  // of an archive: all others

	openReadsValue   = "open_reads"   // reads of files when an archive is opened
	openBytesValue   = "open_bytes"   // that these read
	readsValue       = "reads"        // of files for one block of an archive
	readBytesValue   = "read_bytes"   // that these read
	microsValue      = "us"           // of opening, and of reading a block
	parentsValue     = "parents"      // that were opened
	mostParentsValue = "most_parents" // that were opened for a single block
)

// rows returns what is known of a step.
func (r *Results) rows(step string) []*Row {
	for _, s := range r.Steps {
		if s.Name == step {
			return s.Rows
		}
	}
	return nil
}

// find returns a row, or nil.
func (r *Results) find(step, tool string) *Row {
	for _, row := range r.rows(step) {
		if row.Tool == tool {
			return row
		}
	}
	return nil
}

// row returns a row, which is made if it is not there.
func (r *Results) row(step, tool string) *Row {
	if row := r.find(step, tool); row != nil {
		return row
	}
	i := slices.IndexFunc(r.Steps, func(s *Step) bool { return s.Name == step })
	if i < 0 {
		i = len(r.Steps)
		r.Steps = append(r.Steps, &Step{Name: step})
	}
	row := &Row{Tool: tool}
	r.Steps[i].Rows = append(r.Steps[i].Rows, row)
	return row
}

func (r *Results) add(step, tool string, s Sample) {
	row := r.row(step, tool)
	row.Samples = append(row.Samples, s)
}

// fail notes why a tool has no numbers; the first reason stays.
func (r *Results) fail(step, tool string, err error) {
	if row := r.row(step, tool); row.Error == "" {
		row.Error = err.Error()
	}
}

func (r *Results) failed(step, tool string) bool {
	row := r.find(step, tool)
	return row != nil && row.Error != ""
}

// samples returns nothing of a tool that failed or was not there.
func (r *Results) samples(step, tool string) []Sample {
	if row := r.find(step, tool); row != nil && row.Error == "" {
		return row.Samples
	}
	return nil
}

func (r *Results) values(step, tool, key string) []float64 {
	var found []float64
	for _, s := range r.samples(step, tool) {
		if v, ok := s.Values[key]; ok {
			found = append(found, v)
		}
	}
	return found
}

// median is 0 if there is no number.
func (r *Results) median(step, tool, key string) float64 { return median(r.values(step, tool, key)) }

// ratio returns the median of the ratios of a tool to base, each of one round, and 0 without any.
func (r *Results) ratio(step, tool, base, key string) float64 {
	var found []float64
	for _, mine := range r.samples(step, tool) {
		for _, theirs := range r.samples(step, base) {
			if v, ok := mine.Values[key]; ok && mine.Round == theirs.Round && theirs.Values[key] > 0 {
				found = append(found, v/theirs.Values[key])
			}
		}
	}
	return median(found)
}

// median is 0 if there are no values.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// percentile returns the value that p per cent of the others do not exceed.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[(len(values)-1)*p/100]
}

func sum(values []float64) float64 {
	var all float64
	for _, v := range values {
		all += v
	}
	return all
}
