package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"hexz/bench/synthetic"
	"hexz/pkg/stream"
)

const (
	changedBlocks = 1000 // of 4 KiB
	imageReads    = 50   // archives that are opened anew
)

// The steps in results; the tools are the sizes of images.
const (
	makingStep   = "bench-gen alone"
	sealingStep  = "packing an image"
	changesStep  = "hexz-commit alone"
	versionStep  = "version of scattered changes"
	diffStep     = "hexz-diff"
	catStep      = "hexz-cat of 4 KiB"
	openBaseStep = "opening an image"
	openNewStep  = "opening a version, for what has changed"
	openOldStep  = "opening a version, for what has not changed"
	imageAgain   = "image that has not changed"
)

// image is one that no file holds.
type image struct {
	*Session
	*pipeline
	name    string // of its size
	size    synthetic.Size
	offsets []int64 // of the blocks that change, in order
	overlay string  // a file of holes and of what these become
	ranges  string  // a file of where that is
}

const imagesText = `
## An image

Images of 64 KiB chunks, which no file holds: [bench-gen](bench-gen) makes them. %d random blocks of 4 KiB become
random bytes: a sparse file, and a map of them (--map). hexz-diff compares the image and the version. An archive
is opened, for one block, by ` + "`archive.NewReader`" + ` and ` + "`ReadAt`" + `, without anything in a cache; medians of %d
blocks.

%s`

func (s *Session) images() {
	for _, size := range s.sizes {
		s.image(size)
	}
	t := table{head: []string{""}, align: "l"}
	for _, size := range s.sizes {
		t.head = append(t.head, size.Label())
	}
	t.head = append(t.head, "ratio")
	for _, row := range imageRows() {
		cells := []string{row.what + ": " + row.property}
		for _, size := range s.sizes {
			cells = append(cells, number(row.value(&s.Results, row.step, size.Label()), row.form))
		}
		t.add(append(cells, number(s.growth(row), "%.2f"))...)
	}
	s.print(imagesText, changedBlocks, imageReads, &t)
}

// image measures one image.
func (s *Session) image(size synthetic.Size) {
	i := &image{Session: s, pipeline: s.archives("image"), name: size.Label(), size: size}
	defer i.remove()
	i.overlay, i.ranges = i.beside("overlay"), i.beside("map")
	s.say("%s: packing", i.name)
	gen := []string{"bench-gen", "--size", size.String()}
	s.measure(makingStep, i.name, 1, Command{Stages: [][]string{gen}}, int64(size))
	sample := s.measure(sealingStep, i.name, 1, Command{Stages: [][]string{gen, {"hexz-seal", "-o", i.archive(first)}}}, int64(size))
	stored(sample, i.archive(first))
	i.change()
	for round := 1; round <= s.Rounds; round++ {
		s.say("%s: round %d", i.name, round)
		warm(i.archive(first))
		i.version(round)
		i.compare(round)
		i.reads(round)
		i.again(round, gen)
	}
}

// change chooses the blocks, and writes what these become.
func (i *image) change() {
	rng := random("image ", i.size)
	chosen := map[int64]bool{}
	for len(chosen) < changedBlocks {
		chosen[rng.Int64N(int64(i.size)/block)*block] = true
	}
	i.offsets = slices.Sorted(maps.Keys(chosen))
	var ranges strings.Builder
	for _, at := range i.offsets {
		fmt.Fprintln(&ranges, at, block)
	}
	check(os.WriteFile(i.ranges, []byte(ranges.String()), 0o666), os.WriteFile(i.overlay, nil, 0o666), os.Truncate(i.overlay, int64(i.size)))
	n := 0
	scatter(i.overlay, changedBlocks, rng, func() (int64, int) {
		n++
		return i.offsets[n-1], block
	})
}

// version makes the version with the changes.
func (i *image) version(round int) {
	c := overlaid(i.pipeline, first, next, "--map", i.ranges, i.overlay)
	i.measure(changesStep, i.name, round, Command{Stages: c.Stages[:1]}, 0)
	stored(i.measure(versionStep, i.name, round, c, 0), i.archive(next))
}

// compare measures hexz-diff, whose exit code is 1, and holds what it finds against what has changed.
func (i *image) compare(round int) {
	const script = `"$@"; test $? -eq 1`
	report := i.beside("diff")
	c := command("sh", "-c", script, "sh", "hexz-diff", "--json", i.archive(first), i.archive(next)).to(report)
	i.measure(diffStep, i.name, round, c, 0)
	var found struct {
		Streams []struct {
			Ranges []struct{ Offset, Length int64 }
		}
	}
	check(json.Unmarshal(must(os.ReadFile(report)), &found))
	a := openArchive(i.archive(next), 1)
	defer a.close()
	var differ int64
	for _, r := range found.Streams[0].Ranges {
		differ += r.Length
	}
	if own := a.Info().Totals.Data.Bytes; differ != own {
		check(fmt.Errorf("hexz-diff finds %d bytes that differ, the version has %d of its own", differ, own))
	}
	i.changed(a)
}

// changed fails unless an archive has all that has changed.
func (i *image) changed(a *opened) {
	got, want := make([]byte, block), make([]byte, block)
	for _, at := range i.offsets {
		if must(a.first(got, at)); string(got) != string(i.becomes(want, at)) {
			check(fmt.Errorf("the changed block at offset %d differs", at))
		}
	}
}

// becomes puts into p what the block at an offset becomes.
func (i *image) becomes(p []byte, at int64) []byte {
	f := must(os.Open(i.overlay))
	defer f.Close()
	must(f.ReadAt(p, at))
	return p
}

// reads measures what one block takes when nothing is open.
func (i *image) reads(round int) {
	rng := random("reads ", i.size)
	var changed, others []int64
	for len(others) < imageReads {
		changed = append(changed, i.offsets[rng.IntN(changedBlocks)])
		at := rng.Int64N(int64(i.size)/block) * block
		if _, found := slices.BinarySearch(i.offsets, at); !found {
			others = append(others, at)
		}
	}
	anew := func(step, version string, offsets []int64, want func(p []byte, at int64)) {
		i.add(step, i.name, Sample{Round: round, Values: readAnew(i.archive(version), offsets, want)})
	}
	anew(openBaseStep, first, others, synthetic.Fill)
	anew(openNewStep, next, changed[:imageReads], func(p []byte, at int64) { i.becomes(p, at) })
	anew(openOldStep, next, others, synthetic.Fill)
	c := command("hexz-cat", "--offset", fmt.Sprint(others[0]), "--length", fmt.Sprint(block), i.archive(next))
	i.measure(catStep, i.name, round, c, 0)
}

// again packs the image once more, where it is known.
func (i *image) again(round int, gen []string) {
	file := i.archive(again)
	c := Command{Stages: [][]string{gen, {"hexz-dedup", "--parent", i.archive(first)}, {"hexz-seal", "-o", file}}}
	stored(i.measure(imageAgain, i.name, round, c, int64(i.size)), file)
	if root(file) != root(i.archive(first)) {
		check(fmt.Errorf("%s: the image that has not changed has another root", i.name))
	}
}

// root identifies the content of an archive.
func root(file string) stream.Hash {
	a := openArchive(file, 1)
	defer a.close()
	return a.Info().Root()
}
