package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hexz/bench/synthetic"
)

// Session is what every subcommand works with.
type Session struct {
	Runner
	Results
	Work   string // a directory that is gone at the end
	Rounds int
	Out    io.Writer // the report

	root   string           // of the repository
	corpus string           // the directory of the inputs
	sizes  []synthetic.Size // of images
	quick  bool             // small inputs, to try the program
	only   []string         // names of tools; none: all
	begin  time.Time
}

// say tells on stderr what is going on, after the seconds since the start.
func (s *Session) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: %5.0f s: %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// print writes a part of the report.
func (s *Session) print(format string, args ...any) {
	must(fmt.Fprintf(s.Out, format, args...))
}

// temp makes a directory in Work.
func (s *Session) temp(name string) string {
	dir := filepath.Join(s.Work, name)
	check(os.MkdirAll(dir, 0o777))
	return dir
}

// each works with each of the peers, but for those that have failed at this step. They begin with another
// one in each round, so that none always follows the same one.
func (s *Session) each(step string, round int, peers []*Peer, work func(p *Peer)) {
	s.say("round %d: %s", round, step)
	for i := range peers {
		p := peers[(i+round-1)%len(peers)]
		if s.failed(step, p.Name) {
			continue
		}
		if err := attempt(func() { work(p) }); err != nil {
			check(s.ctx.Err())
			s.say("%s: %v", p.Name, err)
			s.fail(step, p.Name, err)
		}
	}
}

// measure runs a command, and adds what it takes to the results.
func (s *Session) measure(step, name string, round int, c Command, input int64) Sample {
	syscall.Sync() // what others wrote is not written back in this one's time
	m := s.Run(c)
	sample := Sample{round, map[string]float64{wallValue: m.Wall, cpuValue: m.CPU, readValue: float64(m.Read[0])}, m.RSS}
	if input > 0 {
		sample.Values[inputValue] = float64(input)
	}
	s.add(step, name, sample)
	return sample
}

// store measures a command that stores a version, with the bytes that it adds, and compares what is
// restored.
func (s *Session) store(step string, round int, p *Peer, c Command, v Version) {
	before := p.Size()
	warm(v.File)
	sample := s.measure(step, p.Name, round, c, sizeOf(v.File))
	sample.Values[bytesValue] = float64(p.Size() - before)
	s.same(p, v)
}

// fresh makes an empty store, and packs a version, which is not measured.
func (s *Session) fresh(p *Peer, v Version) {
	p.Fresh(&s.Runner)
	s.Run(p.Pack(v))
}

// same fails if what is restored of a version differs from its file.
func (s *Session) same(p *Peer, v Version) {
	if !p.ToFile {
		s.Compare(p.Restore(v, ""), v.File)
		return
	}
	s.Run(p.Restore(v, s.restored()))
	s.takeRestored(v)
}

// restored is where versions are restored to.
func (s *Session) restored() string { return filepath.Join(s.Work, "restored") }

// takeRestored compares what was restored with a version, and removes it.
func (s *Session) takeRestored(v Version) {
	f := must(os.Open(s.restored()))
	defer os.Remove(s.restored())
	defer f.Close()
	compareTo(f, v.File)
}

// cold stores a file in an empty store, which is gone afterwards.
func (s *Session) cold(step string, round int, p *Peer, file string) {
	defer p.dir.remove()
	p.Fresh(&s.Runner)
	v := Version{first, file}
	s.store(step, round, p, p.Pack(v), v)
}

// pairs measures what version b takes where a is stored.
func (s *Session) pairs(step string, peers []*Peer, a, b Version) {
	for round := 1; round <= s.Rounds; round++ {
		s.each(step, round, peers, func(p *Peer) {
			defer p.dir.remove()
			s.fresh(p, a)
			warm(a.File)
			s.store(step, round, p, p.Next(b, a), b)
		})
	}
}
