package replay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

// run is one call of the command.
type run struct {
	to          *target
	mapping     *bloblang.Executor
	mappingHash string
	started     time.Time

	letters, deleted, left int64 // letters that are settled, and lines that are left
	rows                   tally // of those that were sent
	notes                  []string
}

// file replays one file, from where a replay before was interrupted.
func (r *run) file(ctx context.Context, path string) error {
	before := r.letters
	p, err := openProgress(path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return errors.Join(err, p.file.Close())
	}
	defer f.Close()
	if err = r.portions(ctx, f, p); err == nil {
		err = finish(f, p)
	}
	if err != nil {
		return errors.Join(r.unfinished(err, f, p, r.letters-before), p.file.Close())
	}
	to, err := deadletter.Rename(path, suffix.ReplaceAllString(path, "")+replayed+r.started.Format(timeForm))
	if err != nil {
		return errors.Join(fmt.Errorf("%w; all of %s is settled", err, path), p.file.Close())
	}
	if err := p.remove(); err != nil {
		return fmt.Errorf("%w; all of %s is settled", err, to)
	}
	return nil
}

// finish makes sure that all of the file was read.
func finish(f *os.File, p *progress) error {
	info, err := f.Stat()
	if err == nil && info.Size() != p.done {
		err = errors.New("somebody has written to it meanwhile")
	}
	return err
}

// unfinished says what became of a file that is not replayed to its end.
func (r *run) unfinished(err error, f *os.File, p *progress, settled int64) error {
	rest, counting := countLines(f, p.done)
	if counting != nil {
		return errors.Join(err, counting)
	}
	words := ""
	if n, is := p.pending(); is {
		words = fmt.Sprintf(", of which those of the bytes %d to %d were under way and may be stored", n.From, n.To)
	}
	return fmt.Errorf("%w: %d letters are settled, %d are not%s; what was not tried is in %s, replay that to go on", err, settled, rest, words, f.Name())
}

// countLines counts those from one byte on that are not empty.
func countLines(f *os.File, from int64) (n int64, err error) {
	lines := bufio.NewReaderSize(io.NewSectionReader(f, from, 1<<62), 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			n++
		}
		if err != nil {
			return n, ignoreEOF(err)
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// portions sends what of a file is not settled.
func (r *run) portions(ctx context.Context, f *os.File, p *progress) error {
	if n, is := p.pending(); is { // as the batch that it was
		if err := r.resume(f, p, n); err != nil {
			return err
		}
		again, err := newReader(f, p.File, n.From, n.To, r.mapping, r.note).next(int(n.To - n.From))
		if ignoreEOF(err) != nil {
			return err
		}
		if err := r.settle(ctx, f, p, again); err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	lines := newReader(f, p.File, p.done, info.Size(), r.mapping, r.note)
	for {
		portion, err := lines.next(mostLetters)
		if ignoreEOF(err) != nil {
			return err
		}
		if portion.to > portion.from {
			if err := r.settle(ctx, f, p, portion); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// resume undoes what of a batch can be undone that was under way when the replay was
// killed: it is sent again.
func (r *run) resume(f *os.File, p *progress, n note) error {
	if n.Mapping != r.mappingHash {
		r.remark("%s: the letters of the bytes %d to %d were under way with another mapping when the replay before ended, and may be stored with both", f.Name(), n.From, n.To)
	}
	err := os.Truncate(p.leftPath(f.Name()), n.LeftSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// leftPath is where lines are that cannot be sent.
func (p *progress) leftPath(path string) string { return filepath.Join(filepath.Dir(path), p.Left) }

// settle sends a portion, and notes that before and afterwards.
func (r *run) settle(ctx context.Context, f *os.File, p *progress, portion *portion) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	leftPath, size := p.leftPath(f.Name()), int64(0)
	if info, err := os.Stat(leftPath); err == nil {
		size = info.Size()
	}
	if err := p.add(note{From: portion.from, To: portion.to, Sum: portion.sum(), Mapping: r.mappingHash, LeftSize: size}); err != nil {
		return err
	}
	rows, err := r.send(ctx, portion)
	if err != nil {
		return err
	}
	if len(portion.left) > 0 {
		if err := deadletter.Append(ctx, leftPath, portion.left); err != nil {
			return err
		}
	}
	if err := p.add(note{Done: true}); err != nil {
		return fmt.Errorf("%w (the last batch is settled, but would be sent again)", err)
	}
	r.left += int64(bytes.Count(portion.left, []byte{'\n'}))
	r.letters += int64(portion.letters)
	r.deleted += int64(portion.letters - len(portion.lines))
	r.rows = r.rows.plus(rows)
	return nil
}

// send sends the batch of a portion until it is settled. What the output hands back
// because it rejects it is left.
func (r *run) send(ctx context.Context, p *portion) (rows tally, err error) {
	if len(p.batch) == 0 {
		return rows, nil
	}
	index, before := p.batch.Index(), r.to.tally()
	err = r.to.send(ctx, p.batch)
	var failed *service.BatchError
	rejected := 0
	if r.to.rejects && errors.As(err, &failed) && failed.IndexedErrors() > 0 {
		failed.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
			if err != nil && i >= 0 {
				r.note(err)
				p.leave(p.lines[i])
				rejected++
			}
			return true
		})
		err = nil
	}
	if err != nil {
		return rows, err
	}
	p.letters -= rejected
	p.lines = p.lines[:len(p.lines)-rejected]
	if rows = r.to.tally().minus(before); rows == (tally{}) { // it does not count
		rows.stored = int64(len(p.batch) - rejected)
	}
	return rows, nil
}

// note keeps the first few reasons why lines are left, for the end.
func (r *run) note(err error) {
	if len(r.notes) < 3 {
		r.notes = append(r.notes, "left: "+err.Error())
	}
}

// remark keeps something else for the end.
func (r *run) remark(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// count says what became of everything.
func (r *run) count(out io.Writer, files int) {
	fmt.Fprintf(out, "%d dead letters of %d files tried: %d stored, %d dead letters again", r.letters, files, r.rows.stored, r.rows.again)
	if r.mapping != nil {
		fmt.Fprintf(out, ", %d deleted by the mapping", r.deleted)
	}
	if rows := r.rows.stored + r.rows.again; rows != r.letters-r.deleted {
		fmt.Fprintf(out, " (of %d rows: a letter may hold several)", rows)
	}
	if r.rows.known > 0 {
		fmt.Fprintf(out, "; ClickHouse knew %d of those stored already, and has them once", r.rows.known)
	}
	if r.left > 0 {
		fmt.Fprintf(out, "; %d lines could not be sent and are kept in *%s*", r.left, left)
	}
	fmt.Fprintln(out)
	for _, note := range r.notes {
		fmt.Fprintf(out, "  %s\n", note)
	}
}
