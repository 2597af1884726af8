package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func deltaParts() []part {
	return []part{
		{"pairs", (*Session).deltaPairs}, {"reads", (*Session).deltaReads}, {"days", (*Session).days}, {"memory", (*Session).memoryPair},
	}
}

const deltasHead = `# Deltas

Made by ` + "`bench/run deltas`" + `, %s on %d cores. Every archive was restored and compared. Sizes in MB are
powers of 1000; memory is the peak of the largest process and the sum of the peaks of all. hexz, restic and
borg sync what they write, zstd and casync do not; restic encrypts. zstd is level 3 with --long=31 and -T0,
and needs the whole of the version before. casync keeps a store and an index; what it adds is both.
`

func (s *Session) deltaPairs() {
	s.print("\n## A second version\n\n")
	s.pairTable(deltaKinds(), true, "linux-a.tar", "linux-b.tar", "disk-a.img", "disk-b.img")
}

func (s *Session) memoryPair() {
	s.print("\n## Memory of a virtual machine\n\n" +
		"Two dumps of 512 MiB, 30 s apart, of a machine with postgres, redis and nginx; between them it does the work on\n" +
		"files that is done in each of the ten days, and reads its libraries.\n\n")
	s.pairTable(deltaKinds(), true, "memory-a.img", "memory-b.img")
}

// deltaReads measures random reads of linux-b.tar, packed in several ways.
func (s *Session) deltaReads() {
	const step, count = "reads of linux-b.tar", 1000
	paths := s.inputs("linux-a.tar", "linux-b.tar")
	a, b, full := Version{first, paths[0]}, Version{next, paths[1]}, Version{"full", paths[1]}
	dir := s.temp("reads")
	defer os.RemoveAll(dir)
	var readers []blockReader
	for i, k := range deltaKinds()[:3] {
		p := k.open(dir)
		h := p.Tool.(*pipeline)
		s.fresh(p, a)
		if i == 0 {
			s.archived(h, h.Pack(full), full)
			readers = append(readers, archiveReader("full", h.archive(full.Name), b.File))
		}
		s.archived(h, h.Next(b, a), b)
		name := []string{"thin on linux-a.tar", "the same with hexz-delta", "the same with hexz-delta --self"}[i]
		readers = append(readers, archiveReader(name, h.archive(b.Name), b.File))
	}
	s.randomReads(step, dataBlocks(b.File, count, random("reads")), readers)
	t := table{head: []string{"archive", "stored, MB", "median, µs", "99 %, µs", "to the full one", "blocks"}, align: "lrrrrl"}
	for _, row := range s.rows(step) {
		t.add(row.Tool, s.megabytes(step, row.Tool), number(s.median(step, row.Tool, medianValue), "%.0f"),
			number(s.median(step, row.Tool, p99Value), "%.0f"), number(s.ratio(step, row.Tool, "full", medianValue), "%.2f"), "equal")
	}
	s.print("\n## Random reads of linux-b.tar\n\n%d blocks of 4 KiB at random offsets, --avg 64K, a cache of one segment; "+
		"each compared with the file.\n\n%s", count, &t)
}

const daysStep = "days"

const daysText = `
## Ten days of upgrades

An ext4 image of %.1f MB with Debian's root file system. Each day apt upgrades some packages to their
versions of the security archive, packages come and go, logs grow, lines come into configuration files,
2 %% of the rows of a table change, and a hundred places of a big file. Added bytes, MB:

%s`

// days stores an image of each of eleven days; they are the rounds.
func (s *Session) days() {
	dir := s.inputs("days")[0]
	all := deltaKinds()
	peers, _ := s.peers(append(all[:2:2], all[6:]...), s.Work)
	packages := map[string]int{}
	for _, line := range lines(string(must(os.ReadFile(filepath.Join(dir, "packages"))))) {
		packages[words(line)[0]]++
	}
	t := table{head: []string{"day", "packages"}}
	for _, p := range peers {
		t.head = append(t.head, p.Name)
		p.Fresh(&s.Runner)
		defer p.dir.remove()
	}
	row := func(head, packages string, cell func(added, took []float64) string) {
		cells := []string{head, packages}
		for _, p := range peers {
			cells = append(cells, cell(s.values(daysStep, p.Name, bytesValue), s.values(daysStep, p.Name, wallValue)))
		}
		t.add(cells...)
	}
	for day := range lastDay + 1 {
		s.say("day %d", day)
		for _, p := range peers {
			s.storeDay(dir, day, p)
		}
		name := fmt.Sprint(day)
		row(name, fmt.Sprint(packages[name]), func(added, _ []float64) string { return fmt.Sprintf("%.1f", added[day]/mb) })
	}
	row("1 to 10", "", func(added, _ []float64) string { return fmt.Sprintf("%.1f", sum(added[1:])/mb) })
	row("all", "", func(added, _ []float64) string { return fmt.Sprintf("%.1f", sum(added)/mb) })
	row("time in all, s", "", func(_, took []float64) string { return fmt.Sprintf("%.1f", sum(took)) })
	row("restored", "", func(_, _ []float64) string { return "all equal" })
	s.print(daysText, float64(sizeOf(dayImage(dir, 0)))/mb, &t)
}

// storeDay stores the image of a day beside that of the day before.
func (s *Session) storeDay(dir string, day int, p *Peer) {
	version := func(day int) Version { return Version{fmt.Sprint("day-", day), dayImage(dir, day)} }
	c := p.Pack(version(day))
	if day > 0 {
		c = p.Next(version(day), version(day-1))
	}
	s.store(daysStep, day, p, c, version(day))
}
