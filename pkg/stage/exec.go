package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// CommandSource packs the standard output of a command, which is started when it is first
// read. It ends well only if the command exits with 0. Close it to be sure that the command
// has ended: it gets a SIGTERM then, and also when ctx ends, and five seconds later a SIGKILL.
func CommandSource(ctx context.Context, name string, argv []string, stdin io.Reader, stderr io.Writer) Source {
	ctx, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stderr = stdin, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	c := &command{cmd: cmd, stop: stop}
	src := ReaderSource(name, c)
	src.close = c.close
	return src
}

// command reads what a command prints, and turns its failure into a read error.
type command struct {
	cmd  *exec.Cmd
	stop context.CancelFunc

	mu      sync.Mutex
	out     *os.File // nil until started
	err     error    // of the start
	waiting sync.Once
	exit    error
}

func (c *command) Read(p []byte) (int, error) {
	out, err := c.start()
	if err != nil {
		return 0, err
	}
	n, err := out.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if err := c.wait(); err != nil {
		return n, fmt.Errorf("%s: %w", c.cmd.Path, err)
	}
	return n, io.EOF
}

func (c *command) start() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil || c.err != nil {
		return c.out, c.err
	}
	// A pipe of our own rather than StdoutPipe, which Wait would close while it is read.
	r, w, err := os.Pipe()
	if err == nil {
		c.cmd.Stdout = w
		err = c.cmd.Start()
		w.Close()
	}
	c.out, c.err = r, err
	return r, err
}

func (c *command) wait() error {
	c.waiting.Do(func() { c.exit = c.cmd.Wait() })
	return c.exit
}

// close ends the command. A read that is under way fails.
func (c *command) close() {
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = errors.New("command was stopped")
		if c.out != nil {
			c.out.Close()
			c.wait()
		}
	}
}
