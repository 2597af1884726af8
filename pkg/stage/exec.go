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

// killDelay is the time between the SIGTERM and the SIGKILL for a command.
const killDelay = 5 * time.Second

// Kill sends a signal to a command and to all processes that it has started. It reports whether any
// of them still ran. Signal 0 only asks.
type Kill func(p *os.Process, s syscall.Signal) (running bool)

// CommandSource packs the standard output of a command. The first read starts the command, which
// must exit with 0. If the command fails, if ctx ends, or if the source is closed while the command
// runs, kill gets a SIGTERM to send, and five seconds later a SIGKILL. Without kill these signals
// go to the command alone.
func CommandSource(ctx context.Context, name string, argv []string, stdin io.Reader, stderr io.Writer, kill Kill) Source {
	c := &command{ctx: ctx, cmd: exec.Command(argv[0], argv[1:]...), kill: kill, done: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stderr = stdin, stderr
	if kill == nil {
		c.kill = c.killAlone
	}
	src := ReaderSource(name, c)
	src.close = c.close
	return src
}

// command reads what a command prints, and turns its failure into a read error.
type command struct {
	ctx  context.Context
	cmd  *exec.Cmd
	kill Kill

	mu     sync.Mutex
	out    *os.File // nil until started
	err    error    // of the start
	ending sync.Once
	done   chan struct{} // closed once the command has ended
	exit   error         // how it ended, once done is closed
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
	<-c.done
	if err := context.Cause(c.ctx); err != nil {
		return n, err
	}
	if c.exit != nil {
		return n, fmt.Errorf("%s: %w", c.cmd.Path, c.exit)
	}
	return n, io.EOF
}

func (c *command) start() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil || c.err != nil {
		return c.out, c.err
	}
	// A pipe of our own: Wait would close a StdoutPipe while it is read.
	r, w, err := os.Pipe()
	if err == nil {
		c.cmd.Stdout = w
		err = c.cmd.Start()
		w.Close()
	}
	if c.out, c.err = r, err; err == nil {
		go c.wait()
		context.AfterFunc(c.ctx, c.end)
	}
	return r, err
}

// wait waits for the command. Processes that a failed command has left running would keep the pipe
// open.
func (c *command) wait() {
	if c.exit = c.cmd.Wait(); c.exit != nil {
		c.end()
	}
	close(c.done)
}

// end ends the command and all that it has started.
func (c *command) end() {
	c.ending.Do(func() {
		running := c.kill(c.cmd.Process, syscall.SIGTERM)
		for stop := time.Now().Add(killDelay); running && time.Now().Before(stop); running = c.kill(c.cmd.Process, 0) {
			time.Sleep(10 * time.Millisecond)
		}
		// Until no process is left: one may have been started meanwhile.
		for stop := time.Now().Add(time.Second); running && time.Now().Before(stop); running = c.kill(c.cmd.Process, syscall.SIGKILL) {
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func (c *command) killAlone(p *os.Process, s syscall.Signal) bool { return p.Signal(s) == nil }

// close ends the command, if it runs. A read that is under way fails.
func (c *command) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.err = errors.New("command was stopped"); c.out == nil {
		return
	}
	select {
	case <-c.done:
	default:
		c.end()
	}
	c.out.Close()
	<-c.done
}
