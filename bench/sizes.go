package main

import (
	"fmt"
	"slices"
	"strings"

	"hexz/bench/synthetic"
)

// What a version costs should follow what has changed, and not how large the whole is, or how many
// versions there are before it.

func sizeParts() []part {
	return []part{{"images", (*Session).images}, {"files", (*Session).quietFiles}, {"chain", (*Session).longChain}}
}

const sizesText = `# Versions at any size

Made by

    %s > bench/SIZES.md

on this machine:

%s
Every version was read and compared. Memory is the peak of a process. KB and MB are powers of 1000, KiB, MiB
and GiB of 1024. What is to be read is in the page cache.
`

// anySize prints the report: its parts, and how they compare with what is wanted.
func (s *Session) anySize(o *options) {
	e := s.environment()
	e.Versions = slices.DeleteFunc(e.Versions, func(v string) bool { return !strings.HasPrefix(v, "go ") })
	machine := e.machine()
	machine.add("runs", fmt.Sprintf("%d; medians of them", s.Rounds))
	head := fmt.Sprintf(sizesText, sizesCommand(o), machine)
	s.sizes = imageSizes(o)
	s.parts(head, sizeParts(), o.args)
	s.print("\n## Wanted and got\n\nOf images it is the value of the largest to that of the smallest.\n\n%s", targetTable(s.sizeTargets()))
}

// imageSizes are those that are asked for, or the usual ones.
func imageSizes(o *options) []synthetic.Size {
	asked := o.images
	if len(asked) == 0 {
		asked = words("8G 256G")
		if o.quick {
			asked = words("512M 4G")
		}
	}
	var sizes []synthetic.Size
	for _, text := range asked {
		var n synthetic.Size
		if err := n.Set(text); err != nil {
			check(usageError(fmt.Sprintf("the size %s: %v", text, err)))
		}
		const least = 2 * changedBlocks // so that there are some that do not change
		if n%synthetic.Block != 0 || n < least*synthetic.Block {
			check(usageError(fmt.Sprintf("the size %s is no multiple of %d, or less than %d of them", text, synthetic.Block, least)))
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// sizesCommand repeats the run. It leaves out where the inputs are.
func sizesCommand(o *options) string {
	argv := append([]string{"bench/run", o.command}, o.args...)
	if len(o.images) > 0 {
		argv = append(argv, "--images", strings.Join(o.images, ","))
	}
	if o.rounds > 0 {
		argv = append(argv, "--rounds", fmt.Sprint(o.rounds))
	}
	if o.quick {
		argv = append(argv, "--quick")
	}
	return strings.Join(argv, " ")
}

// overlaid is the command that makes a version of what has changed: all stages but the first can be left out.
func overlaid(h *pipeline, base, name string, changes ...string) Command {
	first := append([]string{"hexz-commit", "--base", h.archive(base)}, changes...)
	return Command{Stages: [][]string{first, {"hexz-compress"}, {"hexz-seal", "-o", h.archive(name)}}}
}

// stored notes in a sample how large an archive is, and how much of that are the chunks in it.
func stored(sample Sample, file string) {
	a := openArchive(file, 1)
	defer a.close()
	bytes, chunks := float64(sizeOf(file)), float64(a.Info().Totals.Stored)
	sample.Values[bytesValue], sample.Values[chunksValue], sample.Values[restValue] = bytes, chunks, bytes-chunks
}
