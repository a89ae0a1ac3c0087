package stack

import "syscall"

// childAttributes keeps Ctrl-C at the terminal from reaching the server, which
// has to outlive what drains into it, and ends it with its parent even when
// the parent is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
