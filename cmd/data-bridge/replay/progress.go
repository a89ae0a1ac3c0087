package replay

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

// progressSuffix ends the name of the file in which a replay notes how far it has come.
const progressSuffix = ".progress"

// note is a line of that file. The first one says which file it is about. Each batch is
// noted before it is sent, and again when it is settled: what was under way when the
// process was killed is sent again as the same batch, so that a table which
// deduplicates recognises it.
type note struct {
	// File tells the file by its first line, in the first note.
	File string `json:"file,omitempty"`
	// Left is the file of lines that cannot be sent, in the first note.
	Left string `json:"left,omitempty"`
	// A batch: the bytes of the file that it is made of, their hash, the hash of the
	// mapping, and how long Left is without it.
	From     int64  `json:"from,omitempty"`
	To       int64  `json:"to,omitempty"`
	Sum      string `json:"sum,omitempty"`
	Mapping  string `json:"mapping,omitempty"`
	LeftSize int64  `json:"left_size,omitempty"`
	// Done is that the batch before is settled.
	Done bool `json:"done,omitempty"`
}

// progress is how far the replay of a file has come.
type progress struct {
	file *os.File
	note      // the first one
	last note // the last batch
	done int64
	size int64 // of the notes
}

// openProgress reads what was noted of a file that is aside, or begins.
func openProgress(path string) (p *progress, err error) {
	identity, err := identityOf(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+progressSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	p = &progress{file: f}
	if err := p.read(); err != nil {
		return nil, err
	}
	if p.File == "" {
		return p, p.begin(path, identity)
	}
	return p, p.verify(path, identity)
}

// identityOf tells a file from others by its first line.
func identityOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return sumOf(line), nil
}

func sumOf(text []byte) string {
	h := sha256.New()
	h.Write(text)
	return shortSum(h)
}

// shortSum words a hash for the notes.
func shortSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

// read takes in the notes. A last one that is not whole was never relied on.
func (p *progress) read() error {
	text, err := io.ReadAll(p.file)
	if err != nil {
		return err
	}
	for {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			break
		}
		var n note
		if err := json.Unmarshal(line, &n); err != nil || (p.size == 0) != (n.File != "") {
			return fmt.Errorf("%s is damaged: remove it to replay its file from the beginning, which stores again what was stored", p.file.Name())
		}
		p.size += int64(len(line)) + 1
		text = rest
		p.apply(n)
	}
	return p.file.Truncate(p.size)
}

func (p *progress) apply(n note) {
	switch {
	case n.File != "":
		p.note = n
	case n.Done:
		p.done = p.last.To
	default:
		p.last = n
	}
}

// begin notes which file it is.
func (p *progress) begin(path, identity string) error {
	stem := suffix.ReplaceAllString(path, "")
	name, err := freeName(stem + left + path[len(stem)+len(replaying):])
	if err != nil {
		return err
	}
	if err := p.add(note{File: identity, Left: filepath.Base(name)}); err != nil {
		return err
	}
	return deadletter.SyncFolder(filepath.Dir(path))
}

// freeName is a name that no file has; nobody else makes such names meanwhile.
func freeName(name string) (string, error) {
	for free, n := name, 2; ; n++ {
		if _, err := os.Lstat(free); errors.Is(err, os.ErrNotExist) {
			return free, nil
		} else if err != nil {
			return "", err
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}

// verify makes sure that the file is the one that the notes are about.
func (p *progress) verify(path, identity string) error {
	sum := ""
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if p.last.Sum != "" {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, p.last.From, p.last.To-p.last.From)); err != nil {
			return err
		}
		sum = shortSum(h)
	}
	if identity != p.File || sum != p.last.Sum {
		return fmt.Errorf("%s is not the file any more that %s was noted of: put that back, or remove the notes to replay it from the beginning", path, p.file.Name())
	}
	return nil
}

// add notes something; it is on the disk when it returns, or not there.
func (p *progress) add(n note) error {
	line, err := json.Marshal(n)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err = p.file.WriteAt(line, p.size); err == nil {
		err = p.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("noting the progress: %w", err), p.file.Truncate(p.size))
	}
	p.size += int64(len(line))
	p.apply(n)
	return nil
}

// pending returns the batch that was under way when the replay was killed.
func (p *progress) pending() (n note, is bool) { return p.last, p.last.To > p.done }

// remove ends the notes, when the file has another name.
func (p *progress) remove() error { return errors.Join(p.file.Close(), os.Remove(p.file.Name())) }
