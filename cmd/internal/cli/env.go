package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"hexz/internal/patient"
)

// Env is the argument of Run: the standard streams, the shared flags, and the means to open inputs
// and outputs by the rules that all binaries share. Its methods are for one goroutine. Warnf,
// Verbosef and the writer Stderr are exceptions: any goroutine may use them.
type Env struct {
	// Ctx is cancelled by a signal that ends the process; context.Cause returns the signal. Run
	// then has one second to return.
	Ctx context.Context

	Stdin  *os.File
	Stdout *patient.File // for text; binary data goes through Output
	Stderr io.Writer     // wipes the progress bar while it prints

	Threads int // at least 1
	Quiet   bool
	Verbose bool

	name          string
	start         time.Time
	opts          options
	argsLenAtDash int
	console       *console
	stats         *Output
	stdinTaken    bool
	protection    protection
	toDevice      bool          // the output may be a block device
	gone          chan struct{} // takes one value when the reader of standard output has gone
	commands      commands      // of codecs

	// mu guards what is cleaned up after a signal, while a Run that hangs may still be running.
	mu       sync.Mutex
	outputs  []*Output
	dataOpen bool // Output was called successfully
	bar      *progress
	atSignal []func()
}

func newEnv(ctx context.Context, name string, stdin, stdout *os.File, stderr io.Writer) *Env {
	c := &console{w: stderr}
	return &Env{Ctx: ctx, Stdin: stdin, Stdout: patient.New(stdout), Stderr: c, Threads: 1, name: name, start: time.Now(), console: c, argsLenAtDash: -1}
}

// ArgsLenAtDash returns how many of the arguments stood before "--", or -1 without one.
func (e *Env) ArgsLenAtDash() int { return e.argsLenAtDash }

// Warnf prints one line on stderr, "NAME: warning: ...", unless --quiet.
func (e *Env) Warnf(format string, args ...any) {
	if !e.Quiet {
		e.say("warning: " + fmt.Sprintf(format, args...))
	}
}

// Warn prints a text as Warnf does.
func (e *Env) Warn(text string) { e.Warnf("%s", text) }

// hintsVariable is an environment variable. The value "0" has the effect of --no-hints.
const hintsVariable = "HEXZ_HINTS"

// hints reports whether hints are wanted.
func (e *Env) hints() bool { return !e.opts.noHints && os.Getenv(hintsVariable) != "0" }

// Advise prints a line "hint: ..." on stderr when nothing is wrong. The line is for a person: it is
// printed only if stderr is a terminal, and not with --quiet or --no-hints.
func (e *Env) Advise(text string) {
	if !e.Quiet && e.hints() && e.onTerminal() {
		_, _ = fmt.Fprintf(e.Stderr, "hint: %s\n", oneLine(text))
	}
}

// onTerminal reports whether messages go to a terminal.
func (e *Env) onTerminal() bool {
	f, ok := e.console.w.(*patient.File)
	return ok && isTerminal(f.File())
}

// Notef prints one line on stderr, "NAME: ...", unless --quiet.
func (e *Env) Notef(format string, args ...any) {
	if !e.Quiet {
		e.say(fmt.Sprintf(format, args...))
	}
}

// Errorf prints one line on stderr, "NAME: ...", for a binary that goes on after an error.
func (e *Env) Errorf(format string, args ...any) {
	e.say(fmt.Sprintf(format, args...))
}

// Verbosef prints one line on stderr, "NAME: ...", if --verbose.
func (e *Env) Verbosef(format string, args ...any) {
	if e.Verbose {
		e.say(fmt.Sprintf(format, args...))
	}
}

// say writes a line at once, so that lines of several goroutines and stages do not mix. It ignores
// errors: a closed stderr is no reason to stop.
func (e *Env) say(text string) {
	_, _ = fmt.Fprintf(e.Stderr, "%s: %s\n", e.name, oneLine(text))
}

// checkOutputs returns an error for what a Run that returned nil has overlooked: write errors of
// standard output, and files that are not committed.
func (e *Env) checkOutputs() error {
	for _, o := range e.outputs {
		if o == e.stats {
			continue
		}
		if err := o.check(); err != nil {
			return err
		}
	}
	return nil
}

// cleanup closes and removes all outputs that are not committed. Run must have returned.
func (e *Env) cleanup() {
	for _, o := range e.outputs {
		o.Cleanup()
	}
}

// removeTemps removes temporary files without closing them, so it may run concurrently with Run.
func (e *Env) removeTemps() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.outputs {
		if o.temp != nil {
			o.temp.remove()
		}
	}
}
