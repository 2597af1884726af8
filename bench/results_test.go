package main

import (
	"errors"
	"slices"
	"testing"
)

func TestMedianAndPercentile(t *testing.T) {
	for _, c := range []struct {
		values           []float64
		median, p99, all float64
	}{
		{nil, 0, 0, 0},
		{[]float64{3}, 3, 3, 3},
		{[]float64{4, 1}, 2.5, 1, 5},
		{[]float64{9, 1, 5}, 5, 5, 15},
	} {
		before := slices.Clone(c.values)
		if got := median(c.values); got != c.median {
			t.Errorf("median of %v is %v", c.values, got)
		}
		if got := percentile(c.values, 99); got != c.p99 {
			t.Errorf("99 %% of %v is %v", c.values, got)
		}
		if got := sum(c.values); got != c.all {
			t.Errorf("sum of %v is %v", c.values, got)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%v became %v", before, c.values)
		}
	}
	var hundred []float64
	for i := range 101 {
		hundred = append(hundred, float64(100-i))
	}
	if least, p99, most := percentile(hundred, 0), percentile(hundred, 99), percentile(hundred, 100); least != 0 || p99 != 99 || most != 100 {
		t.Errorf("percentiles 0, 99 and 100: %v %v %v", least, p99, most)
	}
}

func addWall(r *Results, tool string, round int, wall float64) {
	r.add("step", tool, Sample{Round: round, Values: map[string]float64{wallValue: wall}})
}

func TestRatioIsWithinRounds(t *testing.T) {
	var r Results
	for round, wall := range []float64{1, 2, 10} {
		addWall(&r, "hexz", round, wall)
		addWall(&r, "other", round, 3*wall)
	}
	addWall(&r, "other", 7, 1000) // a round that hexz was not in
	if got := r.ratio("step", "other", "hexz", wallValue); got != 3 {
		t.Errorf("ratio %v", got)
	}
	if got := r.ratio("step", "nobody", "hexz", wallValue); got != 0 {
		t.Errorf("ratio without numbers %v", got)
	}
	if got := r.ratio("step", "other", "hexz", bytesValue); got != 0 {
		t.Errorf("ratio of what was not measured %v", got)
	}
}

func TestFailedToolHasNoNumbers(t *testing.T) {
	var r Results
	addWall(&r, "hexz", 1, 1)
	addWall(&r, "other", 1, 1)
	r.fail("step", "other", errors.New("broken | pipe"))
	r.fail("step", "other", errors.New("later"))
	if r.failed("step", "hexz") || !r.failed("step", "other") {
		t.Error("the wrong tool has failed")
	}
	if got := r.median("step", "other", wallValue); got != 0 {
		t.Errorf("median %v", got)
	}
	if got := r.failures(); len(got) != 1 || got[0].Error() != "other: step: broken | pipe" {
		t.Errorf("failures %v", got)
	}
	columns := []column{{"wall, s", ofValue(wallValue, "%.2f")}, {"to hexz", ofRatio(wallValue)}}
	want := "| | wall, s | to hexz |\n| --- | ---: | ---: |\n| hexz | 1.00 | 1.00 |\n| other | failed: broken \\| pipe | |\n"
	if got := r.table("step", columns); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestPeaks(t *testing.T) {
	var r Results
	r.add("step", "hexz", Sample{Round: 1, RSS: []int64{10 * mib, 1 * mib}})
	r.add("step", "hexz", Sample{Round: 2, RSS: []int64{4 * mib, 5 * mib}})
	stages, largest, sum := r.peaks("step", "hexz")
	if !slices.Equal(stages, []float64{10, 5}) || largest != 10 || sum != 11 {
		t.Errorf("%v %v %v", stages, largest, sum)
	}
	if got := r.memory("step", "hexz"); got != "11; 10" {
		t.Errorf("memory %q", got)
	}
	if got := r.stageMemory("step", "hexz"); got != "10 / 5" {
		t.Errorf("memory of stages %q", got)
	}
	if got := r.memory("step", "nobody"); got != "–" {
		t.Errorf("memory of nobody %q", got)
	}
}
