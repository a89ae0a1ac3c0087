package robustness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// letters is the file of the dead letters of an instance of the bridge.
func (r *Run) letters(instance string) string {
	return filepath.Join(r.dir, "letters", "dead_letter_"+instance+".jsonl")
}

// addDisk gives the dead letters a small disk of their own, where that may be.
func (r *Run) addDisk() error {
	dir := filepath.Join(r.dir, "letters")
	unmount, err := smallDisk(dir)
	if err != nil {
		r.log("NOT RUN: a full disk of dead letters: %v", err)
		return os.MkdirAll(dir, 0o700)
	}
	r.unmount, r.scene.Letters = unmount, dir
	return nil
}

// removeDisk ends addDisk. Of a run that is to be kept, so are the letters.
func (r *Run) removeDisk(keep bool) error {
	if r.unmount == nil {
		return nil
	}
	var errs []error
	if keep {
		for _, instance := range []string{first, second} {
			errs = append(errs, copyFile(r.letters(instance), filepath.Join(r.dir, "dead_letter_"+instance+".jsonl")))
		}
	}
	errs = append(errs, r.unmount())
	r.unmount = nil
	return errors.Join(errs...)
}

// copyFile copies a file, if it is there.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keeping %s: %w", from, err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", from, err)
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
