package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is published is what the numbers beside it give.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	check(os.Link(resultsFile, filepath.Join(dir, resultsFile)))
	if err := attempt(func() { writeReport(dir) }); err != nil {
		t.Fatal(err)
	}
	got, want := must(os.ReadFile(filepath.Join(dir, reportFile))), must(os.ReadFile(reportFile))
	if string(got) == string(want) {
		return
	}
	for i, line := range strings.Split(string(got), "\n") {
		if other := strings.Split(string(want), "\n"); i >= len(other) || line != other[i] {
			t.Fatalf("line %d is not that of %s; bench/run report writes it anew: %s", i+1, reportFile, line)
		}
	}
	t.Fatalf("%s has more lines", reportFile)
}

func TestTargets(t *testing.T) {
	var r Results
	wall := func(step, tool string, wall, bytes float64) {
		r.add(step, tool, Sample{Round: 1, Values: map[string]float64{wallValue: wall, bytesValue: bytes, inputValue: 3 * gb}})
	}
	wall(packTar, "hexz", 1, 10)
	wall(packTar, "zstd", 0.5, 9)
	wall(packTar, "borg", 1.2, 12)
	wall(packTar, "casync", 2, 10)
	wall(knownStep, "hexz", 2, 0)
	tools := []ToolNote{{Name: "hexz"}, {Name: "zstd"}, {Name: "borg", Rival: true}, {Name: "casync", Rival: true}}
	for text, want := range map[string]string{
		"pack linux-a.tar: at least 1.3 times as fast":   "1.20x as fast as borg | **not met** |",
		"pack linux-a.tar: smaller than":                 "1.00 is casync's size to hexz's | **not met** |",
		"pack linux-a.tar: at most 1.5 times the time":   "2.00x its time | **not met** |",
		"pack linux-a.tar: at most 1.2 times the size":   "1.11x its size | met |",
		"pack disk-b.img: at least 1.3 times as fast as": "not measured | – |",
		"known stream: at least 1.2 GB/s":                "1.50 GB/s | met |",
		"peak memory of the stages":                      "not measured | – |",
	} {
		_, line, found := strings.Cut(targetTable(targets(&r, tools)), "| "+text)
		line, _, _ = strings.Cut(line, "\n")
		if !found || !strings.HasSuffix(line, "| "+want) {
			t.Errorf("%s: %s", text, line)
		}
	}
}

func TestTable(t *testing.T) {
	tab := table{head: []string{"", "b", "c"}, align: "lrl"}
	tab.add("one", "x | y\n z", "3")
	tab.add("two")
	want := "| | b | c |\n| --- | ---: | --- |\n| one | x \\| y z | 3 |\n| two | | |\n"
	if got := tab.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for want, values := range map[string][]float64{"–": nil, "1.5": {1.5}, "2.0 (1.0–9.0)": {9, 1, 2}} {
		if got := spread(values, "%.1f"); got != want {
			t.Errorf("spread of %v: %s", values, got)
		}
	}
}

func TestVersionIn(t *testing.T) {
	for line, want := range map[string]string{
		"*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***": "1.5.4",
		"casync 2":                        "2",
		"go version go1.26.8 linux/amd64": "1.26.8",
		"restic 0.14.0 compiled with go1.19.8 on linux/amd64":    "0.14.0",
		"qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)": "7.2.22",
		"mksquashfs version 4.5.1 (2022/03/17)":                  "4.5.1",
		"unknown":                                                "unknown",
	} {
		if got := versionIn(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestParseReads(t *testing.T) {
	said := "read 4096/4096 bytes at offset 8192\n4 KiB, 1 ops; 00.00 sec (15.625 MiB/sec and 4000.0000 ops/sec)\n" +
		"read 4096/4096 bytes at offset 0\n4 KiB, 1 ops; 00.00 sec (7.8 MiB/sec and 2000 ops/sec)\n"
	if got := parseReads(said); len(got) != 2 || got[0] != 250 || got[1] != 500 {
		t.Errorf("%v", got)
	}
}
