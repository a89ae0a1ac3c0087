package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Who may read a dead letter may read what was meant for the table.
const (
	fileMode   = 0o600
	folderMode = 0o700
)

// appending is a file that lines are being appended to. Nobody else does meanwhile
// who appends by this package, in whatever process. A file that is not regular, such
// as a terminal, is not guarded, nor can anything be taken back from it.
type appending struct {
	file    *os.File
	regular bool
	made    bool  // by this
	size    int64 // before
}

// open opens the file of that name as it is now, wherever the one is that had the name
// before, and makes it if there is none. It waits for whoever appends, until ctx ends.
func open(ctx context.Context, path string) (*appending, error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, err
	}
	for {
		a, err := openOnce(path)
		if err != nil {
			return nil, err
		}
		if !a.regular {
			return a, nil
		}
		current, err := a.lock(ctx, path)
		if err == nil && current {
			return a, nil
		}
		a.file.Close()
		if err != nil {
			return nil, err
		}
	}
}

func openOnce(path string) (*appending, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		return &appending{file: f}, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, fileMode)
	return &appending{file: f, regular: true, made: info == nil}, err
}

// lock waits for whoever appends, and reports whether the file still has its name.
func (a *appending) lock(ctx context.Context, path string) (current bool, err error) {
	if err := lock(ctx, a.file); err != nil {
		return false, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	own, err := a.file.Stat()
	if err != nil {
		return false, err
	}
	a.size = own.Size()
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(own, named), err
}

// lockPoll is how often somebody looks who waits for a file: the system would wait in
// a way that nothing ends.
const lockPoll = 5 * time.Millisecond

// lock waits until nobody else has locked the file, or ctx ends; closing the file ends
// the lock.
func lock(ctx context.Context, f *os.File) error {
	for {
		if got, err := TryLock(f); got || err != nil {
			return err
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write appends lines, and ends a line before them that somebody could not end. They
// are on the disk when it returns. After an error the file is to be restored.
func (a *appending) write(lines []byte) error {
	if !a.regular {
		_, err := a.file.Write(lines)
		return err
	}
	if a.size > 0 {
		last := make([]byte, 1)
		if _, err := a.file.ReadAt(last, a.size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			lines = append([]byte{'\n'}, lines...)
		}
	}
	if _, err := a.file.Write(lines); err != nil {
		return err
	}
	if err := a.file.Sync(); err != nil {
		return err
	}
	if a.made {
		return SyncFolder(filepath.Dir(a.file.Name()))
	}
	return nil
}

// restore takes back what was appended.
func (a *appending) restore() error {
	if !a.regular {
		return nil
	}
	return a.file.Truncate(a.size)
}

// SyncFolder makes a new name in a folder last. Where a file system cannot, there is
// nothing to be done.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !cannotSync(err) {
		return err
	}
	return nil
}

// appendAll appends to each file its lines, or nothing to any of them.
func appendAll(ctx context.Context, lines map[string]*bytes.Buffer) (err error) {
	paths := slices.Sorted(maps.Keys(lines)) // in one order, so that nobody waits for each other
	var files []*appending
	defer func() {
		for _, f := range files {
			if err != nil {
				err = errors.Join(err, f.restore())
			}
			f.file.Close()
		}
	}()
	for _, path := range paths {
		f, err := open(ctx, path)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	for i, f := range files {
		if err := f.write(lines[paths[i]].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// Append appends lines to the file of that name, whole or not at all, and makes it if
// there is none. They are on the disk when it returns. It waits for whoever appends,
// until ctx ends.
func Append(ctx context.Context, path string, lines []byte) error {
	return appendAll(ctx, map[string]*bytes.Buffer{path: bytes.NewBuffer(lines)})
}

// Aside gives a file another name, as Rename does, and waits for whoever appends, until
// ctx ends. Nobody appends to it any more when it returns without an error: who does so
// by this package opens another one. After an error the file has the name that is
// returned, if it is not empty.
func Aside(ctx context.Context, path, aside string) (name string, err error) {
	if name, err = Rename(path, aside); err != nil {
		return "", err
	}
	a, err := open(ctx, name) // whoever appends has finished then
	if err != nil {
		return name, err
	}
	return name, a.file.Close()
}

// Rename gives a file the name to, or, if somebody has that, the first of to-2, to-3
// and so on that nobody has. It never takes the place of a file that is there. The name
// lasts when it returns.
func Rename(path, to string) (name string, err error) {
	if name, err = reserve(to); err != nil {
		return "", err
	}
	if err := os.Rename(path, name); err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	return name, SyncFolder(filepath.Dir(name))
}

// reserve makes an empty file whose name nobody has: that takes the name in one step.
func reserve(name string) (string, error) {
	for free, n := name, 2; ; n++ {
		f, err := os.OpenFile(free, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if err == nil {
			return free, f.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return "", err
		}
		free = name + "-" + strconv.Itoa(n)
	}
}

// writable tells why nothing could be appended to the file of that name, as far as
// rights tell; nil if nothing speaks against it. It changes nothing.
func writable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder", path)
	}
	for errors.Is(err, os.ErrNotExist) && path != filepath.Dir(path) { // it will be made where there is something
		path = filepath.Dir(path)
		info, err = os.Stat(path)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is no folder", path)
		}
	}
	if err != nil {
		return err
	}
	if err := mayWrite(path); err != nil {
		return &os.PathError{Op: "write to", Path: path, Err: err}
	}
	return nil
}
