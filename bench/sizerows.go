package main

import (
	"fmt"
	"strings"
)

// How many times what it is for the smallest image something may be for the largest. With 32 times the
// size, what follows the size is far above. What follows the change grows a little all the same: in a larger
// image fewer changes share nodes, and each factor of 39 is one more level of the tree. From 8 to 256 GiB
// that makes about 2.4 times the entries for 1000 changes.
const (
	mostWork   = 3 // time, and bytes
	mostMemory = 2 // a garbage collector makes it vary
	mostReads  = 2
)

// sizeRow is one of the table of images.
type sizeRow struct {
	what, property, step string
	value                func(r *Results, step, tool string) float64
	form                 string
	most                 float64 // 0: it may grow as it likes
}

func medianOf(key string, unit float64) func(*Results, string, string) float64 {
	return func(r *Results, step, tool string) float64 { return r.median(step, tool, key) / unit }
}

// memoryOf is the peak of a stage, in MiB.
func memoryOf(stage int) func(*Results, string, string) float64 {
	return func(r *Results, step, tool string) float64 {
		if stages, _, _ := r.peaks(step, tool); stage < len(stages) {
			return stages[stage]
		}
		return 0
	}
}

func imageRows() []sizeRow {
	const (
		kb      = 1e3
		packing = "packing, `bench-gen | hexz-seal`"
		changes = "`hexz-commit` alone"
		version = "`hexz-commit | hexz-compress | hexz-seal`"
		diff    = "`hexz-diff`"
		cat     = "`hexz-cat` of a block"
		again   = "no change, `bench-gen | hexz-dedup --parent | hexz-seal`"
	)
	wall := medianOf(wallValue, 1)
	rows := []sizeRow{
		{"`bench-gen` alone", "s", makingStep, wall, "%.2f", 0},
		{packing, "s", sealingStep, wall, "%.2f", 0},
		{packing, "memory of hexz-seal, MiB", sealingStep, memoryOf(1), "%.0f", 0},
		{packing, "archive, MB", sealingStep, medianOf(bytesValue, mb), "%.1f", 0},
		{packing, "of that, beside chunks, MB", sealingStep, medianOf(restValue, mb), "%.1f", 0},
		{changes, "s", changesStep, wall, "%.3f", mostWork},
		{changes, "memory, MiB", changesStep, memoryOf(0), "%.0f", mostMemory},
		{changes, "read, MB", changesStep, medianOf(readValue, mb), "%.2f", mostWork},
		{version, "s", versionStep, wall, "%.3f", mostWork},
		{version, "memory of hexz-commit, MiB", versionStep, memoryOf(0), "%.0f", mostMemory},
		{version, "memory of hexz-compress, MiB", versionStep, memoryOf(1), "%.0f", mostMemory},
		{version, "memory of hexz-seal, MiB", versionStep, memoryOf(2), "%.0f", mostMemory},
		{version, "archive, KB", versionStep, medianOf(bytesValue, kb), "%.1f", mostWork},
		{version, "of that, changed chunks, KB", versionStep, medianOf(chunksValue, kb), "%.1f", 0},
		{version, "of that, all else, KB", versionStep, medianOf(restValue, kb), "%.1f", mostWork},
		{diff, "s", diffStep, wall, "%.3f", mostWork},
		{diff, "memory, MiB", diffStep, memoryOf(0), "%.0f", mostMemory},
		{diff, "read, MB", diffStep, medianOf(readValue, mb), "%.2f", mostWork},
		{cat, "s", catStep, wall, "%.3f", mostReads},
		{cat, "memory, MiB", catStep, memoryOf(0), "%.0f", mostMemory},
		{cat, "read, MB", catStep, medianOf(readValue, mb), "%.3f", mostReads},
	}
	for _, open := range [][2]string{{"image", openBaseStep}, {"version, changed block", openNewStep}, {"version, other block", openOldStep}} {
		rows = append(rows, openRows(open[0], open[1])...)
	}
	return append(rows,
		sizeRow{again, "s", imageAgain, wall, "%.2f", 0},
		sizeRow{again, "memory of hexz-dedup, MiB", imageAgain, memoryOf(1), "%.0f", mostMemory},
		sizeRow{again, "memory of hexz-seal, MiB", imageAgain, memoryOf(2), "%.0f", mostMemory},
		sizeRow{again, "archive, bytes", imageAgain, medianOf(bytesValue, 1), "%.0f", mostReads})
}

// openRows tell what it takes to open an archive, and to read one block.
func openRows(what, step string) []sizeRow {
	return []sizeRow{
		{what, "reads to open", step, medianOf(openReadsValue, 1), "%.0f", mostReads},
		{what, "bytes to open", step, medianOf(openBytesValue, 1), "%.0f", mostReads},
		{what, "reads for the block", step, medianOf(readsValue, 1), "%.0f", mostReads},
		{what, "bytes for the block", step, medianOf(readBytesValue, 1), "%.0f", mostReads},
		{what, "µs for both", step, medianOf(microsValue, 1), "%.0f", mostReads},
	}
}

// growth is the value of the largest image to that of the smallest, or 0.
func (s *Session) growth(row sizeRow) float64 {
	if len(s.sizes) < 2 {
		return 0
	}
	least := row.value(&s.Results, row.step, s.sizes[0].Label())
	if least == 0 {
		return 0
	}
	return row.value(&s.Results, row.step, s.sizes[len(s.sizes)-1].Label()) / least
}

// sizeTargets are those of all parts.
func (s *Session) sizeTargets() []target {
	var all []target
	for _, row := range imageRows() {
		if row.most > 0 {
			all = append(all, limited(row.what+", "+row.property, s.growth(row), "%.2f times", row.most))
		}
	}
	return append(append(all, s.fileTargets()...), s.chainTargets()...)
}

// limited is a target of at most so much. It is known if there is a number. form prints that, and the unit.
func limited(what string, v float64, form string, most float64) target {
	_, unit, _ := strings.Cut(form, " ")
	return target{fmt.Sprintf("%s: at most %g %s", what, most, unit), fmt.Sprintf(form, v), v <= most, v > 0}
}
