package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notify subscribes to the signals that end a stage and leave it time to clean up. One that the
// parent ignores, as nohup does with SIGHUP and a shell with SIGINT of background jobs, stays ignored.
func notify() chan os.Signal {
	sigs := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGXCPU} {
		if !signal.Ignored(s) {
			signal.Notify(sigs, s)
		}
	}
	return sigs
}

// readerGone makes a write to a pipe without a reader an error, where the Go runtime would end the
// process at once if it is standard output, and returns a channel for the end by SIGPIPE. It is nil
// if the parent ignores SIGPIPE: then the error is one as any other.
func readerGone() chan struct{} {
	if signal.Ignored(syscall.SIGPIPE) {
		return nil
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // what is not received is dropped
	return make(chan struct{}, 1)
}

// noReader reports whether err is that of a write to f, standard output, whose reader is gone.
func noReader(f *os.File, err error) bool {
	pe, ok := errors.AsType[*os.PathError](err)
	return ok && pe.Path == f.Name() && errors.Is(pe, syscall.EPIPE)
}

// OnSignal adds what is done when a signal ends the process, beside a Run that may hang. The
// function it returns takes it back.
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

// signalled does what OnSignal has added.
func (e *Env) signalled() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.atSignal {
		f()
	}
}

// WatchReader ends the process by SIGPIPE as soon as nobody reads standard output any more, where the
// system tells, though nothing is written. Env.Ctx is cancelled before.
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
