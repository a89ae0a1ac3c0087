//go:build !linux

package robustness

import (
	"errors"
	"os"
)

// smallDisk is for Linux only.
func smallDisk(dir string) (unmount func() error, err error) {
	return nil, errors.Join(os.MkdirAll(dir, 0o700), errors.ErrUnsupported)
}
