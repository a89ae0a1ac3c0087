package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

// lockSuffix ends the name of the file that a replay holds while it works.
const lockSuffix = ".replay-lock"

// fileLock keeps other replays from a file, and from what replays have made of it. It
// ends with the process. The file of dead letters itself is not locked: a bridge that
// appends to it would wait.
type fileLock struct{ file *os.File }

// lockFile locks a file by the name that it had at first, or says who has.
func lockFile(original string, now time.Time) (*fileLock, error) {
	path := original + lockSuffix
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be replayed, since its folder has to be written to: %w", original, err)
		}
		got, err := deadletter.TryLock(f)
		if err == nil && !got {
			err = fmt.Errorf("%s is being replayed by %s: wait for that, or end it", original, holder(path))
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		l := &fileLock{f}
		current, err := l.current()
		if err == nil && current {
			l.sign(now)
			return l, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// current reports whether the file still has its name: who held it may have removed it.
func (l *fileLock) current() (bool, error) {
	own, err := l.file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(l.file.Name())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(own, named), err
}

// sign says who has the lock, for those who do not get it. That is a courtesy.
func (l *fileLock) sign(now time.Time) {
	host, _ := os.Hostname()
	_ = l.file.Truncate(0)
	_, _ = fmt.Fprintf(l.file, "process %d on %s, which began at %s\n", os.Getpid(), host, now.Format(time.RFC3339))
}

func holder(path string) string {
	text, err := os.ReadFile(path)
	if who := strings.TrimSpace(string(text)); err == nil && who != "" {
		return who
	}
	return "another process, which holds " + filepath.Base(path)
}

func (l *fileLock) release() {
	_ = os.Remove(l.file.Name()) // while it is held: whoever has opened it finds out
	_ = l.file.Close()
}
