package main

import (
	"fmt"
	"strings"
)

// How many times what it is for the smallest image something may be for the largest, which has 32 times
// the size.
const (
	mostWork   = 1.5 // time and bytes of a version
	mostMemory = 2   // a garbage collector makes it vary
	mostReads  = 1.5
)

// What something may be for the largest image.
const (
	mostVersionSeconds = 3
	mostBesideMB       = 10 // bytes of a version beside the changed chunks
	mostVersionMiB     = 128
	mostDiffSeconds    = 1
	mostOpenReads      = 5
	mostOpenKB         = 400
	mostDedupMiB       = 256
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
		{changes, "s", changesStep, wall, "%.3f", 0},
		{changes, "memory, MiB", changesStep, memoryOf(0), "%.0f", mostMemory},
		{changes, "read, MB", changesStep, medianOf(readValue, mb), "%.2f", 0},
		{version, "s", versionStep, wall, "%.3f", mostWork},
		{version, "memory of hexz-commit, MiB", versionStep, memoryOf(0), "%.0f", mostMemory},
		{version, "memory of hexz-compress, MiB", versionStep, memoryOf(1), "%.0f", mostMemory},
		{version, "memory of hexz-seal, MiB", versionStep, memoryOf(2), "%.0f", mostMemory},
		{version, "archive, KB", versionStep, medianOf(bytesValue, kb), "%.1f", mostWork},
		{version, "of that, changed chunks, KB", versionStep, medianOf(chunksValue, kb), "%.1f", 0},
		{version, "of that, all else, KB", versionStep, medianOf(restValue, kb), "%.1f", 0},
		{diff, "s", diffStep, wall, "%.3f", 0},
		{diff, "memory, MiB", diffStep, memoryOf(0), "%.0f", 0},
		{diff, "read, MB", diffStep, medianOf(readValue, mb), "%.2f", 0},
		{cat, "s", catStep, wall, "%.3f", 0},
		{cat, "memory, MiB", catStep, memoryOf(0), "%.0f", 0},
		{cat, "read, MB", catStep, medianOf(readValue, mb), "%.3f", 0},
	}
	for _, open := range [][2]string{{"image", openBaseStep}, {"version, changed block", openNewStep}, {"version, other block", openOldStep}} {
		rows = append(rows, openRows(open[0], open[1])...)
	}
	return append(rows,
		sizeRow{again, "s", imageAgain, wall, "%.2f", 0},
		sizeRow{again, "memory of hexz-dedup, MiB", imageAgain, memoryOf(1), "%.0f", 0},
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
		{what, "µs for both", step, medianOf(microsValue, 1), "%.0f", 0},
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
	all = append(all, s.largestTargets()...)
	return append(append(all, s.fileTargets()...), s.chainTargets()...)
}

// largestTargets are those of the largest image.
func (s *Session) largestTargets() []target {
	if len(s.sizes) == 0 {
		return nil
	}
	largest := s.sizes[len(s.sizes)-1].Label()
	of := func(step, key string, unit float64) float64 { return s.median(step, largest, key) / unit }
	memory := func(step string, stage int) float64 { return memoryOf(stage)(&s.Results, step, largest) }
	return []target{
		limited("a version of the largest, s", of(versionStep, wallValue, 1), "%.2f s", mostVersionSeconds),
		limited("beside its changed chunks", of(versionStep, restValue, mb), "%.1f MB", mostBesideMB),
		limited("memory of hexz-commit", memory(versionStep, 0), "%.0f MiB", mostVersionMiB),
		limited("hexz-diff of the largest and its version", of(diffStep, wallValue, 1), "%.2f s", mostDiffSeconds),
		limited("reads to open the largest, and for a block", of(openBaseStep, openReadsValue, 1)+of(openBaseStep, readsValue, 1), "%.0f reads", mostOpenReads),
		limited("bytes of these", of(openBaseStep, openBytesValue, 1e3)+of(openBaseStep, readBytesValue, 1e3), "%.0f KB", mostOpenKB),
		limited("memory of hexz-dedup for the largest without a change", memory(imageAgain, 1), "%.0f MiB", mostDedupMiB),
	}
}

// limited is a target of at most so much. It is known if there is a number. form prints that, and the unit.
func limited(what string, v float64, form string, most float64) target {
	_, unit, _ := strings.Cut(form, " ")
	return target{fmt.Sprintf("%s: at most %g %s", what, most, unit), fmt.Sprintf(form, v), v <= most, v > 0}
}
