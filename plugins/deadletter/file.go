package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
// before, and makes it if there is none.
func open(path string) (*appending, error) {
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
		current, err := a.lock(path)
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
func (a *appending) lock(path string) (current bool, err error) {
	if err := lock(a.file); err != nil {
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
		return syncFolder(filepath.Dir(a.file.Name()))
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

// syncFolder makes a new name in a folder last. Where a file system cannot, there is
// nothing to be done.
func syncFolder(path string) error {
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
func appendAll(lines map[string]*bytes.Buffer) (err error) {
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
		f, err := open(path)
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
// there is none. They are on the disk when it returns.
func Append(path string, lines []byte) error {
	return appendAll(map[string]*bytes.Buffer{path: bytes.NewBuffer(lines)})
}

// Aside gives a file another name. Nobody appends to it any more when it returns: who
// does so by this package opens another one.
func Aside(path, aside string) error {
	if path == aside {
		return nil
	}
	if _, err := os.Stat(aside); err == nil {
		return &os.PathError{Op: "rename " + path + " to", Path: aside, Err: os.ErrExist}
	}
	if err := os.Rename(path, aside); err != nil {
		return err
	}
	a, err := open(aside) // whoever appends has finished then
	if err != nil {
		return err
	}
	return a.file.Close()
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
