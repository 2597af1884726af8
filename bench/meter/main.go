// Command meter runs a command, and writes to file descriptor 3 what it has taken, with all of its
// descendants that were waited for: microseconds of CPU, KiB of peak memory of the largest process,
// and the bytes that the command itself has read.
//
// It is a program of its own because the kernel counts the memory of the process that starts
// another one as memory of that other, too: this one takes 2 MiB.
package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const report = 3

func main() {
	syscall.CloseOnExec(report)
	path, err := exec.LookPath(os.Args[1])
	if err != nil {
		fail(127, err)
	}
	pid, err := syscall.ForkExec(path, os.Args[1:], &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		fail(126, err)
	}
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	read := bytesRead(pid)
	var status syscall.WaitStatus
	var usage syscall.Rusage
	if _, err := syscall.Wait4(pid, &status, 0, &usage); err != nil {
		fail(126, err)
	}
	cpu := (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
	line := strconv.FormatInt(cpu, 10) + " " + strconv.FormatInt(usage.Maxrss, 10) + " " + read + "\n"
	if _, err := os.NewFile(report, "report").WriteString(line); err != nil {
		fail(126, err)
	}
	if status.Signaled() {
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
}

// bytesRead asks a process that has ended, and was not waited for yet.
func bytesRead(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
	if err != nil {
		return "0"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(line, "rchar: ")
}

func fail(code int, err error) {
	os.Stderr.WriteString("meter: " + err.Error() + "\n")
	os.Exit(code)
}
