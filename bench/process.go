package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// limit is how long a pipeline may take.
const limit = 15 * time.Minute

// Command is a pipeline: the argument lists of its stages. Without Stdin it reads nothing; without
// Stdout nobody reads what it writes.
type Command struct {
	Stages        [][]string
	Stdin, Stdout string   // names of files
	Env           []string // beside that of this process
}

func command(argv ...string) Command { return Command{Stages: [][]string{argv}} }

// None reports whether there is nothing to run: the tool has nothing of the kind.
func (c Command) None() bool { return len(c.Stages) == 0 }

// Measure is what a pipeline has taken: seconds of wall clock, seconds of CPU of all its processes,
// and for each stage the bytes of peak memory and the bytes that were read.
type Measure struct {
	Wall, CPU float64
	RSS, Read []int64
}

// Runner runs commands, until ctx is done.
type Runner struct {
	ctx   context.Context
	meter string // the program that every stage is run by
}

// Run runs a pipeline to its end. A stage that fails ends the work at hand.
func (r *Runner) Run(c Command) Measure { return must(r.Try(c)) }

// Try is Run for a pipeline that may fail.
func (r *Runner) Try(c Command) (Measure, error) {
	out := must(os.OpenFile(cmp.Or(c.Stdout, os.DevNull), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666))
	defer out.Close()
	return r.runTo(c, out)
}

func (r *Runner) runTo(c Command, out *os.File) (m Measure, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, limit)
	defer cancel()
	in := must(os.Open(cmp.Or(c.Stdin, os.DevNull)))
	var stages []*stage
	begin := time.Now()
	for i, argv := range c.Stages {
		from, to := (*os.File)(nil), out
		if i+1 < len(c.Stages) {
			from, to, err = os.Pipe()
			check(err)
		}
		stages = append(stages, r.start(ctx, argv, c.Env, in, to))
		in.Close()
		if to != out {
			to.Close()
		}
		in = from
	}
	for _, s := range stages {
		err = errors.Join(err, s.end(&m))
	}
	m.Wall = time.Since(begin).Seconds()
	return m, errors.Join(err, context.Cause(ctx))
}

// stage is a process that runs, by meter.
type stage struct {
	*exec.Cmd
	name    string
	stderr  bytes.Buffer
	report  *os.File
	started error
}

func (r *Runner) start(ctx context.Context, argv, env []string, in, out *os.File) *stage {
	report, to, err := os.Pipe()
	check(err)
	defer to.Close()
	s := &stage{Cmd: exec.CommandContext(ctx, r.meter, argv...), name: filepath.Base(argv[0]), report: report}
	s.Env = append(os.Environ(), env...)
	s.Stdin, s.Stdout, s.Stderr, s.ExtraFiles = in, out, &s.stderr, []*os.File{to}
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.Cancel = func() error { return syscall.Kill(-s.Process.Pid, syscall.SIGKILL) }
	s.WaitDelay = 5 * time.Second
	s.started = s.Start()
	return s
}

// end waits for the stage, and adds to m what it has taken.
func (s *stage) end(m *Measure) error {
	defer s.report.Close()
	if s.started != nil {
		return s.started
	}
	if err := s.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", s.name, err, tail(s.stderr.String()))
	}
	var cpu, rss, read int64
	if _, err := fmt.Fscan(s.report, &cpu, &rss, &read); err != nil {
		return fmt.Errorf("%s: what meter reports: %w", s.name, err)
	}
	m.CPU += float64(cpu) / 1e6
	m.RSS, m.Read = append(m.RSS, rss<<10), append(m.Read, read)
	return nil
}

// tail returns the end of what a program says.
func tail(said string) string {
	said = strings.TrimSpace(said)
	return said[max(0, len(said)-500):]
}

// Output runs one program that is not measured, and returns what it writes.
func (r *Runner) Output(c Command) string {
	cmd := exec.CommandContext(r.ctx, c.Stages[0][0], c.Stages[0][1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	if c.Stdin != "" {
		in := must(os.Open(c.Stdin))
		defer in.Close()
		cmd.Stdin = in
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		check(fmt.Errorf("%s: %w: %s", cmd.Args[0], err, tail(stderr.String())))
	}
	return string(out)
}

// Do runs one program that is not measured.
func (r *Runner) Do(argv ...string) { r.Output(command(argv...)) }

// Compare fails if what c writes is not the content of the file.
func (r *Runner) Compare(c Command, file string) {
	from, to, err := os.Pipe()
	check(err)
	done := make(chan error, 1)
	go func() {
		defer from.Close()
		done <- attempt(func() { compareTo(from, file) })
		io.Copy(io.Discard, from) // so that the writer goes on to its end
	}()
	_, err = r.runTo(c, to)
	to.Close()
	check(err, <-done)
}

// mounted mounts an image, and calls use with it.
func (r *Runner) mounted(image, dir, options string, use func()) {
	check(os.MkdirAll(dir, 0o755))
	r.Do("mount", "-o", options, image, dir)
	// An interrupt must not leave it mounted.
	after := Runner{ctx: context.WithoutCancel(r.ctx)}
	defer after.Do("umount", dir)
	use()
}
