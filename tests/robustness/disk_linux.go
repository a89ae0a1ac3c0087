package robustness

import (
	"fmt"
	"os"
	"syscall"
)

// smallDisk mounts a disk of some megabytes on a folder, which root may.
func smallDisk(dir string) (unmount func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		return nil, fmt.Errorf("mounting a small disk on %s: %w", dir, err)
	}
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, nil
}
