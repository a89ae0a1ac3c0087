//go:build unix

package main

import "syscall"

// keepFilesPrivate has every file that this process makes be its user's alone, dead
// letters above all, which hold what others sent: the host makes them for everybody to
// read. Files that are there already stay as they are.
func keepFilesPrivate() {
	const others = 0o077
	syscall.Umask(syscall.Umask(others) | others)
}
