//go:build unix && !linux

package stack

import "syscall"

// childAttributes keeps Ctrl-C at the terminal from reaching the server, which
// has to outlive what drains into it.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitStalled has no means here to see that the last thread has stopped.
func awaitStalled(int) {}
