package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"hexz/cmd/internal/unlock"
	"hexz/pkg/seal"
)

// unlockName is the program that opens keys. It is a process of its own so that neither private keys
// nor passphrases are in the memory of one that reads archives, and so that only one program links
// age and SSH.
const unlockName = "hexz-unlock"

// unlocker opens keys by hexz-unlock, which it starts when there is a key to be opened, and which runs
// up to the end of this process. It is safe for concurrent use.
type unlocker struct {
	env   *Env
	files []*os.File // identities
	pass  *PassphraseFlags

	mu      sync.Mutex
	cmd     *exec.Cmd // nil until started
	ask     *os.File
	answers *os.File
	err     error // what it failed with

	ended chan struct{} // closed when the program has ended
	exit  error         // after ended: how
}

// endPatience is how long a process that a signal ends waits for the program to end. It may have to
// turn on the echo of the terminal, which whoever comes next expects.
const endPatience = 10 * time.Second

// OpenKey implements seal.Opener.
func (u *unlocker) OpenKey(wrapped []byte) (seal.FileKey, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil && u.cmd == nil {
		u.err = u.start()
	}
	if u.err != nil {
		return seal.FileKey{}, u.err
	}
	u.env.console.pause(true) // the progress bar would wipe a prompt
	defer u.env.console.pause(false)
	key, err := unlock.Ask(u.ask, u.answers, wrapped)
	var refused *unlock.Error
	var noMatch *seal.NoMatchError
	switch {
	case err == nil, errors.As(err, &noMatch), errors.Is(err, seal.ErrFormat):
		return key, err
	case errors.As(err, &refused) && refused.Hint != "":
		return key, WithHint(err, refused.Hint)
	case errors.As(err, &refused):
		return key, err
	}
	u.err = u.end(err)
	return seal.FileKey{}, u.err
}

// start starts the program with pipes to it. It inherits the open files of identities from descriptor
// 3 on, and the file or descriptor of the passphrase after them.
func (u *unlocker) start() error {
	path, err := findUnlock()
	if err != nil {
		return WithHint(fmt.Errorf("%s, which opens encrypted archives, is not installed: it is neither beside %s nor in $PATH", unlockName, u.env.name),
			"install "+unlockName+", which is part of hexz")
	}
	cmd := exec.CommandContext(u.env.Ctx, path)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it sets the terminal back
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = u.files
	pass, err := u.pass.handOver(u.env, 3+len(u.files))
	if err != nil {
		return fmt.Errorf("passphrase: %w", err)
	}
	if pass.file != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, pass.file)
	}
	cmd.Args = append(cmd.Args, pass.flags...)
	cmd.Args = append(cmd.Args, "--")
	for _, f := range u.files {
		cmd.Args = append(cmd.Args, f.Name())
	}
	var p pipes
	theirAsk, ask := p.pipe()
	answers, theirAnswers := p.pipe()
	cmd.Stdin, cmd.Stdout = theirAsk, theirAnswers
	if err = p.err; err == nil {
		err = cmd.Start()
	}
	for _, f := range append(cmd.ExtraFiles, theirAsk, theirAnswers) {
		f.Close()
	}
	if err != nil {
		ask.Close()
		answers.Close()
		return err
	}
	u.cmd, u.ask, u.answers, u.ended = cmd, ask, answers, make(chan struct{})
	go func() {
		u.exit = cmd.Wait()
		close(u.ended)
	}()
	u.env.OnSignal(func() {
		select {
		case <-u.ended:
		case <-time.After(endPatience):
		}
	})
	return nil
}

// end waits for a program that did not answer, and returns why.
func (u *unlocker) end(err error) error {
	u.ask.Close()
	u.answers.Close()
	<-u.ended
	switch {
	case u.env.Ctx.Err() != nil:
		return context.Cause(u.env.Ctx)
	case u.exit != nil:
		return fmt.Errorf("%s: %w", u.cmd.Path, u.exit)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%s ended without an answer", u.cmd.Path)
	}
	return fmt.Errorf("%s: %w", u.cmd.Path, err)
}

// findUnlock returns the path of the program: beside this one, or in $PATH.
func findUnlock() (string, error) {
	if own, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(own), unlockName)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(unlockName)
}
