//go:build !linux

package cli

import (
	"os/signal"
	"syscall"
)

// setDefault gives s the action that the Go runtime has for it.
func setDefault(s syscall.Signal) { signal.Reset(s) }
