package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// Environment is what was measured, on what.
type Environment struct {
	CPU      string     `json:"cpu"`
	Cores    int        `json:"cores"`
	Memory   int64      `json:"memory"` // bytes
	Kernel   string     `json:"kernel"`
	Commit   string     `json:"commit"`
	Versions []string   `json:"versions"` // each with the name of the program
	Rounds   string     `json:"rounds"`
	Inputs   string     `json:"inputs"`
	Tools    []ToolNote `json:"tools"`
	Missing  []string   `json:"missing"`
}

// ToolNote says how a tool was used.
type ToolNote struct {
	Name  string `json:"name"`
	How   string `json:"how"`
	Rival bool   `json:"rival,omitempty"` // it finds duplicates, as hexz does
}

// environment asks the machine, and the programs for their versions.
func (s *Session) environment() Environment {
	memory, _ := strconv.ParseInt(grep("/proc/meminfo", `MemTotal:\s*(\d+)`), 10, 64)
	e := Environment{
		CPU: cmp.Or(grep("/proc/cpuinfo", `model name\s*:\s*(.*)`), runtime.GOARCH), Cores: runtime.NumCPU(), Memory: memory * kib,
		Kernel: s.said("uname", "-r"), Commit: s.said("git", "-C", s.root, "describe", "--always", "--dirty"),
	}
	for _, asking := range []string{"zstd --version", "lz4 --version", "casync --version", "desync --version", "restic version",
		"borg --version", "qemu-img --version", "mksquashfs -version", "hexz --version", "go version"} {
		argv := words(asking)
		if _, err := exec.LookPath(argv[0]); err == nil {
			e.Versions = append(e.Versions, argv[0]+" "+versionIn(s.said(argv...)))
		}
	}
	return e
}

// grep returns what the group of a pattern matches in a file, or nothing.
func grep(file, pattern string) string {
	text, _ := os.ReadFile(file)
	if found := regexp.MustCompile(pattern).FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// said returns the first line that a program writes, or "?".
func (s *Session) said(argv ...string) string {
	out, _ := exec.CommandContext(s.ctx, argv[0], argv[1:]...).CombinedOutput()
	if all := lines(string(out)); len(all) > 0 {
		return strings.TrimSpace(all[0])
	}
	return "?"
}

var dotted, digits = regexp.MustCompile(`\d+(\.\d+)+[^\s,]*`), regexp.MustCompile(`\b\d+\b`)

// versionIn finds the number of a version in what a program says.
func versionIn(line string) string {
	for _, form := range []*regexp.Regexp{dotted, digits} {
		if found := form.FindString(line); found != "" {
			return found
		}
	}
	return line
}

const conditions = `In a round every tool runs in turn, and the next round begins with another tool. The
inputs are in the page cache, outputs go to the same file system, and what was written
is synced before the next tool starts. Times are medians, with the least and the most
in brackets. "to hexz" is the median of the ratios within each round: above 1.00 is
slower, or larger, than hexz. CPU is user and system time of all processes. Memory is
the peak of each process: of all stages together, and of the largest. ` + "`hexz-seal -o`" + `
syncs its output before it is done, as restic and borg do; zstd, lz4 and casync do not.
restic encrypts; it cannot do without. MB and GB are powers of 1000.`

// machine tells what was measured where.
func (e *Environment) machine() *table {
	machine := &table{head: []string{"", ""}, align: "ll"}
	machine.add("CPU", fmt.Sprintf("%s, %d cores", e.CPU, e.Cores))
	machine.add("memory", fmt.Sprintf("%.1f GiB", float64(e.Memory)/gib))
	machine.add("kernel", e.Kernel)
	machine.add("hexz", e.Commit)
	machine.add("versions", strings.Join(e.Versions, ", "))
	return machine
}

func (e *Environment) write(b *strings.Builder) {
	machine := e.machine()
	machine.add("rounds", e.Rounds)
	machine.add("inputs", e.Inputs)
	tools := table{head: []string{"tool", "how"}, align: "ll"}
	for _, t := range e.Tools {
		tools.add(t.Name, t.How)
	}
	b.WriteString("# Measurements\n\nMade by `bench/run`; the raw numbers are in [results.json](results.json).\n\n")
	b.WriteString(machine.String() + "\n" + conditions + "\n\n" + tools.String())
	if len(e.Missing) > 0 {
		fmt.Fprintf(b, "\nNot installed, and left out: %s.\n", strings.Join(e.Missing, ", "))
	}
}
