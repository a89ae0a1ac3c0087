//go:build unix

package deadletter

import (
	"errors"
	"os"
	"syscall"
)

// TryLock locks a file for this process, unless somebody else has locked it; closing
// the file, or the end of the process, ends that.
func TryLock(f *os.File) (got bool, err error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

// mayWrite tells why this process may not write to what has that name.
func mayWrite(path string) error {
	const write = 2
	return syscall.Access(path, write)
}

// cannotSync reports whether the file system has no way to sync a folder.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
