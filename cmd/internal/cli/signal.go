package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notify subscribes to the signals that end a stage and leave it time to clean up. A signal that
// the parent ignores stays ignored: nohup ignores SIGHUP, and a shell ignores SIGINT for background
// jobs.
func notify() chan os.Signal {
	sigs := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGXCPU} {
		if !signal.Ignored(s) {
			signal.Notify(sigs, s)
		}
	}
	return sigs
}

// readerGone makes a write to a pipe without a reader return an error. Without it the Go runtime
// would end the process at once if the pipe is standard output. It returns a channel for the end by
// SIGPIPE. The channel is nil if the parent ignores SIGPIPE: then the error is like any other.
func readerGone() chan struct{} {
	if signal.Ignored(syscall.SIGPIPE) {
		return nil
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nobody receives: dropped
	return make(chan struct{}, 1)
}

// noReader reports whether err comes from a write to f, standard output, whose reader is gone.
func noReader(f *os.File, err error) bool {
	pe, ok := errors.AsType[*os.PathError](err)
	return ok && pe.Path == f.Name() && errors.Is(pe, syscall.EPIPE)
}

// OnSignal adds a function to be called when a signal ends the process, perhaps concurrently with a
// Run that hangs. undo takes it back.
func (e *Env) OnSignal(f func()) (undo func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.atSignal)
	e.atSignal = append(e.atSignal, f)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.atSignal[n] = func() {}
	}
}

// signalled calls the functions that OnSignal has added.
func (e *Env) signalled() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.atSignal {
		f()
	}
}

// WatchReader ends the process by SIGPIPE as soon as nobody reads standard output any more, even
// though nothing is written. It works where the system reports that. Env.Ctx is cancelled before.
func (e *Env) WatchReader() {
	if e.gone == nil {
		return
	}
	go func() {
		if awaitNoReader(e.Stdout.File()) {
			select {
			case e.gone <- struct{}{}:
			default:
			}
		}
	}()
}

// dieBy ends the process by the default action of s. It returns only if s is blocked.
func dieBy(s syscall.Signal) {
	setDefault(s)
	if syscall.Kill(os.Getpid(), s) == nil {
		time.Sleep(time.Second) // the signal may be delivered a little later
	}
}
