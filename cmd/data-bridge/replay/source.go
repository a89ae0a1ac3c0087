package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

const timeForm = "20060102T150405Z"

// Words in the names that replay gives to files: of one that is being replayed, of one
// that was, and of lines that could not be sent.
const (
	replaying = ".replaying-"
	replayed  = ".replayed-"
	left      = ".left-"
)

// suffix is what replay has added to the name of a file.
var suffix = regexp.MustCompile(`\.(replaying|replayed|left)-\d{8}T\d{6}Z(-\d+)?$`)

// sources are the files of one call, each once, with the locks that keep other calls
// from them.
type sources struct {
	started time.Time
	locks   map[string]*fileLock // by the name that a file had at first
	files   []string             // where they are now
	begun   int                  // so many of them
}

// find looks at what was named, and locks it, before anything is done. What an
// interrupted replay has left of a file is replayed before the file.
func find(names []string, started time.Time) (s *sources, err error) {
	s = &sources{started: started, locks: map[string]*fileLock{}}
	defer func() {
		if err != nil {
			s.unlock()
		}
	}()
	for _, name := range names {
		if err := s.add(name); err != nil {
			return s, err
		}
	}
	return s, nil
}

// add adds what one argument names.
func (s *sources) add(name string) error {
	path, err := resolve(name)
	if err != nil {
		return err
	}
	word := ""
	if m := suffix.FindStringSubmatch(path); m != nil {
		word = "." + m[1] + "-"
	}
	switch {
	case word == replayed:
		return fmt.Errorf("%s was replayed already, and would be stored once more: give it another name if that is what you want", name)
	case strings.HasSuffix(path, progressSuffix) || strings.HasSuffix(path, lockSuffix):
		return fmt.Errorf("%s is what replay notes for itself, no file of dead letters", name)
	}
	original := suffix.ReplaceAllString(path, "")
	if s.locks[original] == nil {
		if s.locks[original], err = lockFile(original, s.started); err != nil {
			return err
		}
	}
	found := []string{path}
	if word != replaying {
		if found, err = interrupted(original); err != nil {
			return err
		}
		if _, err := os.Lstat(path); err == nil || len(found) == 0 {
			found = append(found, path)
		}
	}
	for _, path := range found {
		if err := s.take(path); err != nil {
			return err
		}
	}
	return nil
}

// resolve follows links: who moved a link would leave the file where it is. A file that
// is not there may be one that an interrupted replay has moved.
func resolve(name string) (string, error) {
	path, err := filepath.EvalSymlinks(name)
	if errors.Is(err, os.ErrNotExist) {
		if target, isLink := os.Readlink(name); isLink == nil {
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(name), target)
			}
			return resolve(target)
		}
		var folder string
		if folder, err = filepath.EvalSymlinks(filepath.Dir(name)); err != nil {
			return "", err
		}
		path = filepath.Join(folder, filepath.Base(name))
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// interrupted lists what replays have left of a file that were interrupted, oldest
// first. Notes of what is gone are removed.
func interrupted(original string) (found []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(original))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join(filepath.Dir(original), e.Name())
		of, notes := strings.CutSuffix(name, progressSuffix)
		if !strings.HasPrefix(of, original+replaying) || suffix.ReplaceAllString(of, "") != original {
			continue
		}
		if !notes {
			found = append(found, name)
		} else if _, err := os.Lstat(of); errors.Is(err, os.ErrNotExist) {
			if err := os.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// take adds a file, unless it has been added by this or another name.
func (s *sources) take(path string) error {
	info, err := looksRight(path)
	if err != nil {
		return err
	}
	for _, have := range s.files {
		if other, err := os.Stat(have); err == nil && os.SameFile(info, other) {
			return nil
		}
	}
	s.files = append(s.files, path)
	return nil
}

// packed are the first bytes of files that are compressed, and what unpacks them.
var packed = map[string]string{"\x1f\x8b": "gunzip", "\x28\xb5\x2f\xfd": "unzstd", "\xfd7zXZ": "unxz", "BZh": "bunzip2"}

// looksRight tells why a file cannot be replayed, as far as a look at it tells.
func looksRight(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder: name the files in it", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 6)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	for magic, tool := range packed {
		if strings.HasPrefix(string(head[:n]), magic) {
			return nil, fmt.Errorf("%s is compressed: unpack it first (%s)", path, tool)
		}
	}
	return info, nil
}

// aside moves every file aside that is not, so that a bridge which runs goes on in new
// ones, and so does this replay with what is a dead letter again. How far it has come
// when it fails can be seen in the names.
func (s *sources) aside(ctx context.Context) error {
	for i, path := range s.files {
		if m := suffix.FindStringSubmatch(path); m != nil && "."+m[1]+"-" == replaying {
			continue
		}
		to := suffix.ReplaceAllString(path, "") + replaying + s.started.Format(timeForm)
		name, err := deadletter.Aside(ctx, path, to)
		if name != "" {
			s.files[i] = name
		}
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("%w while somebody else held %s", errInterrupted, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// waiting says which files were not begun, nil if there are none.
func (s *sources) waiting() error {
	if s.begun == len(s.files) {
		return nil
	}
	return fmt.Errorf("nothing was tried yet of %s", strings.Join(s.files[s.begun:], ", "))
}

// unlock lets others have the files.
func (s *sources) unlock() {
	for _, l := range s.locks {
		if l != nil {
			l.release()
		}
	}
}
