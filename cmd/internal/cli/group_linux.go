package cli

import "syscall"

// ownGroup makes a command the leader of a process group. The kernel kills the command when this
// process ends, for whatever reason.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
