package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"hexz/internal/patient"
)

// maxPassphrase is the greatest number of bytes that are read as a passphrase.
const maxPassphrase = 4 << 10

// PassphraseFlags say where a passphrase comes from: at most one of a file, a file descriptor and a
// command. Without any of them it is asked for on the terminal. A passphrase never comes from the
// command line or from standard input.
type PassphraseFlags struct {
	file    string
	fd      int
	command string
	known   []byte // the passphrase, after it was read
}

// AddFlags adds the flags to f.
func (p *PassphraseFlags) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&p.file, "passphrase-file", "", "read the passphrase, for all that needs one, from `FILE`, up to the end of its first line")
	p.fd = -1
	f.Var((*descriptor)(&p.fd), "passphrase-fd", "read the passphrase from file descriptor `N`, likewise")
	f.StringVar(&p.command, "passphrase-command", "", "read the passphrase from what the shell command `CMD` prints, likewise")
}

// descriptor is the number of an open file, or -1 for none.
type descriptor int

func (d *descriptor) String() string { return "" } // no default
func (d *descriptor) Type() string   { return "N" }

func (d *descriptor) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	*d = descriptor(n)
	return err
}

// Given reports whether one of the flags was used.
func (p *PassphraseFlags) Given() bool { return p.file != "" || p.fd >= 0 || p.command != "" }

// check returns a usage error for flags that do not go together.
func (p *PassphraseFlags) check() error {
	fd, isFD := fdPath(p.file)
	switch {
	case p.fd == 0, p.file == "-", isFD && fd == 0:
		return Usagef("a passphrase does not come from standard input, which is for data")
	case p.fd == 1 || p.fd == 2:
		return Usagef("--passphrase-fd %d is for output", p.fd)
	}
	return nil
}

// Get returns the passphrase: from the source that the flags name, or else from the terminal. The
// prompt there says what the passphrase is for. A new passphrase is asked for twice. A passphrase
// from the flags is read once, and is the same for all calls.
func (p *PassphraseFlags) Get(env *Env, what string, isNew bool) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !p.Given() {
		return env.ask(what, isNew)
	}
	if p.known != nil {
		return p.known, nil
	}
	text, err := p.read(env)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	p.known, err = firstLine(text)
	return p.known, err
}

// read returns the text that holds the passphrase.
func (p *PassphraseFlags) read(env *Env) ([]byte, error) {
	if p.command != "" {
		cmd := exec.CommandContext(env.Ctx, "sh", "-c", p.command)
		cmd.Stderr = env.Stderr
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("command: %w", err) // the command may contain a secret
		}
		return text, nil
	}
	f, err := p.open(env)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(patient.New(f), maxPassphrase+1))
}

// open opens the file or the descriptor that holds the passphrase.
func (p *PassphraseFlags) open(env *Env) (*os.File, error) {
	if p.file != "" {
		return env.Open(p.file)
	}
	return InheritedFile(env, p.fd, fmt.Sprintf("file descriptor %d", p.fd))
}

// handedOver is the source of a passphrase for another process.
type handedOver struct {
	flags []string
	file  *os.File // nil for none
}

// handOver returns the flags for a process that inherits the file, if there is one, as descriptor fd.
func (p *PassphraseFlags) handOver(env *Env, fd int) (handedOver, error) {
	switch {
	case p.command != "":
		return handedOver{flags: []string{"--passphrase-command", p.command}}, nil
	case !p.Given():
		return handedOver{}, nil
	}
	f, err := p.open(env)
	return handedOver{[]string{"--passphrase-fd", strconv.Itoa(fd)}, f}, err
}

// InheritedFile returns a file with which the process was started, as an input of that name.
func InheritedFile(env *Env, fd int, name string) (*os.File, error) {
	if !inherited(fd) {
		return nil, &os.PathError{Op: "open", Path: name, Err: unix.EBADF}
	}
	f, err := dupFile(fd, name)
	if err != nil {
		return nil, err
	}
	if err := env.Reads(name, f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// inherited reports whether the process was started with the file descriptor. Descriptors that it
// has opened itself are all closed on exec, and reading from one might wait for ever.
func inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}

// firstLine returns the passphrase in text.
func firstLine(text []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, errors.New("the passphrase is empty")
	case len(line) > maxPassphrase:
		return nil, fmt.Errorf("the passphrase is longer than %d bytes", maxPassphrase)
	}
	return line, nil
}

// ask reads a passphrase from the terminal of the process, which need not be standard input.
func (e *Env) ask(what string, isNew bool) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, WithHint(fmt.Errorf("passphrase for %s: there is no terminal to ask on", what),
			"give it by --passphrase-file, --passphrase-fd or --passphrase-command")
	}
	defer tty.Close()
	fd := int(tty.Fd())
	if state, err := term.GetState(fd); err == nil {
		defer e.OnSignal(func() { _ = term.Restore(fd, state) })()
	}
	e.console.pause(true) // the progress bar would wipe the prompt
	defer e.console.pause(false)
	enter := func(prompt string) ([]byte, error) {
		fmt.Fprintf(tty, "%s: ", oneLine(prompt))
		p, err := readHidden(tty)
		fmt.Fprintln(tty)
		return p, err
	}
	p, err := enter("passphrase for " + what)
	if err == nil && isNew && len(p) > 0 {
		var again []byte
		if again, err = enter("again"); err == nil && !bytes.Equal(p, again) {
			return nil, errors.New("the two passphrases differ")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("passphrase for %s: %w", what, err)
	}
	return firstLine(p)
}

// readLine reads up to the end of a line or of the input.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		switch n, err := r.Read(b); {
		case err == io.EOF && len(line) == 0:
			return nil, errors.New("none was given")
		case err == io.EOF, n == 1 && b[0] == '\n':
			return line, nil
		case err != nil:
			return nil, err
		}
		if line = append(line, b[0]); len(line) > maxPassphrase {
			return line, nil // the line is too long; firstLine says so
		}
	}
}
