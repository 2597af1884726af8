package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// What becomes of the same data in several formats when the storage damages them: the first part of a
// file is packed by each tool, and copies of that are damaged at a place that is the same part of the
// whole for all tools. Then the tool's own check is asked, and what can be read is read in the best way
// that the tool has.

const sectorSize = 512 // right bytes are counted by these

// faultKind is a tool, and where in its store is data that can be damaged.
type faultKind struct {
	Kind
	data, version string // the directory; a command that tells the version
	check, read   string // what is done, for people
}

func faultKinds() []faultKind {
	return []faultKind{
		{Kind{Name: "zstd", Needs: "zstd", Open: newZstd}, "", "zstd --version", "`zstd -t`", "`zstd -dc`, up to the error"},
		{squashfsKind(), "", "mksquashfs -version", "`unsquashfs`", "`unsquashfs -ignore-errors`"},
		{borgKind("borg"), "data", "borg --version", "`borg check --verify-data`", "`borg check --repair`, `borg extract`"},
		{resticKind(), "data", "restic version", "`restic check --read-data`", "`restic restore`"},
		{hexzKind("hexz", "", pipeline{}), "", "hexz-cat --version", "`hexz-verify`", "`hexz-cat --keep-going`"},
	}
}

// fault damages a file of some size at an offset.
type fault struct {
	name   string
	damage func(f *os.File, at, size int64, rng *rand.Rand)
}

func allFaults() []fault {
	return []fault{
		{"one bit flipped", func(f *os.File, at, _ int64, rng *rand.Rand) {
			var b [1]byte
			must(f.ReadAt(b[:], at))
			b[0] ^= 1 << rng.IntN(8)
			must(f.WriteAt(b[:], at))
		}},
		{"4 KiB zeroed", func(f *os.File, at, size int64, _ *rand.Rand) {
			at = at / block * block
			must(f.WriteAt(make([]byte, min(block, size-at)), at))
		}},
		{"cut", func(f *os.File, at, _ int64, _ *rand.Rand) { check(f.Truncate(at)) }},
	}
}

// apply damages one of the files below a directory, at a place that is chosen from all their bytes.
func (t *fault) apply(dir string, rng *rand.Rand) {
	at := int64(rng.Float64() * float64(sizeOf(dir)))
	for _, name := range filesBelow(dir) {
		size := sizeOf(name)
		if at < size {
			f := must(os.OpenFile(name, os.O_RDWR, 0))
			defer f.Close()
			t.damage(f, at, size, rng)
			return
		}
		at -= size
	}
	check(errors.New("there is nothing to damage"))
}

// outcome is what the trials of one tool and one fault have given.
type outcome struct {
	noticed, silent       int
	shares, checks, reads []float64
}

func (o *outcome) cells() []string {
	n := len(o.shares)
	return []string{fmt.Sprintf("%d of %d", o.noticed, n), fmt.Sprint(o.silent),
		fmt.Sprintf("%.2f %%", 100*sum(o.shares)/float64(n)), fmt.Sprintf("%.2f %%", 100*percentile(o.shares, 0)),
		fmt.Sprintf("%.2f", median(o.checks)), fmt.Sprintf("%.2f", median(o.reads))}
}

// faults prints what each tool makes of each fault.
func (s *Session) faults(file string, size int64, trials, seed int) {
	v := Version{first, filepath.Join(s.Work, "in")}
	in := must(os.Create(v.File))
	copyTo(in, size, file)
	check(in.Close())
	s.print("seed %d, %d trials of each fault, %d bytes of %s, %s\n\n", seed, trials, sizeOf(v.File), filepath.Base(file), time.Now().Format(time.DateOnly))
	tools := table{head: []string{"tool", "stored, MB", "check", "reading"}, align: "lrll"}
	t := table{head: []string{"fault", "tool", "noticed by the check", "wrong with exit 0", "readable, mean", "least", "check, s", "reading, s"}, align: "ll"}
	outcomes := map[string]*outcome{}
	var present []faultKind
	for _, k := range faultKinds() {
		peers, _ := s.peers([]Kind{k.Kind}, s.Work)
		if len(peers) == 0 {
			continue
		}
		p := peers[0]
		s.fresh(p, v)
		stored := fmt.Sprintf("%.1f", float64(sizeOf(p.dir.data(k.data)))/mb)
		tools.add(k.Name+" "+versionIn(s.said(words(k.version)...)), stored, k.check, k.read)
		present = append(present, k)
		for _, f := range allFaults() {
			o := &outcome{}
			outcomes[f.name+k.Name] = o
			for n := range trials {
				s.trial(&k, p, v, &f, random(seed, f.name, n), o)
			}
			s.say("%s, %s: %q", k.Name, f.name, o.cells())
		}
	}
	for _, f := range allFaults() {
		for _, k := range present {
			t.add(append([]string{f.name, k.Name}, outcomes[f.name+k.Name].cells()...)...)
		}
	}
	s.print("%s\n%s", &tools, &t)
}

// trial damages a copy of what is stored, and asks the tool.
func (s *Session) trial(k *faultKind, packed *Peer, v Version, f *fault, rng *rand.Rand, o *outcome) {
	p := k.open(filepath.Join(s.Work, "trial"))
	target := s.restored()
	defer p.dir.remove()
	defer os.Remove(target)
	p.dir.Fresh(&s.Runner)
	s.Do("cp", "-r", packed.dir.data("")+"/.", p.dir.data(""))
	f.apply(p.dir.data(k.data), rng)
	checked, noticed := s.Try(p.Verify())
	salvage := p.Restore(v, target)
	if t, ok := p.Tool.(Salvager); ok {
		salvage = t.Salvage(v, target)
	}
	read, failed := s.Try(salvage)
	check(s.ctx.Err())
	share, same := rightBytes(target, v.File)
	if noticed != nil {
		o.noticed++
	}
	if failed == nil && !same {
		o.silent++
	}
	o.shares, o.checks, o.reads = append(o.shares, share), append(o.checks, checked.Wall), append(o.reads, read.Wall)
}

// rightBytes returns how many of the bytes of a file are what they should be, in whole sectors, as a part
// of all; and whether the file is the same. One that is not there has none.
func rightBytes(file, original string) (share float64, same bool) {
	want := must(os.ReadFile(original))
	got, err := os.ReadFile(file)
	if !os.IsNotExist(err) {
		check(err)
	}
	right := 0
	for at := 0; at < len(want); at += sectorSize {
		end := min(at+sectorSize, len(want))
		if end <= len(got) && string(got[at:end]) == string(want[at:end]) {
			right += end - at
		}
	}
	return float64(right) / float64(len(want)), right == len(want) && len(got) == len(want)
}
