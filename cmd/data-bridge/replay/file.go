package replay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

const (
	// mostLetters and mostBytes bound what is sent at a time.
	mostLetters = 10_000
	mostBytes   = 16 << 20

	timeForm = "20060102T150405Z"
)

// suffix is what replay has added to the name of a file.
var suffix = regexp.MustCompile(`\.(replaying|replayed|left)-\d{8}T\d{6}Z$`)

// run is one call of the command.
type run struct {
	to      *target
	mapping *bloblang.Executor
	started time.Time

	tried, again, deleted, left int64
	notes                       []string
}

// file replays one file, from its beginning.
func (r *run) file(ctx context.Context, path string) error {
	original := suffix.ReplaceAllString(path, "")
	stamp := r.started.Format(timeForm)
	aside := original + ".replaying-" + stamp
	if err := deadletter.Aside(path, aside); err != nil {
		return err
	}
	done, err := r.letters(ctx, aside, original+".left-"+stamp)
	if err != nil {
		if done > 0 {
			err = errors.Join(err, cutOff(aside, done))
		}
		return fmt.Errorf("%w; what was not tried is in %s", err, aside)
	}
	return os.Rename(aside, original+".replayed-"+stamp)
}

// letters sends the letters of a file, and returns how many of its bytes hold those
// that are settled.
func (r *run) letters(ctx context.Context, path, left string) (done int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		p, err := r.next(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return done, fmt.Errorf("%s: %w", path, err)
		}
		end := err != nil
		if err := r.send(ctx, p.batch); err != nil {
			return done, err
		}
		if err := keep(left, p.left); err != nil {
			return done, err
		}
		r.left += int64(bytes.Count(p.left, []byte{'\n'}))
		r.tried += int64(p.letters)
		r.deleted += int64(p.letters - len(p.batch))
		done += p.size
		if end {
			return done, nil
		}
	}
}

// portion is so much of a file as is sent at a time.
type portion struct {
	batch   service.MessageBatch
	letters int    // lines that are letters, those included that the mapping deletes
	left    []byte // lines that cannot be sent
	size    int64  // of all its lines
}

// next reads a portion; it is the last one with io.EOF.
func (r *run) next(lines *bufio.Reader) (p portion, err error) {
	for p.letters < mostLetters && p.size < mostBytes {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return p, err
		}
		p.size += int64(len(line))
		r.take(&p, bytes.TrimRight(line, "\r\n"))
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// take adds a line to the portion.
func (r *run) take(p *portion, line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	m, err := r.message(line)
	switch {
	case err != nil:
		r.note(err)
		p.left = append(append(p.left, line...), '\n')
	case m == nil:
		p.letters++
	default:
		p.letters++
		p.batch = append(p.batch, m)
	}
}

// errUnmapped says that a record is not what the output is to get: it would be stored
// with defaults in place of what a processor makes.
var errUnmapped = errors.New("a processor had failed at the record, and replay runs none: give what it should have made of it as --mapping")

// message returns the record of a line, mended; nil if the mapping deletes it.
func (r *run) message(line []byte) (*service.Message, error) {
	letter, err := deadletter.Parse(line)
	switch {
	case err != nil:
		return nil, err
	case r.mapping != nil:
	case letter.Reason == deadletter.ProcessorError:
		return nil, errUnmapped
	default:
		return letter.Message(), nil
	}
	m, err := letter.Message().BloblangQuery(r.mapping)
	if err != nil {
		return nil, fmt.Errorf("--mapping: %w", err)
	}
	return m, nil
}

// note keeps the first few reasons for the end.
func (r *run) note(err error) {
	if len(r.notes) < 3 {
		r.notes = append(r.notes, err.Error())
	}
}

// send sends a batch until it is settled.
func (r *run) send(ctx context.Context, batch service.MessageBatch) error {
	if len(batch) == 0 {
		return ctx.Err()
	}
	before := r.to.deadLetters()
	if err := r.to.send(ctx, batch); err != nil {
		return err
	}
	r.again += r.to.deadLetters() - before
	return nil
}

// keep appends lines that cannot be sent to a file of their own.
func keep(path string, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	return deadletter.Append(path, lines)
}

// cutOff takes the first bytes of a file out of it: either they are out, or the file
// is as it was.
func cutOff(path string, n int64) (err error) {
	old, err := os.Open(path)
	if err != nil {
		return err
	}
	defer old.Close()
	if _, err := old.Seek(n, io.SeekStart); err != nil {
		return err
	}
	rest, err := os.OpenFile(path+".rest", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(rest, old)
	err = errors.Join(err, rest.Sync(), rest.Close())
	if err != nil {
		return errors.Join(err, os.Remove(rest.Name()))
	}
	return os.Rename(rest.Name(), path)
}

// count says what became of everything.
func (r *run) count(out io.Writer, files int) {
	stored := r.tried - r.deleted - r.again
	fmt.Fprintf(out, "%d dead letters of %d files tried: %d stored, %d dead letters again", r.tried, files, stored, r.again)
	if r.mapping != nil {
		fmt.Fprintf(out, ", %d deleted by the mapping", r.deleted)
	}
	if r.left > 0 {
		fmt.Fprintf(out, "; %d lines could not be sent and are kept in *.left-%s", r.left, r.started.Format(timeForm))
	}
	fmt.Fprintln(out)
	for _, note := range r.notes {
		fmt.Fprintf(out, "  left: %s\n", note)
	}
}
