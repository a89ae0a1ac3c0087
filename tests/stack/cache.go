package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// EnvCache names the environment variable that moves the cache folder.
const EnvCache = "DATA_BRIDGE_CACHE"

// ModuleRoot is the folder of the go.mod above the working directory.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module root: %w", err)
	}
	for start := dir; ; {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("finding the module root: no go.mod in %s or above it", start)
		}
		dir = parent
	}
}

// CacheDir is the folder that downloads and built helpers are kept in. It is
// created when it does not exist.
func CacheDir() (string, error) {
	dir := os.Getenv(EnvCache)
	if dir == "" {
		root, err := ModuleRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, ".cache")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("making %s absolute: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache folder (%s moves it): %w", EnvCache, err)
	}
	return dir, nil
}

// install returns the cache's folder of this name, which fill has filled
// completely: fill works in a folder beside it that is renamed when fill is
// done, under a lock that holds between processes too.
func install(name string, fill func(dir string) error) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	final := filepath.Join(cache, name)
	if installed(final) {
		return final, nil
	}
	unlock, err := lockCache(cache, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if installed(final) { // by another process, while this one waited
		return final, nil
	}
	if err := fillAndRename(final, fill); err != nil {
		return "", fmt.Errorf("installing %s: %w", name, err)
	}
	return final, nil
}

func installed(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

func fillAndRename(final string, fill func(dir string) error) error {
	partial := final + ".partial"
	if err := os.RemoveAll(partial); err != nil { // left by a process that was killed
		return err
	}
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return err
	}
	defer watch(partial)()
	if err := fill(partial); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return os.Rename(partial, final)
}

// watch tells every few seconds how much has arrived in dir, until stop.
func watch(dir string) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				progress("... %d MB in %s", sizeOf(dir)>>20, filepath.Base(dir))
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// sizeOf is the size of all files in dir, as far as they can be seen.
func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // being moved or removed
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// lockCache takes the lock of this name, waiting for other processes.
func lockCache(cache, name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking %s in the cache: %w", name, err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s in the cache: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing the file gives the lock back
}

var progressLock sync.Mutex

// progress tells the person at the terminal what takes so long.
func progress(format string, args ...any) {
	progressLock.Lock()
	defer progressLock.Unlock()
	fmt.Fprintf(os.Stderr, "stack: "+format+"\n", args...)
}
