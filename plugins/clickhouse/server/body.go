package server

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"sync"
)

// body is the data of an INSERT, made as it is read: a piece at a time. It is
// read by one goroutine, and ended by another.
type body struct {
	mu     sync.Mutex
	whole  rows
	rows   rows // those that are left
	blocks blocks
	frames *frames
	ready  bytes.Buffer
	begun  bool
	done   bool
	failed error

	contentType string
	head, tail  []byte // what is before the rows, and after
	length      int64  // -1 where it is sent in chunks
}

// plainContent is the type of what is rows, or a statement, and nothing else.
const plainContent = "application/octet-stream"

var errEnded = errors.New("the insert has ended")

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.ready.Len() == 0 {
		if b.failed != nil {
			return 0, b.failed
		}
		if b.done {
			return 0, io.EOF
		}
		b.ready.Reset()
		b.failed = sheltered(b.encode)
	}
	return b.ready.Read(p)
}

// again begins anew, for another attempt of the transport: it has closed the one
// before, and begun no other.
func (b *body) again() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return nil, b.failed
	}
	b.rows, b.begun, b.done = b.whole, false, false
	b.ready.Reset()
	return io.NopCloser(b), nil
}

// wrap makes a form of the body: of a statement and of the external table that it
// selects from. Servers do not look for compressed data in forms.
func (b *body) wrap() error {
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	m := b.rows.mixture
	for _, field := range [][2]string{{"query", m.sql}, {m.external + "_format", "Native"}, {m.external + "_structure", b.rows.structure()}} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return err
		}
	}
	if _, err := form.CreateFormFile(m.external, m.external); err != nil {
		return err
	}
	b.head = bytes.Clone(text.Bytes())
	text.Reset()
	if err := form.Close(); err != nil {
		return err
	}
	b.tail, b.contentType = text.Bytes(), form.FormDataContentType()
	return sheltered(b.measure)
}

// measure finds out how long the body is going to be: servers read a form up to its
// end, and not the mark of the end of chunks, which they would take for another
// request.
func (b *body) measure() error {
	var n counter
	for rows := b.whole; ; {
		from, to := rows.next()
		if from == to {
			b.length = int64(len(b.head)) + int64(n) + int64(len(b.tail))
			return nil
		}
		if err := b.blocks.write(&n, rows.fields, from, to); err != nil {
			return err
		}
	}
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// encode makes the next piece.
func (b *body) encode() error {
	if !b.begun {
		b.begun = true
		b.ready.Write(b.head)
	}
	from, to := b.rows.next()
	if from == to {
		b.done = true
		b.ready.Write(b.tail)
		return nil
	}
	b.frames.reset(&b.ready)
	if err := b.blocks.write(b.frames, b.rows.fields, from, to); err != nil {
		return err
	}
	return b.frames.Flush()
}

// end waits for a read to end and lets no other begin: from then on, nothing
// touches the rows. It returns what went wrong with them.
func (b *body) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := b.failed
	b.failed = errEnded
	b.ready = bytes.Buffer{}
	return failed
}
