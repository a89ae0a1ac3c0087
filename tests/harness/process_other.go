//go:build !linux

package harness

import "errors"

// PeakRSS is known on Linux only.
func (b *Bridge) PeakRSS() (int64, error) {
	return 0, errors.New("the peak memory of a process is read on Linux only")
}
