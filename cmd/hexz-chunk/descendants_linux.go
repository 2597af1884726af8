package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of the processes that its children leave running, so
// that killDescendants finds them.
func adoptOrphans() {
	// Prctl fails before Linux 3.4: then such processes are not found.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// process holds the relevant fields of /proc/PID/stat.
type process struct{ pid, parent, session int }

// killDescendants sends a signal to all processes that this one has started, and reports whether
// there was any. It leaves daemons alone, such as those that ssh and gpg start: they have made a
// session of their own.
func killDescendants(_ *os.Process, s syscall.Signal) (running bool) {
	self, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	children := map[int][]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	for _, path := range paths {
		if p, ok := readProcess(path); ok {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	for next := []int{os.Getpid()}; len(next) > 0; {
		var found []int
		for _, parent := range next {
			for _, p := range children[parent] {
				if p.session == self {
					found = append(found, p.pid)
					running = unix.Kill(p.pid, s) == nil || running
				}
			}
		}
		next = found
	}
	return running
}

// readProcess reads the fields of a process from /proc. ok is false if the process has ended.
func readProcess(path string) (p process, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return p, false
	}
	p.pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	if err != nil {
		return p, false
	}
	// The name before the last ")" may contain any characters.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 4 { // state, parent, group, session
		return p, false
	}
	parent, err := strconv.Atoi(fields[1])
	session, err2 := strconv.Atoi(fields[3])
	p.parent, p.session = parent, session
	return p, err == nil && err2 == nil && fields[0] != "Z" && fields[0] != "X"
}
