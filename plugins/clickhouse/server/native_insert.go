package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// lastWord is how long a server that reads no more is given to say why.
const lastWord = 2 * time.Second

// insert implements wire.
func (w *nativeWire) insert(ctx context.Context, q statement, rows *rows) (written Written, err error) {
	send := (*conn).insert
	if rows.mixture == nil {
		q.sql = rows.sql() + " VALUES" // the data comes by the protocol, whatever the format
	} else {
		q.sql, send = rows.mixture.sql, (*conn).insertMixed
	}
	err = w.with(ctx, func(ctx context.Context, c *conn) (clean bool, err error) {
		written, clean, err = send(c, ctx, q, rows)
		return clean, err
	})
	return written, err
}

func (c *conn) insert(ctx context.Context, q statement, rows *rows) (w Written, clean bool, err error) {
	if err := c.ask(q, c.compress); err != nil {
		return w, false, err
	}
	var a answer
	var wanted []columnInfo
	a.header = true
	a.data = func() (err error) {
		wanted, err = c.header()
		return err
	}
	if err := c.read(&a); err != nil {
		return w, a.exception, err
	}
	if wanted == nil {
		return w, false, fmt.Errorf("%w: it does not ask for the rows of an INSERT", ErrNotStored)
	}
	if rows.fields, err = arranged(rows.fields, wanted); err != nil {
		return w, false, err
	}
	a.header = false
	a.data = func() error { return fmt.Errorf("%w: data in answer to an INSERT", errUnexpected) }
	return c.store(ctx, rows, &a)
}

// insertMixed sends rows that lack different columns, which are no answer to the
// server but belong to the question.
func (c *conn) insertMixed(ctx context.Context, q statement, rows *rows) (w Written, clean bool, err error) {
	if err := c.question(q, c.compress); err != nil {
		return w, false, err
	}
	var a answer
	a.data = func() error { // old servers end it with a block of nothing
		columns, err := c.header()
		if err == nil && len(columns) > 0 {
			err = fmt.Errorf("%w: data in answer to an INSERT", errUnexpected)
		}
		return err
	}
	return c.store(ctx, rows, &a)
}

// header reads the columns of a block without rows.
func (c *conn) header() ([]columnInfo, error) {
	if c.compress == proto.CompressionEnabled {
		c.in.EnableCompression()
		defer c.in.DisableCompression()
	}
	return c.in.header()
}

// store sends the rows and tells what has become of them.
func (c *conn) store(ctx context.Context, rows *rows, a *answer) (w Written, clean bool, err error) {
	n := rows.to - rows.from
	clean, err = c.exchange(ctx, rows, a)
	w.Rows = int64(a.written) //nolint:gosec // a number of rows
	// The protocol has an end that is no success by mistake, and servers tell
	// their progress now and then: not always to the last row.
	w.Known = a.told && w.Rows >= int64(n)
	w.Deduplicated = a.repeated > 0
	return w, clean, err
}

// arranged puts the columns in the server's order, if they are those that it
// wants.
func arranged(fields []field, wanted []columnInfo) ([]field, error) {
	if len(wanted) != len(fields) {
		return nil, fmt.Errorf("%w: %d columns, not %d", ErrSchemaChanged, len(wanted), len(fields))
	}
	byName := make(map[string]field, len(fields))
	for _, f := range fields {
		byName[f.Name] = f
	}
	ordered := make([]field, len(fields))
	for i, want := range wanted {
		f, ok := byName[want.name]
		if !ok {
			return nil, fmt.Errorf("%w: column %q", ErrSchemaChanged, want.name)
		}
		if !column.Same(f.Type, want.typ) {
			return nil, fmt.Errorf("%w: column %q is %s, not %s", ErrSchemaChanged, want.name, want.typ, f.Type)
		}
		delete(byName, want.name)
		f.Type = want.typ
		ordered[i] = f
	}
	return ordered, nil
}

// exchange sends the rows while it listens: a server that has had enough says
// so in mid-insert, and what it says may be lost once it has closed the
// connection.
func (c *conn) exchange(ctx context.Context, rows *rows, a *answer) (clean bool, err error) {
	answered := make(chan error, 1)
	go func() {
		err := sheltered(func() error { return c.read(a) })
		if err != nil {
			_ = c.SetWriteDeadline(longAgo) // nobody is waiting for the rest
		}
		answered <- err
	}()
	sent := sheltered(func() error { return c.sendAll(rows) })
	if sent == nil {
		// After an exception some servers close the connection, and it is not worth
		// waiting to see whether this one does.
		err = <-answered
		return err == nil, err
	}
	var network net.Error
	switch {
	case !errors.As(sent, &network): // a fault of ours, of which the server knows nothing
		_ = c.SetReadDeadline(longAgo)
	case ctx.Err() == nil:
		_ = c.SetReadDeadline(time.Now().Add(lastWord))
	}
	if err = <-answered; err == nil {
		return false, fmt.Errorf("%w: the INSERT was answered before it was sent: %w", ErrNotStored, sent)
	}
	if a.exception {
		return false, err
	}
	return false, errors.Join(sent, err)
}

// sendAll sends the rows and the end of them.
func (c *conn) sendAll(rows *rows) error {
	table := ""
	if rows.mixture != nil {
		table = rows.mixture.external
		if rows.from == rows.to { // then it has its columns of a block without rows
			if err := c.block(table, rows.fields, 0, 0, c.compress); err != nil {
				return err
			}
		}
	}
	for {
		from, to := rows.next()
		if from == to {
			return c.end(c.compress)
		}
		if err := c.block(table, rows.fields, from, to, c.compress); err != nil {
			return err
		}
	}
}
