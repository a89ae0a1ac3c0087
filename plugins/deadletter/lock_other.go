//go:build !unix

package deadletter

import "os"

// lock does nothing: here one process alone may append to a file.
func lock(*os.File) error { return nil }

// mayWrite knows nothing here.
func mayWrite(string) error { return nil }

// cannotSync is what folders are like here.
func cannotSync(error) bool { return true }
