package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// mostBytes bounds what is sent at a time, beside mostLetters.
const mostBytes = 16 << 20

// mostLetters is a variable for the tests, which have small files.
var mostLetters = 10_000

// portion is so much of a file as is sent at a time.
type portion struct {
	from, to int64 // its bytes of the file
	batch    service.MessageBatch
	lines    [][]byte // of the batch
	letters  int      // lines that are letters, those included that the mapping deletes
	left     []byte   // lines that cannot be sent
	hash     hash.Hash
}

func (p *portion) sum() string { return shortSum(p.hash) }

// reader makes portions of the lines of a file.
type reader struct {
	lines   *bufio.Reader
	at      int64
	mapping *bloblang.Executor
	source  *position.Pinned
	note    func(error) // told why a line is left
}

// newReader reads what a file has from one byte to another. The positions that its
// records get are the same whenever they are read.
func newReader(f io.ReaderAt, identity string, from, to int64, mapping *bloblang.Executor, note func(error)) *reader {
	return &reader{
		lines: bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), 1<<20), at: from,
		mapping: mapping, source: position.Pin(context.Background(), "dead_letter/"+identity), note: note,
	}
}

// next reads a portion of so many letters at most; it is the last one with io.EOF.
func (r *reader) next(letters int) (p *portion, err error) {
	p = &portion{from: r.at, to: r.at, hash: sha256.New()}
	for p.letters < letters && p.to-p.from < mostBytes {
		line, err := r.lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		r.take(p, bytes.TrimRight(line, "\r\n"))
		p.hash.Write(line)
		p.to += int64(len(line))
		r.at = p.to
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// take adds a line to the portion.
func (r *reader) take(p *portion, line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	m, err := r.message(line, p.to)
	switch {
	case err != nil:
		r.note(err)
		p.leave(line)
	case m == nil:
		p.letters++
	default:
		p.letters++
		p.batch = append(p.batch, m)
		p.lines = append(p.lines, line)
	}
}

func (p *portion) leave(line []byte) { p.left = append(append(p.left, line...), '\n') }

// errUnmapped says that a record is not what the output is to get: it would be stored
// with defaults in place of what a processor makes.
var errUnmapped = errors.New("a processor had failed at the record, and replay runs none: give what it should have made of it as --mapping")

// message returns the record of a line that begins there, mended; nil if the mapping
// deletes it.
func (r *reader) message(line []byte, at int64) (*service.Message, error) {
	letter, err := deadletter.Parse(line)
	if err != nil {
		return nil, err
	}
	if letter.Reason == deadletter.ProcessorError && r.mapping == nil {
		return nil, errUnmapped
	}
	m := letter.Message()
	if r.mapping != nil {
		if m, err = m.BloblangQuery(r.mapping); err != nil {
			return nil, fmt.Errorf("--mapping: %w", err)
		}
		if m == nil {
			return nil, nil
		}
	}
	return m.WithContext(r.source.Add(at, position.Origin{Source: letter.Source, Offset: letter.Offset})), nil
}
