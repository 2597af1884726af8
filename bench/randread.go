package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const readsStep = "random reads"

// blockReader reads blocks of 4 KiB from a file of some format, and returns what that takes.
type blockReader struct {
	name, file string
	read       func(offsets []int64) map[string]float64
}

// randomReads reads the same blocks by each reader in turn.
func (s *Session) randomReads(step string, offsets []int64, readers []blockReader) {
	for round := 1; round <= s.Rounds; round++ {
		s.say("round %d: %s", round, step)
		for _, r := range readers {
			err := attempt(func() {
				warm(r.file)
				values := r.read(offsets)
				values[bytesValue] = float64(sizeOf(r.file))
				s.add(step, r.name, Sample{Round: round, Values: values})
			})
			check(s.ctx.Err())
			if err != nil {
				s.fail(step, r.name, err)
			}
		}
	}
}

// imageReads packs an image in several formats, and measures random reads of its data.
func (s *Session) imageReads(image string) {
	dir := s.temp("random")
	defer os.RemoveAll(dir)
	count := 2000
	if s.quick {
		count = 200
	}
	offsets := dataBlocks(image, count, random("blocks"))
	peers, _ := s.peers([]Kind{
		hexzKind("hexz", "", pipeline{}),
		{Name: "qcow2", Needs: "qemu-io", ToFile: true, Open: newQcow2},
		squashfsKind("-comp", "zstd"),
	}, dir)
	var readers []blockReader
	v := Version{first, image}
	s.each(readsStep, 1, peers, func(p *Peer) {
		s.fresh(p, v)
		s.same(p, v)
		readers = append(readers, s.imageReader(p, v))
	})
	s.randomReads(readsStep, offsets, readers)
}

func (s *Session) imageReader(p *Peer, v Version) blockReader {
	file := p.dir.data(v.Name)
	switch t := p.Tool.(type) {
	case *pipeline:
		return archiveReader(p.Name, t.archive(v.Name), v.File)
	case *qcow2:
		return blockReader{p.Name, file, func(offsets []int64) map[string]float64 { return s.readQcow2(file, offsets) }}
	}
	return blockReader{p.Name, file, func(offsets []int64) map[string]float64 { return s.readSquashfs(file, v.File, offsets) }}
}

// readQcow2 reads by one qemu-io.
func (s *Session) readQcow2(file string, offsets []int64) map[string]float64 {
	var commands strings.Builder
	for _, at := range offsets {
		fmt.Fprintf(&commands, "read %d %d\n", at, block)
	}
	name := filepath.Join(s.Work, "commands")
	check(os.WriteFile(name, []byte(commands.String()), 0o666))
	took := parseReads(s.Output(command("qemu-io", "-r", "-f", "qcow2", file).from(name)))
	if len(took) != len(offsets) {
		check(fmt.Errorf("qemu-io timed %d reads of %d", len(took), len(offsets)))
	}
	return readValues(took)
}

var opsPerSecond = regexp.MustCompile(`and ([\d.]+) ops/sec`)

// parseReads returns the microseconds of each read. qemu-io tells how many a second that would be.
func parseReads(said string) []float64 {
	var took []float64
	for _, found := range opsPerSecond.FindAllStringSubmatch(said, -1) {
		took = append(took, 1e6/must(strconv.ParseFloat(found[1], 64)))
	}
	return took
}

// readSquashfs mounts it anew, so that nothing decoded is left in the page cache.
func (s *Session) readSquashfs(file, image string, offsets []int64) (values map[string]float64) {
	dir := filepath.Join(s.Work, "mount")
	s.mounted(file, dir, "loop,ro", func() {
		f := must(os.Open(filepath.Join(dir, filepath.Base(image))))
		defer f.Close()
		values = timeReads(f.ReadAt, image, offsets, nil)
	})
	return values
}

func readValues(took []float64) map[string]float64 {
	return map[string]float64{medianValue: median(took), p99Value: percentile(took, 99)}
}
