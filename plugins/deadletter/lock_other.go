//go:build !unix

package deadletter

import "os"

// TryLock does nothing: here one process alone may append to a file.
func TryLock(*os.File) (got bool, err error) { return true, nil }

// mayWrite knows nothing here.
func mayWrite(string) error { return nil }

// cannotSync is what folders are like here.
func cannotSync(error) bool { return true }
