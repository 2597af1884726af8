package cli

import (
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setDefault gives s the default action of the kernel. The action of the Go runtime is different:
// it prints a trace at SIGQUIT, and drops SIGPIPE and SIGXCPU.
func setDefault(s syscall.Signal) {
	signal.Reset(s)
	var action [8]uint64 // more than a struct sigaction; SIG_DFL is 0, without flags
	const maskBytes = 8  // of sigset_t
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, maskBytes, 0, 0)
}
