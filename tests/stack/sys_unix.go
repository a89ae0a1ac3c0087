//go:build unix

package stack

import (
	"os"
	"syscall"
)

const (
	signalStall    = syscall.SIGSTOP
	signalContinue = syscall.SIGCONT
)

func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
