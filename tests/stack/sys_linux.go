package stack

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttributes keeps Ctrl-C at the terminal from reaching the server, which
// has to outlive what drains into it, and ends it with its parent even when
// the parent is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitStalled returns when the last thread of a child has obeyed SIGSTOP, or
// the child has ended. It leaves the news for the one who waits for the child.
func awaitStalled(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
