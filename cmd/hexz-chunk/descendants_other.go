//go:build !linux

package main

import (
	"os"
	"syscall"
)

func adoptOrphans() {}

// killDescendants sends a signal to a command. On this system the children of the command are not
// known.
func killDescendants(p *os.Process, s syscall.Signal) (running bool) {
	return p != nil && p.Signal(s) == nil
}
