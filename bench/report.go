package main

import (
	"fmt"
	"slices"
	"strings"
)

// Report is results.json: all that RESULTS.md is made of.
type Report struct {
	Environment Environment `json:"environment"`
	Results
}

// String returns RESULTS.md.
func (r *Report) String() string {
	var b strings.Builder
	r.Environment.write(&b)
	b.WriteString("\n## Targets\n\nPeers that are left out, or failed, are not compared with.\n\n")
	b.WriteString(targetTable(targets(&r.Results, r.Environment.Tools)))
	for _, s := range sections() {
		if rows := r.rows(s.step); len(rows) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s", s.title, s.text, r.table(s.step, s.columns))
		}
	}
	if len(r.rows(readsStep)) > 0 {
		fmt.Fprintf(&b, "\n## Random reads\n\n%s\n\n%s", readsText, r.randomReadsTable())
	}
	return b.String()
}

const readsText = `Blocks of 4 KiB of disk-b.img at random places that hold data, the same for all; files in the
page cache. hexz by ` + "`archive.Reader`" + ` with a cache of one segment, beside the decoding of whole
segments in the same run; qcow2 (zstd) by qemu-io; squashfs (zstd) by a loop mount that is made
anew each round: it keeps what it decodes, so that a block nearby is found in memory.`

// column is one of a table: what it tells of a tool at a step.
type column struct {
	head string
	cell func(r *Results, step, tool string) string
}

type section struct {
	title, text, step string
	columns           []column
}

func sections() []section {
	wall := column{"wall, s", ofValue(wallValue, "%.2f")}
	cpu := column{"CPU, s", ofValue(cpuValue, "%.2f")}
	rate := column{"MB/s", (*Results).rate}
	memory := column{"memory, MiB", (*Results).memory}
	time := []column{wall, {"to hexz", ofRatio(wallValue)}, cpu}
	stored := []column{{"stored, MB", (*Results).megabytes}, {"size to hexz", ofRatio(bytesValue)}}
	added := []column{{"added, MB", (*Results).megabytes}, {"added to hexz", ofRatio(bytesValue)}}
	byStage := []column{wall, cpu, rate, {"memory of chunk / dedup / compress / seal, MiB", (*Results).stageMemory}}
	of := func(parts ...[]column) []column { return slices.Concat(parts...) }
	one := func(c ...column) []column { return c }
	return []section{
		{"Cold pack of linux-a.tar", "A kernel source tree as a tar, into an empty store.",
			packTar, of(time, one(rate), stored, one(memory))},
		{"Cold pack of disk-b.img", "A sparse ext4 image of 2 GiB. hexz and zstd are given the file, and hexz does not read its holes.",
			packDisk, of(time, one(rate), stored, one(memory))},
		{"Second version", "linux-b.tar where linux-a.tar is stored: for hexz, `hexz-dedup --parent` and a thin archive.",
			secondStep, of(time, one(rate), added, one(memory))},
		{"Known stream", "linux-a.tar once more where it is stored, as above.",
			knownStep, of(time, one(rate), added, one(memory))},
		{"Restore", "Of linux-a.tar to /dev/null; `hexz -o FILE`, casync, desync, qcow2 and hexz-rust write a file.",
			restoreStep, of(time, one(rate, memory))},
		{"Verify, stored bytes", "Without decoding: `hexz-verify --level stored`.",
			storedStep, of(time, one(memory))},
		{"Verify, content", "All is decoded: `hexz-verify`, `zstd -t`, `lz4 -t`, `restic check --read-data`, " +
			"`borg check --verify-data`, `desync verify`.", checkStep, of(time, one(memory))},
		{"Size of the input", "Kernel sources again and again, each time with other bytes. One run each.",
			sizesStep, byStage},
		{"Threads", "Cold pack of linux-a.tar with `-T` for hexz-chunk and hexz-compress.",
			threadsStep, byStage},
		{"Stages", "Each alone, from a file in the page cache to /dev/null, for linux-a.tar. A GB is one of content.",
			stagesStep, one(wall, column{"CPU, s per GB", (*Results).cpuPerGB}, rate, memory)},
	}
}

func (r *Results) table(step string, columns []column) string {
	t := table{head: []string{""}, align: "l"}
	for _, c := range columns {
		t.head = append(t.head, c.head)
	}
	for _, row := range hexzFirst(r.rows(step)) {
		cells := []string{row.Tool}
		for _, c := range columns {
			cells = append(cells, c.cell(r, step, row.Tool))
		}
		if row.Error != "" {
			cells = []string{row.Tool, "failed: " + row.Error}
		}
		t.add(cells...)
	}
	return t.String()
}

// randomReadsTable is a table as well of printing as of the report.
func (r *Results) randomReadsTable() string {
	t := table{head: []string{"", "median, µs", "99 %, µs", "one segment, µs", "file, MB"}, align: "l"}
	for _, row := range hexzFirst(r.rows(readsStep)) {
		if row.Error != "" {
			t.add(row.Tool, "failed: "+row.Error)
			continue
		}
		cells := []string{row.Tool}
		for _, key := range []string{medianValue, p99Value, segmentValue} {
			cells = append(cells, spread(r.values(readsStep, row.Tool, key), "%.0f"))
		}
		t.add(append(cells, r.megabytes(readsStep, row.Tool))...)
	}
	return t.String()
}

// hexzFirst puts the rows of hexz before the others.
func hexzFirst(rows []*Row) []*Row {
	rank := func(r *Row) int {
		if strings.HasPrefix(r.Tool, "hexz") {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(rows), func(a, b *Row) int { return rank(a) - rank(b) })
}

func ofValue(key, form string) func(*Results, string, string) string {
	return func(r *Results, step, tool string) string { return spread(r.values(step, tool, key), form) }
}

func ofRatio(key string) func(*Results, string, string) string {
	return func(r *Results, step, tool string) string { return number(r.ratio(step, tool, "hexz", key), "%.2f") }
}

func (r *Results) megabytes(step, tool string) string {
	if len(r.values(step, tool, bytesValue)) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", r.median(step, tool, bytesValue)/mb)
}

// rate is in MB of content for each second.
func (r *Results) rate(step, tool string) string {
	if wall := r.median(step, tool, wallValue); wall > 0 {
		return fmt.Sprintf("%.0f", r.median(step, tool, inputValue)/wall/mb)
	}
	return "–"
}

func (r *Results) cpuPerGB(step, tool string) string {
	var values []float64
	for _, s := range r.samples(step, tool) {
		values = append(values, s.Values[cpuValue]/s.Values[inputValue]*gb)
	}
	return spread(values, "%.2f")
}

// peaks returns the most memory, in MiB, that each stage has taken in any round, that the largest has,
// and that all together have in one round.
func (r *Results) peaks(step, tool string) (stages []float64, largest, sum float64) {
	for _, s := range r.samples(step, tool) {
		var all float64
		for i, n := range s.RSS {
			if i == len(stages) {
				stages = append(stages, 0)
			}
			stages[i] = max(stages[i], float64(n)/mib)
			all += float64(n) / mib
		}
		sum = max(sum, all)
	}
	for _, s := range stages {
		largest = max(largest, s)
	}
	return stages, largest, sum
}

func (r *Results) memory(step, tool string) string {
	stages, largest, sum := r.peaks(step, tool)
	if len(stages) > 1 {
		return fmt.Sprintf("%.0f; %.0f", sum, largest)
	}
	return number(sum, "%.0f")
}

func (r *Results) stageMemory(step, tool string) string {
	stages, _, _ := r.peaks(step, tool)
	var texts []string
	for _, s := range stages {
		texts = append(texts, fmt.Sprintf("%.0f", s))
	}
	return strings.Join(texts, " / ")
}
