package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	quietStep = "version without a change" // the tools are the inputs
	fewStep   = "three changed blocks"
	fewInput  = "part of linux-a.tar"
	cutBytes  = 240e6 // of linux-a.tar
	fewBlocks = 3
	mostQuiet = 2000 // bytes
	mostFew   = 200e3
)

func quietInputs() []string { return words("linux-a.tar disk-b.img") }

const quietText = `
## Files

A version without a change is made by ` + "`hexz-chunk | hexz-dedup --parent | hexz-compress | hexz-seal`" + `. One of the
first %.0f MB of linux-a.tar, in which %d blocks of 4 KiB have become random bytes, is made by hexz-commit.

%s`

// quietFiles measures versions in which nothing changes, or little.
func (s *Session) quietFiles() {
	t := table{head: []string{"version", "content, MB", "archive of all, MB", "version, bytes", "of that, chunks", "s", "memory of the stages, MiB"}, align: "l"}
	row := func(step, name, base string, size int64) {
		number := func(key string) string { return fmt.Sprintf("%.0f", s.median(step, name, key)) }
		t.add(name+", "+strings.TrimPrefix(step, "version "), megabytes(size), megabytes(sizeOf(base)), number(bytesValue), number(chunksValue),
			fmt.Sprintf("%.2f", s.median(step, name, wallValue)), s.stageMemory(step, name))
	}
	for _, name := range quietInputs() {
		h, file := s.archives("quiet"), s.inputs(name)[0]
		v := Version{again, file}
		// A hole that is allocated is one only as long as it is not in the page cache.
		warm(file)
		s.Run(h.Pack(Version{first, file}))
		for round := 1; round <= s.Rounds; round++ {
			warm(file)
			stored(s.measure(quietStep, name, round, h.Next(v, Version{Name: first}), sizeOf(file)), h.archive(again))
			s.Compare(h.Restore(v, ""), file)
		}
		row(quietStep, name, h.archive(first), sizeOf(file))
		h.remove()
	}
	h := s.archives("few")
	defer h.remove()
	base, over := s.cutTar(h), h.beside("over")
	want := Version{next, h.beside("want")}
	s.Do("cp", base.File, want.File)
	s.overlay(over, want.File, fewBlocks, "few")
	for round := 1; round <= s.Rounds; round++ {
		stored(s.measure(fewStep, fewInput, round, overlaid(h, base.Name, next, over), 0), h.archive(next))
		s.Compare(h.Restore(want, ""), want.File)
	}
	row(fewStep, fewInput, h.archive(base.Name), sizeOf(base.File))
	s.print(quietText, float64(sizeOf(base.File))/mb, fewBlocks, &t)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/mb) }

// cutTar packs the start of linux-a.tar.
func (s *Session) cutTar(h *pipeline) Version {
	v := Version{first, h.beside("base")}
	out := must(os.Create(v.File))
	defer out.Close()
	copyTo(out, cutBytes/block*block, s.inputs("linux-a.tar")[0])
	check(out.Close())
	s.Run(h.Pack(v))
	return v
}

// overlay writes random bytes to count blocks of a file: to a new file of holes, and to a copy of the whole.
func (s *Session) overlay(over, whole string, count int, seed ...any) {
	size := sizeOf(whole)
	check(os.WriteFile(over, nil, 0o666), os.Truncate(over, size))
	for _, name := range []string{over, whole} {
		rng := random(seed...)
		scatter(name, count, rng, func() (int64, int) { return rng.Int64N(size/block) * block, block })
	}
}

func (s *Session) fileTargets() []target {
	var all []target
	for _, name := range quietInputs() {
		all = append(all, limited(name+" without a change", s.median(quietStep, name, bytesValue), "%.0f bytes", mostQuiet))
	}
	return append(all, limited(fewInput+", "+fewStep, s.median(fewStep, fewInput, bytesValue)/1e3, "%.1f KB", mostFew/1e3))
}
