package cli

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notify subscribes to the signals that end a stage. One that the parent ignores, as nohup does
// with SIGHUP and a shell with SIGINT of background jobs, stays ignored. SIGPIPE is left alone:
// a write to a closed standard output ends the process silently.
func notify() chan os.Signal {
	sigs := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(sigs, s)
		}
	}
	return sigs
}

// dieBy ends the process by the default action of s. It returns only if s is blocked.
func dieBy(s syscall.Signal) {
	signal.Reset(s)
	if syscall.Kill(os.Getpid(), s) == nil {
		time.Sleep(time.Second) // the signal may be delivered a little later
	}
}
