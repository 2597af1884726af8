package main

import (
	"fmt"
	"os"
)

const (
	chainStep      = "versions of a chain" // the tools are their numbers
	chainReadsStep = "reads of a chain"
	chainOneStep   = "one read of a chain"
	chainReads     = 2000
	chainBlocks    = 20 // that change in each version
	mostLate       = 1.5
	mostSlower     = 1.5
	mostParents    = 5 // that are opened for one block: one for each level of the tree of 240 MB, and one more
)

// chainLength is how many versions there are after the first.
func (s *Session) chainLength() int {
	if s.quick {
		return 20
	}
	return 100
}

const chainText = `
## A chain

%d versions of the first %.0f MB of linux-a.tar. In each %d blocks of 4 KiB become random bytes; it is made of the
one before by ` + "`hexz-commit | hexz-compress | hexz-seal`" + `. Memory is that of hexz-commit.

%s
%d blocks of 4 KiB at random offsets, read by one archive.Reader; to open a parent is part of the read that
needs it. "To" is the ratio to the flattened archive with the same cache. Parents are those that were opened for
all of the reads. A reader that has nothing open has opened %.0f at most for a read, of %d reads.

%s
Version %d names %d parents.
`

// longChain measures a chain of versions, and reads of the last beside the same content in one archive.
func (s *Session) longChain() {
	h := s.archives("long")
	defer h.remove()
	base := s.cutTar(h)
	whole := h.beside("whole")
	s.Do("cp", base.File, whole)
	n := s.chainLength()
	t := table{head: []string{"version", "archive, KB", "beside chunks, KB", "s", "memory, MiB"}, align: "r"}
	for i := 1; i <= n; i++ {
		name := s.link(h, i, whole)
		if i <= 2 || i%10 == 0 && (i <= 20 || i%50 == 0) {
			stages, _, _ := s.peaks(chainStep, name)
			t.add(name, fmt.Sprintf("%.1f", s.median(chainStep, name, bytesValue)/1e3), fmt.Sprintf("%.1f", s.median(chainStep, name, restValue)/1e3),
				fmt.Sprintf("%.3f", s.median(chainStep, name, wallValue)), fmt.Sprintf("%.0f", stages[0]))
		}
	}
	last := Version{fmt.Sprint(n), whole}
	flat := Version{"flattened", whole}
	s.Compare(h.Restore(last, ""), whole)
	s.Run(Command{Stages: [][]string{{"hexz-unseal", "--flatten", h.archive(last.Name)}, {"hexz-seal", "-o", h.archive(flat.Name)}}})
	s.Compare(h.Restore(flat, ""), whole)
	s.readsOfChain(h, last, flat)
	a := openArchive(h.archive(last.Name), 1)
	defer a.close()
	s.print(chainText, n, float64(sizeOf(whole))/mb, chainBlocks, &t, chainReads, s.median(chainOneStep, last.Name, mostParentsValue), imageReads, s.chainTable(), n, len(a.Info().Parents))
}

// link makes version i of the one before.
func (s *Session) link(h *pipeline, i int, whole string) (name string) {
	name, before := fmt.Sprint(i), fmt.Sprint(i-1)
	if i == 1 {
		before = first
	}
	over := h.beside("over")
	defer os.Remove(over)
	s.overlay(over, whole, chainBlocks, "link ", i)
	stored(s.measure(chainStep, name, 1, overlaid(h, before, name, over), 0), h.archive(name))
	return name
}

// chainArchives are the archives that are read, each with a small and with the usual cache.
func (s *Session) chainArchives() (thin, flat [2]string) {
	for i, cache := range [2]string{"one segment", "20 MiB"} {
		thin[i] = fmt.Sprintf("version %d, a cache of %s", s.chainLength(), cache)
		flat[i] = "flattened, a cache of " + cache
	}
	return thin, flat
}

// readsOfChain measures random reads of the last version, and of the flattened archive.
func (s *Session) readsOfChain(h *pipeline, last, flat Version) {
	offsets := dataBlocks(last.File, chainReads, random("chain"))
	var readers []blockReader
	thins, flats := s.chainArchives()
	for i, cache := range [2]int64{1, 0} {
		readers = append(readers, cachingReader(thins[i], h.archive(last.Name), last.File, cache), cachingReader(flats[i], h.archive(flat.Name), last.File, cache))
	}
	s.randomReads(chainReadsStep, offsets, readers)
	f := must(os.Open(last.File))
	defer f.Close()
	values := readAnew(h.archive(last.Name), offsets[:imageReads], func(p []byte, at int64) { must(f.ReadAt(p, at)) })
	s.add(chainOneStep, last.Name, Sample{Round: 1, Values: values})
}

func (s *Session) chainTable() *table {
	t := &table{head: []string{"archive", "median, µs", "99 %, µs", "to", "parents"}, align: "l"}
	thins, flats := s.chainArchives()
	for i := range thins {
		for _, name := range []string{thins[i], flats[i]} {
			value := func(key string) string { return fmt.Sprintf("%.0f", s.median(chainReadsStep, name, key)) }
			t.add(name, value(medianValue), value(p99Value), number(s.ratio(chainReadsStep, name, flats[i], medianValue), "%.2f"), value(parentsValue))
		}
	}
	return t
}

// late is what the last tenth of the versions takes to what the first tenth does, or 0.
func (s *Session) late(key string) float64 {
	var all []float64
	for _, row := range s.rows(chainStep) {
		all = append(all, s.median(chainStep, row.Tool, key))
	}
	n := len(all) / 10
	if n == 0 {
		return 0
	}
	return median(all[len(all)-n:]) / median(all[:n])
}

func (s *Session) chainTargets() []target {
	all := []target{
		limited("chain, s, the last tenth of the versions to the first", s.late(wallValue), "%.2f times", mostLate),
		limited("chain, bytes beside chunks, likewise", s.late(restValue), "%.2f times", mostLate),
	}
	thins, flats := s.chainArchives()
	usual := len(thins) - 1 // the usual cache
	all = append(all, limited(fmt.Sprintf("chain, median read of %s, to the flattened archive", thins[usual]),
		s.ratio(chainReadsStep, thins[usual], flats[usual], medianValue), "%.2f times", mostSlower))
	return append(all, limited("chain, parents opened for one read", s.median(chainOneStep, fmt.Sprint(s.chainLength()), mostParentsValue), "%.0f parents", mostParents))
}
