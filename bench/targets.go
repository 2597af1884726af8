package main

import (
	"fmt"
	"slices"
)

// target is something that hexz is meant to reach.
type target struct {
	text, measured string
	met, known     bool
}

func targetTable(all []target) string {
	t := table{head: []string{"target", "measured", ""}, align: "lll"}
	for _, g := range all {
		switch {
		case !g.known:
			t.add(g.text, "not measured", "–")
		case g.met:
			t.add(g.text, g.measured, "met")
		default:
			t.add(g.text, g.measured, "**not met**")
		}
	}
	return t.String()
}

func targets(r *Results, tools []ToolNote) []target {
	var peers, small []string // that find duplicates
	for _, t := range tools {
		if t.Rival {
			peers = append(peers, t.Name)
		}
		if slices.Contains([]string{"casync", "desync", "borg"}, t.Name) {
			small = append(small, t.Name)
		}
	}
	var all []target
	for _, step := range []string{packTar, packDisk} {
		fast, fastest := r.worst(step, wallValue, peers)
		size, smallest := r.worst(step, bytesValue, small)
		time, bytes := r.ratio(step, "hexz", "zstd", wallValue), r.ratio(step, "hexz", "zstd", bytesValue)
		all = append(all,
			goal(step+": at least 1.3 times as fast as every dedup peer", fast, "x as fast as "+fastest, fast >= 1.3),
			goal(step+": smaller than casync, desync and borg (those that are there)", size, " is "+smallest+"'s size to hexz's", size > 1),
			goal(step+": at most 1.5 times the time of zstd -T0 -3", time, "x its time", time <= 1.5),
			goal(step+": at most 1.2 times the size of zstd -T0 -3", bytes, "x its size", bytes <= 1.2))
	}
	s2 := r.ratio(packTar, "hexz s2", "lz4", wallValue)
	fast, fastest := r.worst(secondStep, wallValue, peers)
	size, smallest := r.worst(secondStep, bytesValue, peers)
	restoring, segment := r.ratio(restoreStep, "zstd", "hexz", wallValue), r.toSegment()
	var rate float64
	if wall := r.median(knownStep, "hexz", wallValue); wall > 0 {
		rate = r.median(knownStep, "hexz", inputValue) / wall / gb
	}
	return append(all,
		goal(packTar+": hexz -c s2 not slower than lz4 -1", s2, "x its time", s2 <= 1),
		goal("second version: at least twice as fast as the fastest dedup peer", fast, "x as fast as "+fastest, fast >= 2),
		goal("second version: fewer added bytes than every dedup peer", size, " is what "+smallest+" adds to what hexz adds", size > 1),
		goal("known stream: at least 1.2 GB/s", rate, " GB/s", rate >= 1.2),
		goal("restore: hexz-cat at least 1.3 times as fast as zstd -dc", restoring, "x as fast", restoring >= 1.3),
		goal("random reads: median of 4 KiB at most 1.5 times the decoding of a segment", segment, "x its time", segment <= 1.5),
		r.smallStages())
}

// worst returns the smallest ratio of a peer to hexz, and the peer.
func (r *Results) worst(step, key string, peers []string) (ratio float64, who string) {
	for _, p := range peers {
		if v := r.ratio(step, p, "hexz", key); v > 0 && (who == "" || v < ratio) {
			ratio, who = v, p
		}
	}
	return ratio, who
}

// toSegment returns the median of the ratios of a read to the decoding of a segment.
func (r *Results) toSegment() float64 {
	var ratios []float64
	for _, s := range r.samples(readsStep, "hexz") {
		if whole := s.Values[segmentValue]; whole > 0 {
			ratios = append(ratios, s.Values[medianValue]/whole)
		}
	}
	return median(ratios)
}

// smallStages looks for the most that chunk, compress, cat, verify or unseal has taken in any run.
func (r *Results) smallStages() target {
	const limit = 64 // MiB
	var most float64
	var who string
	look := func(step, tool string, stage int, name string) {
		if stages, _, _ := r.peaks(step, tool); stage < len(stages) && stages[stage] > most {
			most, who = stages[stage], name
		}
	}
	for _, step := range []string{packTar, packDisk} {
		for _, tool := range []string{"hexz", "hexz s2", "hexz lz4"} {
			look(step, tool, 0, "hexz-chunk")
			look(step, tool, 2, "hexz-compress")
		}
	}
	look(restoreStep, "hexz", 0, "hexz-cat")
	look(storedStep, "hexz", 0, "hexz-verify")
	look(checkStep, "hexz", 0, "hexz-verify")
	look(stagesStep, "hexz-unseal", 0, "hexz-unseal")
	text := fmt.Sprintf("peak memory of the stages but dedup and seal below %d MiB", limit)
	return target{text, fmt.Sprintf("%.0f MiB (%s)", most, who), most < limit, most > 0}
}

// goal is a target that is known if there is a number.
func goal(text string, v float64, unit string, met bool) target {
	return target{text, fmt.Sprintf("%.2f%s", v, unit), met, v > 0}
}
