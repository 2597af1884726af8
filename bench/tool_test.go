package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func text(c Command) string {
	var stages []string
	for _, argv := range c.Stages {
		stages = append(stages, strings.Join(argv, " "))
	}
	return strings.Join(stages, " | ")
}

func TestHexzPipelines(t *testing.T) {
	a, b := Version{first, "a"}, Version{next, "b"}
	for _, c := range []struct{ got, want string }{
		{text((&pipeline{store: "d"}).Pack(a)), "hexz-chunk a | hexz-dedup | hexz-compress | hexz-seal -o d/data/first.hxz"},
		{text((&pipeline{store: "d", threads: 2, compress: words("-c s2")}).Pack(a)),
			"hexz-chunk -T 2 a | hexz-dedup | hexz-compress -T 2 -c s2 | hexz-seal -o d/data/first.hxz"},
		{text((&pipeline{store: "d", delta: words("--self"), chunk: words("--avg 64K")}).Next(b, a)),
			"hexz-chunk --avg 64K b | hexz-dedup --parent d/data/first.hxz | hexz-delta --parent-dir d/data --parent d/data/first.hxz --self" +
				" | hexz-compress | hexz-seal -o d/data/next.hxz"},
		{text((&pipeline{store: "d"}).Restore(a, "")), "hexz-cat d/data/first.hxz"},
		{text((&pipeline{store: "d", encrypt: true}).Restore(a, "out")), "hexz-cat -o out -i d/key d/data/first.hxz"},
		{text((&pipeline{store: "d"}).Salvage(a, "out")), "hexz-cat --keep-going -o out d/data/first.hxz"},
		{text((&pipeline{store: "d", encrypt: true}).Verify()), "hexz-verify -i d/key d/data/first.hxz"},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

func TestPatchNeedsItsBase(t *testing.T) {
	z := newPatchZstd("d")
	a, b := Version{first, "a"}, Version{next, "b"}
	z.Pack(a)
	z.Next(b, a)
	if got := text(z.Restore(b, "")); !strings.Contains(got, "--patch-from=a") {
		t.Error(got)
	}
	if got := text(z.Restore(a, "")); strings.Contains(got, "--patch-from") {
		t.Error(got)
	}
}

func TestDeltaKinds(t *testing.T) {
	var names []string
	for _, k := range deltaKinds() {
		names = append(names, k.Name)
	}
	want := []string{"hexz, --avg 64K", "hexz-delta, --avg 64K", "hexz-delta --self, --avg 64K", "hexz", "hexz-delta", "hexz-delta --self",
		"zstd --patch-from", "casync", "restic", "borg, lz4"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestEachTakesTurns(t *testing.T) {
	s := &Session{Runner: Runner{ctx: t.Context()}, begin: time.Now()}
	peers := []*Peer{{Kind: Kind{Name: "a"}}, {Kind: Kind{Name: "b"}}, {Kind: Kind{Name: "c"}}}
	var order string
	for round := 1; round <= 3; round++ {
		s.each("step", round, peers, func(p *Peer) {
			order += p.Name
			if p.Name == "b" {
				check(errors.New("broken"))
			}
		})
	}
	if order != "abc"+"ca"+"ca" {
		t.Errorf("order %s", order)
	}
}
