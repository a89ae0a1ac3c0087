package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// source is what a walker reads: the engine's result, or what a client sends.
type source interface {
	io.Reader
	io.ByteReader
}

// walker copies a stream of Native blocks value by value. It knows where each
// column ends without keeping what it holds, so that what the two forms of the
// format do not share can be put in or left out between. The first error stays:
// every later call does nothing and returns 0.
type walker struct {
	in  source
	out io.Writer
	err error
}

// errTooLarge stands for a count that no honest stream holds.
var errTooLarge = errors.New("a count in the block is too large")

// maxCount bounds counts of rows, elements and bytes.
const maxCount = 1 << 33

func (w *walker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// copy hands n bytes on.
func (w *walker) copy(n uint64) {
	if w.err != nil || n == 0 {
		return
	}
	if n > maxCount {
		w.fail(errTooLarge)
		return
	}
	if _, err := io.CopyN(w.out, w.in, int64(n)); err != nil {
		w.fail(midBlock(err))
	}
}

// fixed hands n values of width bytes on.
func (w *walker) fixed(n, width uint64) {
	if n > maxCount || width > maxCount {
		w.fail(errTooLarge)
		return
	}
	w.copy(n * width)
}

func (w *walker) put(p []byte) {
	if w.err == nil {
		_, err := w.out.Write(p)
		w.fail(err)
	}
}

// take reads n bytes, at most a few, without handing them on.
func (w *walker) take(n int) []byte {
	p := make([]byte, n)
	if w.err == nil {
		if _, err := io.ReadFull(w.in, p); err != nil {
			w.fail(midBlock(err))
			clear(p)
		}
	}
	return p
}

// number hands a UInt64 on and returns it.
func (w *walker) number() uint64 {
	p := w.take(8)
	w.put(p)
	return binary.LittleEndian.Uint64(p)
}

// varint hands a number of 7 bits a byte on and returns it.
func (w *walker) varint() uint64 {
	n := w.takeVarint()
	w.put(binary.AppendUvarint(nil, n))
	return n
}

func (w *walker) takeVarint() uint64 {
	if w.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(w.in)
	if err != nil {
		w.fail(midBlock(err))
		return 0
	}
	return n
}

// skipText hands a String on.
func (w *walker) skipText() { w.copy(w.varint()) }

// text hands a String on and returns it: a name or a type.
func (w *walker) text() string {
	n := w.varint()
	if n > 1<<24 {
		w.fail(errTooLarge)
		return ""
	}
	p := w.take(int(n))
	w.put(p)
	return string(p)
}

// column hands the data of one column on: what stands behind its name and type.
func (w *walker) column(name, typ string, rows uint64) {
	if rows == 0 || w.err != nil { // no rows are no bytes, not even a prefix
		return
	}
	c, err := columnOf(typ)
	if err == nil {
		c.prefix(w)
		c.body(w, rows)
		err = w.err
	}
	if err != nil {
		w.err = fmt.Errorf("column %q of type %s: %w", name, typ, err)
	}
}

// midBlock is the error for a stream that ends where more had to come.
func midBlock(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
