package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// errCancelled stands for an INSERT that the client has cancelled. Nothing is
// inserted, and the answer is a plain end, as a real server's is.
var errCancelled = errors.New("the client has cancelled the INSERT")

// insert asks the client for the data and runs the statement when all of it is
// there. What damages it ends the connection, for then nobody knows where the
// next packet begins; what the statement or the engine has against it does not.
func (c *session) insert(q request, stmt insertStmt) error {
	header, all, err := c.handler.headerFor(c.scope(), stmt, q.settings)
	if err != nil {
		return c.sendException(err)
	}
	proto.TableColumns{Second: columnsText(all)}.EncodeAware(&c.out, c.revision)
	if err := c.sendBlock(q, emptyBlock(header)); err != nil {
		return err
	}
	if q.fault.stalls() {
		return q.fault.before(context.Background())
	}
	var rows uint64
	answered := false
	_, err = c.handler.spooled(func(file io.Writer) error {
		rows, err = c.receive(q, file)
		return err
	}, func(file string) (*result, error) {
		answered = true
		return nil, c.working(func() error { return c.insertFile(q, stmt, file, rows) })
	})
	switch {
	case answered:
		return err
	case errors.Is(err, errCancelled):
		if err := c.end(); err != nil {
			return err
		}
		_, err = c.receive(q, io.Discard) // what was on its way
		return err
	case isDamage(err):
		return errors.Join(c.sendException(exception("Code: 33. DB::Exception: "+err.Error()+" (CANNOT_READ_ALL_DATA)")), err)
	}
	return c.sendException(err) // the file cannot be written
}

// insertFile runs the statement and answers it.
func (c *session) insertFile(q request, stmt insertStmt, file string, rows uint64) error {
	out, err := q.fault.around(c.scope(), func(at scope) (*result, error) {
		if rows == 0 {
			return &result{}, nil
		}
		return c.handler.runInsert(at, stmt.fromFile(file, "Native", q.settings))
	})
	if err != nil {
		return c.refuse(err)
	}
	return c.endInsert(out)
}

// damageError is one of the data on the wire.
type damageError struct{ error }

func (e damageError) Unwrap() error { return e.error }

func isDamage(err error) bool { return errors.As(err, new(damageError)) }

// receive writes the client's blocks to file until the empty one that ends them.
func (c *session) receive(q request, file io.Writer) (rows uint64, err error) {
	for {
		code, err := c.in.UVarInt()
		if err != nil {
			return 0, damageError{err}
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodeData:
		case proto.ClientCodePing:
			proto.ServerCodePong.Encode(&c.out)
			if err := c.flush(); err != nil {
				return 0, damageError{err}
			}
			continue
		case proto.ClientCodeCancel:
			return 0, errCancelled
		default:
			return 0, damageError{fmt.Errorf("unexpected packet %d in an INSERT", code)}
		}
		header, n, err := c.block(q, file)
		if err != nil {
			return 0, damageError{err}
		}
		if len(header) == 0 {
			return rows, nil
		}
		rows += n
	}
}

// block reads what stands behind a data packet's code.
func (c *session) block(q request, out io.Writer) (header []tableColumn, rows uint64, err error) {
	if _, err := c.in.Str(); err != nil { // the table's name
		return nil, 0, err
	}
	return c.blockOf(q, out)
}

// blockOf reads what stands behind the name of the table.
func (c *session) blockOf(q request, out io.Writer) (header []tableColumn, rows uint64, err error) {
	if q.Compression == proto.CompressionEnabled {
		c.in.EnableCompression()
		defer c.in.DisableCompression()
	}
	return fromWire(c.in, out)
}

func sortedKeys(m map[string]uint64) []string { return slices.Sorted(maps.Keys(m)) }
