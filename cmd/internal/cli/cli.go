// Package cli is the frame that all hexz binaries share: flags, help, man page and shell
// completions from one definition; standard streams, -o and --stats; progress, signals, error
// messages and exit codes.
//
// A binary describes itself as a Command and hands it to Main:
//
//	func main() { cli.Main(command()) }
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"hexz/internal/patient"
)

// grace is the time that Run may take to return after a signal. Run may sit in a read of standard
// input that nothing interrupts, so Main does not wait for ever.
var grace = time.Second

// Command describes one binary.
type Command struct {
	Name    string // name of the binary, such as hexz-chunk
	Args    string // positional arguments as the usage line shows them
	Short   string // what it does, in one line without a full stop
	Long    string // more about it, plain text in lines of at most 80 columns
	Example string // command lines, indented by two spaces

	MinArgs int // fewer positional arguments are a usage error
	MaxArgs int // more are one too; negative: any number

	// Stream: the output is a stream of frames. If the binary fails before it has opened its
	// output, and the output is a pipe, it reports the failure there in an Abort frame.
	Stream bool

	Threads  bool // has -T/--threads
	Output   bool // has -o/--output
	Progress bool // has --progress
	Stats    bool // has --stats

	TempFiles bool // can need temporary files in $TMPDIR

	// Exit lists the meanings of the exit codes from 0 on, for the manual page, if they differ from
	// those that all binaries share.
	Exit []string

	// Flags adds the flags of this binary alone. May be nil.
	Flags func(f *pflag.FlagSet)

	// Rules are about the flags of this binary and the shared ones. They are checked before Run.
	Rules []Rule

	// Run does the work. Arguments after "--" are part of args, see Env.ArgsLenAtDash.
	Run func(env *Env, args []string) error
}

// gcPercent trades a little time for memory. The stages reuse their large buffers, so that the
// collector has little to do, and uncollected garbage would be most of their memory.
const gcPercent = 40

// Main runs c with the arguments and standard streams of the process, and ends the process: with
// an exit code, or by the signal that interrupted it, so that a shell sees what happened.
func Main(c *Command) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	batch()
	code, sig := run(c, os.Args[1:], os.Stdin, os.Stdout, patient.New(os.Stderr))
	if s, ok := sig.(syscall.Signal); ok {
		dieBy(s)
	}
	os.Exit(code)
}

// run is Main without the end of the process. The signal is nil unless one interrupted Run; then
// the code is 128 + its number.
func run(c *Command, args []string, stdin, stdout *os.File, stderr io.Writer) (int, os.Signal) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	env := newEnv(ctx, c.Name, stdin, stdout, stderr)
	defer env.commands.endAll()
	sigs := notify()
	defer signal.Stop(sigs)
	env.gone = readerGone()

	done := make(chan error, 1)
	go func() {
		// A panic in Run must not leave a temporary file either.
		defer env.removeTemps()
		done <- execute(c, env, args)
	}()

	select {
	case err := <-done:
		return env.finish(c, err, len(env.gone) > 0 || noReader(stdout, err))
	case <-env.gone:
		select {
		case err := <-done: // Run has failed, told the reader so, and only then the reader has ended
			return env.finish(c, err, true)
		case <-time.After(readerPatience):
		}
		cancel(syscall.EPIPE)
		return env.wait(done, sigs, syscall.SIGPIPE)
	case sig := <-sigs:
		cancel(fmt.Errorf("stopped by signal: %v", sig))
		return env.wait(done, sigs, sig.(syscall.Signal))
	}
}

// readerPatience is how long Run may take to return by itself after the reader of its output has
// ended.
const readerPatience = 100 * time.Millisecond

// finish ends a process whose Run has returned err. gone says that nobody reads standard output any
// more: then only a failure of another kind is reported.
func (e *Env) finish(c *Command, err error, gone bool) (int, os.Signal) {
	if e.gone != nil && gone && (err == nil || errors.Is(err, syscall.EPIPE)) {
		return e.stop(syscall.SIGPIPE)
	}
	e.progressDone(err != nil)
	if err == nil {
		err = e.checkOutputs()
	}
	err = e.protection.explain(err)
	e.abort(c, err)
	e.cleanup()
	return e.report(err), nil
}

// wait gives Run some time to return after s has cancelled Env.Ctx. A second signal ends that time.
func (e *Env) wait(done <-chan error, sigs <-chan os.Signal, s syscall.Signal) (int, os.Signal) {
	select {
	case <-done:
		e.cleanup()
	case <-time.After(grace):
	case <-sigs:
	}
	return e.stop(s)
}

// stop cleans up after a signal, while Run may still be running.
func (e *Env) stop(s syscall.Signal) (int, os.Signal) {
	e.removeTemps()
	e.signalled()
	e.progressDone(false)
	return 128 + int(s), s
}
