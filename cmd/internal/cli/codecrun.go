package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// run passes in to the command, and returns the output of the command: at most limit + 1 bytes, of
// which the last says that there were more. The command and all its children form a process group.
// The group is killed when the command has ended, when it prints too much, and when this process
// ends.
func (c *codecCommand) run(env *Env, in []byte, limit int) ([]byte, error) {
	cmd := exec.CommandContext(env.Ctx, "sh", "-c", c.line)
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	var out []byte
	p := pipes{cmd: cmd}
	p.to(&cmd.Stdin, in)
	p.from(&cmd.Stdout, func(r io.Reader) {
		out, _ = io.ReadAll(io.LimitReader(r, int64(limit)+1))
		if len(out) > limit {
			_ = killGroup(cmd.Process.Pid)
		}
	})
	p.from(&cmd.Stderr, func(r io.Reader) { _, _ = io.Copy(env.Stderr, r) })
	err := env.commands.run(&p)
	var exit *exec.ExitError
	switch {
	case env.Ctx.Err() != nil:
		return nil, context.Cause(env.Ctx)
	case len(out) > limit:
		return out, nil
	case errors.As(err, &exit) && exit.Exited():
		return nil, fmt.Errorf("%q ended with exit code %d", c.line, exit.ExitCode())
	case err != nil:
		return nil, fmt.Errorf("%q: %w", c.line, err)
	}
	return out, nil
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

// pipes are the pipes of a command. Wait does not wait for the ends of these pipes, unlike that of
// exec.Cmd alone: processes that the command leaves running may hold the pipes.
type pipes struct {
	cmd    *exec.Cmd
	err    error
	theirs []*os.File
	copies []func()
}

func (p *pipes) pipe() (r, w *os.File) {
	r, w, err := os.Pipe()
	p.err = errors.Join(p.err, err)
	return r, w
}

// to makes in the input of the command. The command need not read it.
func (p *pipes) to(end *io.Reader, in []byte) {
	r, w := p.pipe()
	*end = r
	p.theirs = append(p.theirs, r)
	p.copies = append(p.copies, func() {
		_, _ = w.Write(in)
		w.Close()
	})
}

// from reads what the command writes.
func (p *pipes) from(end *io.Writer, read func(io.Reader)) {
	r, w := p.pipe()
	*end = w
	p.theirs = append(p.theirs, w)
	p.copies = append(p.copies, func() {
		read(r)
		r.Close()
	})
}

// commands holds the process groups that are running.
type commands struct {
	mu     sync.Mutex
	groups map[int]bool
	ended  bool
}

var errEnded = errors.New("the process ends")

// run runs a command up to its end, and kills the processes that it leaves running.
func (c *commands) run(p *pipes) error {
	if p.err == nil {
		p.err = c.start(p.cmd)
	}
	for _, f := range p.theirs {
		f.Close()
	}
	var copies sync.WaitGroup
	for _, do := range p.copies {
		copies.Go(do)
	}
	err := p.err
	if err == nil {
		err = p.cmd.Wait()
		c.end(p.cmd.Process.Pid)
	}
	copies.Wait()
	return err
}

func (c *commands) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	err := cmd.Start()
	if err == nil {
		if c.groups == nil {
			c.groups = map[int]bool{}
		}
		c.groups[cmd.Process.Pid] = true
	}
	return err
}

func (c *commands) end(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.groups, pid)
	_ = killGroup(pid) // the group is mostly empty by now
}

// endAll kills all commands, and prevents new ones.
func (c *commands) endAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for pid := range c.groups {
		_ = killGroup(pid)
	}
}
