//go:build unix

package replay

import (
	"os"
	"strconv"
	"syscall"
)

// becomeUser gives up the rights of root.
func becomeUser() {
	if uid, _ := strconv.Atoi(os.Getenv(asUser)); uid != 0 {
		if err := syscall.Setuid(uid); err != nil {
			panic(err)
		}
	}
}

// limitFiles is a disk on which files get no larger.
func limitFiles() {
	n, _ := strconv.ParseUint(os.Getenv(fileLimit), 10, 64)
	if n == 0 {
		return
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}
