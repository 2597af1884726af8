package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What can be asked for, by --steps.
const (
	pack    = "pack"
	second  = "second"
	known   = "known"
	restore = "restore"
	verify  = "verify"
	reads   = "random"
	scaling = "scaling"
)

var packSteps = []string{pack, second, known, restore, verify, reads, scaling}

// The steps in results.
const (
	packTar     = "pack linux-a.tar"
	packDisk    = "pack disk-b.img"
	secondStep  = "second version"
	knownStep   = "known stream"
	restoreStep = "restore"
	storedStep  = "verify stored"
	checkStep   = "verify content"
)

// slow is in how many rounds slow tools take part.
func (s *Session) slow() int { return min(s.Rounds, 3) }

// packing measures all tools step by step, in rounds, each with the tools in turn, so that noise hits
// all alike.
type packing struct {
	*Session
	steps      []string
	a, b, disk Version
}

func (p *packing) wants(step string) bool { return slices.Contains(p.steps, step) }

func (p *packing) round(round int, peers []*Peer) {
	able := filter(peers, func(t *Peer) bool { return !t.Slow || round <= p.slow() })
	if p.wants(pack) {
		p.each(packDisk, round, able, func(t *Peer) { p.cold(packDisk, round, t, p.disk.File) })
	} else {
		peers = able
	}
	// What the other steps need is packed even if packing is not asked for.
	p.each(packTar, round, peers, func(t *Peer) {
		t.Fresh(&p.Runner)
		p.store(packTar, round, t, t.Pack(p.a), p.a)
	})
	able = filter(able, func(t *Peer) bool { return !p.failed(packTar, t.Name) })
	if p.wants(restore) {
		p.each(restoreStep, round, able, func(t *Peer) { p.restore(round, t) })
	}
	if p.wants(verify) {
		p.verify(storedStep, round, able, func(t *Peer) Command {
			if h, ok := t.Tool.(*pipeline); ok {
				return h.VerifyStored()
			}
			return Command{}
		})
		p.verify(checkStep, round, able, func(t *Peer) Command { return t.Verify() })
	}
	if p.wants(known) {
		p.next(knownStep, known, round, able, Version{again, p.a.File})
	}
	if p.wants(second) {
		p.next(secondStep, second, round, able, p.b)
	}
}

// next stores a version beside the first one.
func (p *packing) next(label, step string, round int, peers []*Peer, v Version) {
	peers = filter(peers, func(t *Peer) bool { return !t.skips(step) && !t.Next(v, p.a).None() })
	p.each(label, round, peers, func(t *Peer) { p.store(label, round, t, t.Next(v, p.a), v) })
}

// restore measures what restores to nowhere or, where that cannot be, to a file. hexz does both.
func (p *packing) restore(round int, t *Peer) {
	size, name := sizeOf(p.a.File), t.Name
	if !t.ToFile {
		p.same(t, p.a) // so that all is warm, and compared
		p.measure(restoreStep, name, round, t.Restore(p.a, ""), size)
		name += " -o FILE"
	}
	if t.ToFile || t.Name == "hexz" {
		p.measure(restoreStep, name, round, t.Restore(p.a, p.restored()), size)
		p.takeRestored(p.a)
	}
}

func (p *packing) verify(step string, round int, peers []*Peer, verification func(*Peer) Command) {
	peers = filter(peers, func(t *Peer) bool { return !t.skips(verify) && !verification(t).None() })
	p.each(step, round, peers, func(t *Peer) { p.measure(step, t.Name, round, verification(t), 0) })
}

func filter(peers []*Peer, keep func(*Peer) bool) []*Peer {
	return slices.DeleteFunc(slices.Clone(peers), func(p *Peer) bool { return !keep(p) })
}

// packAll measures the steps, and writes the report. If it is interrupted, it writes nothing.
func (s *Session) packAll(steps []string, out string) {
	paths := s.inputs("linux-a.tar", "linux-b.tar", "disk-b.img")
	peers, missing := s.peers(packKinds(), s.Work)
	r := Report{Environment: s.environment()}
	r.Environment.describe(s, peers, missing, paths)
	p := &packing{s, steps, Version{first, paths[0]}, Version{next, paths[1]}, Version{first, paths[2]}}
	if slices.ContainsFunc(steps, func(step string) bool { return step != reads && step != scaling }) {
		for round := 1; round <= s.Rounds; round++ {
			p.round(round, peers)
		}
	}
	for _, t := range peers {
		t.dir.remove()
	}
	if p.wants(reads) {
		s.imageReads(p.disk.File)
	}
	if p.wants(scaling) {
		s.scale(p.a.File, p.b.File)
	}
	r.Results = s.Results
	text := bytes.ReplaceAll(must(json.MarshalIndent(r, "", " ")), []byte(s.Work+"/"), nil)
	check(os.WriteFile(filepath.Join(out, resultsFile), append(text, '\n'), 0o666))
	writeReport(out)
	s.say("wrote %s", filepath.Join(out, reportFile))
	check(s.failures()...)
}

// failures returns an error for each tool that has failed at a step.
func (r *Results) failures() []error {
	var all []error
	for _, step := range r.Steps {
		for _, row := range step.Rows {
			if row.Error != "" {
				all = append(all, errors.New(row.Tool+": "+step.Name+": "+row.Error))
			}
		}
	}
	return all
}

// describe tells how often what was measured, of what.
func (e *Environment) describe(s *Session, peers []*Peer, missing, inputs []string) {
	var slow, sizes []string
	for _, p := range peers {
		e.Tools = append(e.Tools, ToolNote{p.Name, p.How, p.Dedup && p.Needs != "hexz-chunk"})
		if p.Slow {
			slow = append(slow, p.Name)
		}
	}
	for _, name := range inputs {
		sizes = append(sizes, fmt.Sprintf("%s %.0f MB", filepath.Base(name), float64(sizeOf(name))/mb))
	}
	e.Missing = missing
	e.Rounds = fmt.Sprintf("%d; of %s %d, but %d of packing linux-a.tar; %d of threads and stages, 1 of each size of input",
		s.Rounds, strings.Join(slow, ", "), s.slow(), s.Rounds, s.slow())
	e.Inputs = strings.Join(sizes, ", ")
	if s.quick {
		e.Inputs = "QUICK: " + e.Inputs
	}
}
