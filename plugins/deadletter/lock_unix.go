//go:build unix

package deadletter

import (
	"errors"
	"os"
	"syscall"
)

// lock waits until nobody else has locked the file; closing it ends that.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// mayWrite tells why this process may not write to what has that name.
func mayWrite(path string) error {
	const write = 2
	return syscall.Access(path, write)
}

// cannotSync reports whether the file system has no way to sync a folder.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
