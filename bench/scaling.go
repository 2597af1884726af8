package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	sizesStep   = "size of input"
	threadsStep = "threads"
	stagesStep  = "stages"
)

// largest is the most that hexz packs at once, in GiB.
const largest = 8

// scale measures threads, stages and large inputs.
func (s *Session) scale(a, b string) {
	for round := 1; round <= s.slow(); round++ {
		var peers []*Peer
		for n := 1; n <= 2; n++ {
			peers = append(peers, hexzKind(fmt.Sprintf("-T %d", n), "", pipeline{threads: n}).open(s.Work))
		}
		s.each(threadsStep, round, peers, func(p *Peer) { s.cold(threadsStep, round, p, a) })
		s.stages(round, a)
	}
	if !s.quick {
		s.largeInputs(a, b)
	}
}

// largeInputs packs large inputs once each, the largest first, as the file is cut to the next size.
func (s *Session) largeInputs(sources ...string) {
	dir := s.temp("sizes")
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "large")
	s.say("making %d GiB", largest)
	repeatFiles(file, largest*gib, sources...)
	for n := int64(largest); n >= 1; n /= 2 {
		check(os.Truncate(file, n*gib))
		p := hexzKind(fmt.Sprintf("%d GiB", n), "", pipeline{}).open(dir)
		s.each(sizesStep, 1, []*Peer{p}, func(p *Peer) { s.cold(sizesStep, 1, p, file) })
	}
}

// stages measures each stage alone, from a file to /dev/null. The first four make what the next one reads.
func (s *Session) stages(round int, source string) {
	s.say("round %d: %s", round, stagesStep)
	dir := s.temp("stages")
	defer os.RemoveAll(dir)
	in := source
	for i, name := range words("hexz-chunk hexz-dedup hexz-compress hexz-seal hexz-unseal hexz-cat hexz-verify") {
		warm(in)
		c := command(name, in)
		s.measure(stagesStep, name, round, c, sizeOf(source))
		if i < 4 {
			in = filepath.Join(dir, name)
			s.Run(c.to(in))
		}
	}
}
