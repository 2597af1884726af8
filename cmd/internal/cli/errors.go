package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"hexz/pkg/codec"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// Exit codes of all binaries.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitCorrupt  = 3
	exitUpstream = 4
	exitUnsigned = 5
	exitCodec    = 6
)

// exitStatus has the meanings of the exit codes from 0 on, for the manual page.
func (c *Command) exitStatus() []string {
	if c.Exit != nil {
		return c.Exit
	}
	return []string{
		exitOK:       "done",
		exitFailed:   "failed",
		exitUsage:    "wrong usage",
		exitCorrupt:  "damaged or invalid input",
		exitUpstream: "an upstream stage failed, or its stream was cut short",
		exitUnsigned: "no signature by a key of --signed-by, or one of another archive",
		exitCodec:    "a codec is needed that hexz does not have",
	}
}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
func (e *usageError) ExitCode() int { return exitUsage }

// Usagef returns an error that ends the process with exit code 2. It hints at --help unless it is
// given another hint. The format may have %w.
func Usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// WithHint returns err with a line that tells the user what to do about it. If there are several
// hints, the outermost is printed. WithHint returns nil if err is nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintError{err, hint}
}

// HintOf returns the hint that WithHint has given err, or "".
func HintOf(err error) string {
	if hinted, ok := errors.AsType[*hintError](err); ok {
		return hinted.hint
	}
	return ""
}

// Reported returns an error that has the exit code of err, and of which only the hint is printed:
// the binary has printed the rest. It returns nil if err is nil.
func Reported(err error) error {
	if err == nil {
		return nil
	}
	return reported{err}
}

type reported struct{ error }

func (reported) Error() string   { return "" }
func (r reported) Unwrap() error { return r.error }

// exitCode maps an error of Run to the exit code of the process.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	var own interface{ ExitCode() int }
	if errors.As(err, &own) {
		// ExitError has the same method, but the exit code of a child says nothing about ours.
		if _, child := own.(*exec.ExitError); !child {
			return own.ExitCode()
		}
	}
	switch {
	case errors.Is(err, stream.ErrCorrupt): // also if a file is cut short, see Packed
		return exitCorrupt
	case errors.As(err, new(*codec.UnknownError)):
		return exitCodec
	case errors.Is(err, stream.ErrAborted), errors.Is(err, stream.ErrTruncated):
		return exitUpstream
	case errors.Is(err, index.ErrUnsigned):
		return exitUnsigned
	}
	return exitFailed
}

// report prints err and its hint, and returns the exit code. It prints nothing for an error without
// text, such as one that only has an exit code, and for one that another stage has printed.
func (e *Env) report(err error) int {
	if err == nil {
		return exitOK
	}
	text := ""
	if e.printed(err) && !e.Verbose {
		return exitCode(err)
	}
	if err.Error() != "" {
		text = fmt.Sprintf("%s: %s\n", e.name, oneLine(err.Error()))
	}
	if hint := e.hint(err); hint != "" {
		text += fmt.Sprintf("hint: %s\n", oneLine(hint))
	}
	// If standard error fails, no place is left to report it.
	_, _ = e.Stderr.Write([]byte(text))
	return exitCode(err)
}

func (e *Env) hint(err error) string {
	var hinted *hintError
	var usage *usageError
	var unknown *codec.UnknownError
	switch {
	case !e.hints():
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &usage):
		return "see " + e.name + " --help"
	case errors.As(err, &unknown):
		return fmt.Sprintf("name a command that decodes it: --codec-command %s='COMMAND'", unknown.Name)
	}
	return ""
}

// oneLine returns s in one line that is safe to print on a terminal: white space becomes a
// space; control characters, invisible ones and invalid UTF-8 become \xNN.
func oneLine(s string) string {
	var b strings.Builder
	for s = strings.TrimSpace(s); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError && n == 1, !unicode.IsGraphic(r):
			for i := range n {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// plain returns the text of a flag error without names of Go functions.
func plain(err error) string {
	text := err.Error()
	if number, ok := errors.AsType[*strconv.NumError](err); ok {
		text = strings.Replace(text, number.Error(), number.Err.Error(), 1)
	}
	return text
}
