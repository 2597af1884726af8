package cli

import "syscall"

// ownGroup makes a command the leader of a process group. It ends with this process, whatever ends that.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
