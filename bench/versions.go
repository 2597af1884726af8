package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// part is one of a subcommand: it prints a section of the report.
type part struct {
	name string
	run  func(*Session)
}

func versionParts() []part {
	return []part{
		{"pairs", (*Session).versionPairs}, {"chain", (*Session).chain}, {"qcow2", (*Session).overlays},
		{"scattered", (*Session).scattered}, {"remote", (*Session).remote},
	}
}

const versionsHead = `# Later versions

Made by ` + "`bench/run versions`" + `, %s on %d cores. Every archive was restored and compared. casync keeps
a store and an index; what it adds is both. Sizes in MB are powers of 1000.
`

// heading tells how often things were measured, and on how many cores.
func (s *Session) heading(form string) string {
	often := "one run"
	if s.Rounds > 1 {
		often = fmt.Sprintf("medians of %d runs of pairs and reads, one of all else,", s.Rounds)
	}
	return fmt.Sprintf(form, often, runtime.NumCPU())
}

// parts prints the head of a report, and the parts that are asked for; all, if none are.
func (s *Session) parts(head string, all []part, asked []string) {
	for _, name := range asked {
		if !slices.ContainsFunc(all, func(p part) bool { return p.name == name }) {
			check(usageError("there is no part " + name))
		}
	}
	s.print("%s", head)
	for _, p := range all {
		if len(asked) == 0 || slices.Contains(asked, p.name) {
			s.say("%s", p.name)
			p.run(s)
		}
	}
	check(s.failures()...)
}

// pairTable measures what second versions take, and prints a table.
func (s *Session) pairTable(kinds []Kind, withMemory bool, names ...string) {
	t := table{head: []string{"pair", "tool", "added, MB", "time, s"}, align: "ll"}
	if withMemory {
		t.head = append(t.head, "memory, MiB", "of all, MiB")
	}
	for pair := range slices.Chunk(names, 2) {
		paths := s.inputs(pair...)
		step := pair[0] + " -> " + pair[1]
		peers, _ := s.peers(kinds, s.Work)
		s.pairs(step, peers, Version{first, paths[0]}, Version{next, paths[1]})
		for i, p := range peers {
			cells := []string{step, p.Name, s.megabytes(step, p.Name), number(s.median(step, p.Name, wallValue), "%.2f")}
			if i > 0 {
				cells[0] = ""
			}
			if withMemory {
				_, largest, sum := s.peaks(step, p.Name)
				cells = append(cells, number(largest, "%.0f"), number(sum, "%.0f"))
			}
			t.add(cells...)
		}
	}
	s.print("%s", &t)
}

func (s *Session) versionPairs() {
	s.print("\n## A second version\n\n")
	s.pairTable(versionKinds(), false, "linux-a.tar", "linux-b.tar", "disk-a.img", "disk-b.img")
}

// archives opens an empty store of hexz.
func (s *Session) archives(name string) *pipeline {
	p := hexzKind(name, "", pipeline{}).open(s.Work)
	p.Fresh(&s.Runner)
	return p.Tool.(*pipeline)
}

// archived runs a command, and returns the seconds that it takes and the MB of the archive that it makes.
// What is restored of that is compared with the file.
func (s *Session) archived(h *pipeline, c Command, v Version) (took, size string) {
	m := s.Run(c)
	s.Compare(h.Restore(v, ""), v.File)
	return fmt.Sprintf("%.2f", m.Wall), fmt.Sprintf("%.1f", float64(sizeOf(h.archive(v.Name)))/mb)
}

// chain makes ten thin archives of an ext4 image that is worked on.
func (s *Session) chain() {
	h, flat := s.archives("chain"), s.archives("flat")
	defer h.remove()
	defer flat.remove()
	t := table{head: []string{"version", "thin archive, MB", "time, s", "restore"}, align: "lrrl"}
	image := h.beside("image")
	s.Do("cp", "--sparse=always", s.inputs("disk-a.img")[0], image)
	var versions []Version
	for i := range 11 {
		v := Version{fmt.Sprint("v", i), h.beside(fmt.Sprint("image-", i))}
		c := h.Pack(v)
		if i > 0 {
			c = h.Next(v, versions[i-1])
			s.mounted(image, h.beside("mnt"), "loop", func() { s.workOn(h.beside("mnt"), i) })
		}
		s.Do("cp", "--sparse=always", image, v.File)
		took, size := s.archived(h, c, v)
		t.add(fmt.Sprint(i), size, took, "equal")
		versions = append(versions, v)
	}
	for _, v := range versions {
		s.Compare(h.Restore(v, ""), v.File)
	}
	last := versions[10]
	took, size := s.archived(flat, Command{Stages: [][]string{{"hexz-unseal", "--flatten", h.archive(last.Name)},
		{"hexz-seal", "-o", flat.archive(last.Name)}}}, last)
	t.add("10, flattened", size, took, "equal")
	s.print("\n## A chain of ten\n\nFiles of an ext4 image are added, deleted, appended to and renamed.\n\n%s", &t)
	s.print("\n`hexz-inspect --chain v10.hxz`, without the parents of parents:\n\n```\n")
	tree := strings.ReplaceAll(s.Output(command("hexz-inspect", "--chain", h.archive(last.Name))), h.data("")+"/", "")
	for _, line := range lines(tree) {
		if !strings.HasPrefix(line, "│") {
			s.print("%s\n", line)
		}
	}
	s.print("```\n")
}

// workOn adds, deletes, appends to and renames files of a file system.
func (s *Session) workOn(root string, round int) {
	dir := filepath.Join(root, "new", fmt.Sprint(round))
	check(os.MkdirAll(dir, 0o777))
	s.Do("cp", "-r", s.goSources("net"), dir)
	check(os.RemoveAll(filepath.Join(root, "new", fmt.Sprint(round-3))))
	for _, name := range must(filepath.Glob(filepath.Join(root, "etc", "*.conf"))) {
		appendTo(name, fmt.Sprintf("# %d\n", round))
	}
	check(os.Rename(filepath.Join(dir, "net"), filepath.Join(dir, fmt.Sprint("renamed-", round))),
		os.WriteFile(filepath.Join(dir, "noise"), randomBytes(random("noise ", round), mib), 0o666))
}

// commit puts an overlay on a base.
func commit(h *pipeline, base, overlay, name string) Command {
	b := h.archive(base)
	return Command{Stages: [][]string{{"hexz-commit", "--base", b, overlay}, {"hexz-dedup", "--parent", b},
		{"hexz-compress"}, {"hexz-seal", "-o", h.archive(name)}}}
}

// overlays commits qcow2 files with random changes.
func (s *Session) overlays() {
	const count = 50
	size := int64(512 * mib)
	if s.quick {
		size = 64 * mib
	}
	h := s.archives("overlays")
	defer h.remove()
	base, thin := Version{"base", h.beside("base.raw")}, Version{"thin", h.beside("want.raw")}
	s.Do("cp", "--sparse=always", s.inputs("disk-a.img")[0], base.File)
	check(os.Truncate(base.File, size))
	s.Run(h.Pack(base))
	file, changes := h.beside("over.qcow2"), h.beside("changes")
	var sum int64
	for i := range count {
		check(os.WriteFile(changes, []byte(randomChanges(random("overlay ", i), size)), 0o666))
		s.Do("qemu-img", "create", "-q", "-f", "qcow2", "-b", base.File, "-F", "raw", file)
		s.Output(command("qemu-io", "-f", "qcow2", file).from(changes))
		s.Do("qemu-img", "convert", "-f", "qcow2", "-O", "raw", file, thin.File)
		s.archived(h, commit(h, base.Name, file, thin.Name), thin)
		sum += sizeOf(h.archive(thin.Name))
	}
	s.print("\n## Overlays\n\n%d overlays of a raw base of %d MiB, each with 20 writes, zero writes and discards at random\n"+
		"places: what was committed equals `qemu-img convert`, and takes %.1f MB on average.\n", count, size/mib, float64(sum)/count/mb)
}

// randomChanges returns commands for qemu-io: 20 changes of up to 100 KiB.
func randomChanges(rng *rand.Rand, size int64) string {
	const sector = 512
	var b strings.Builder
	for range 20 {
		n := (1 + rng.Int64N(200)) * sector
		at := rng.Int64N((size-n)/sector) * sector
		switch rng.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "write -z %d %d\n", at, n)
		case 1:
			fmt.Fprintf(&b, "discard %d %d\n", at, n)
		default:
			fmt.Fprintf(&b, "write -P %d %d %d\n", 1+rng.IntN(255), at, n)
		}
	}
	return b.String()
}

// scattered commits 1 MiB of changes all over an image.
func (s *Session) scattered() {
	h := s.archives("scattered")
	defer h.remove()
	base, thin, over := Version{"base", s.inputs("linux-a.tar")[0]}, Version{"thin", h.beside("want")}, h.beside("over")
	size := sizeOf(base.File)
	whole, _ := s.archived(h, h.Pack(base), base)
	check(os.WriteFile(over, nil, 0o666), os.Truncate(over, size))
	s.Do("cp", base.File, thin.File)
	for _, name := range []string{over, thin.File} { // the same changes of a file of holes and of a copy
		rng := random("scattered")
		scatter(name, 256, rng, func() (int64, int) { return rng.Int64N(size/block) * block, block })
	}
	took, added := s.archived(h, commit(h, base.Name, over, thin.Name), thin)
	m := s.Run(command("hexz-commit", "--base", h.archive(base.Name), over))
	s.print("\n## 1 MiB of scattered changes to linux-a.tar\n\nPacking all took %s s, committing %s s; the thin archive has %s MB.\n"+
		"hexz-commit read %.1f MB of base and overlay.\n", whole, took, added, float64(m.Read[0])/mb)
}

// remote tells what crosses the network when the base is on the near side and its index on the far.
func (s *Session) remote() {
	paths := s.inputs("linux-a.tar", "linux-b.tar")
	h := s.archives("remote")
	defer h.remove()
	base, v := Version{"base", paths[0]}, Version{next, paths[1]}
	list, crossing := h.beside("base.hxi"), h.beside("crossing")
	s.Run(h.Pack(base))
	s.Run(command("hexz-inspect", "--export-index", h.archive(base.Name)).to(list))
	s.Run(Command{Stages: [][]string{{"hexz-chunk", v.File}, {"hexz-dedup", "--parent", list}, {"hexz-compress"}}, Stdout: crossing})
	s.archived(h, command("hexz-seal", "--check-parents", h.data(""), "-o", h.archive(v.Name)).from(crossing), v)
	s.print("\n## The base here, its index there\n\nlinux-b.tar, with an index of linux-a.tar on the far side: %.1f MB in the pipe; the index has\n"+
		"%.1f MB.\n", float64(sizeOf(crossing))/mb, float64(sizeOf(list))/mb)
}
