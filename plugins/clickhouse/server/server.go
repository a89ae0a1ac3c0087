package server

import (
	"context"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// Server is one ClickHouse server as those see it who store blocks. Its methods
// may be called from any goroutine, and at the same time.
//
// Every call ends: with ctx, or with the time-out that the configuration gives
// to what is asked, whichever comes first, also while a peer neither reads nor
// answers. A call that was ended in that way, or by any trouble on the wire, has
// closed its connection, and leaves no goroutine behind that touches what it was
// given.
//
// Errors are told apart by Classify; Code gives the server's own code, NeverSent
// whether there was no connection at all. None holds a password or a token
// unless the server or a proxy has written it there: see Config.Redact.
type Server interface {
	// Address is host:port, as configured.
	Address() string

	// Ping returns nil when the server answers and takes the credentials.
	Ping(ctx context.Context) error

	// Features returns what the server can do, and what this user may set. It
	// asks once for each new connection, since that may lead to a server that
	// was upgraded, and costs nothing otherwise. A user who may not see the
	// settings is told them by the server's version.
	Features(ctx context.Context) (Features, error)

	// Columns reads the columns of a table that an INSERT may name, in the order
	// of the table: not those that are MATERIALIZED or an ALIAS. A table that does
	// not exist, or that the user may not see, is an error with the server's code.
	// No setting of the user's profile changes what it returns.
	Columns(ctx context.Context, t Table) (*column.Schema, error)

	// Window tells how many inserts the table remembers, so as to recognise a
	// repeated one. What the user may not see of it is no error: it counts as not
	// known.
	Window(ctx context.Context, t Table) (Window, error)

	// Engine returns a table's engine, and its definition from the engine on, as
	// SQL; both are empty if there is no such table or the user may not see it.
	Engine(ctx context.Context, t Table) (engine, definition string, err error)

	// Insert stores rows by one INSERT: all of them, or, with an error of a class
	// other than UnknownOutcome and ViewFault, none. It does not retry. The
	// columns are compared with the table's first, and ErrSchemaChanged returned
	// if they are not the same any more. Of rows that lack different columns, all get
	// the server's defaults; a server may refuse that: see TryMixed. The part belongs to the call until it
	// returns, and is not changed by it.
	//
	// To insert the same part with the same token again is the same insert: it
	// has the same settings and is cut into the same pieces, so that a table
	// which remembers tokens stores it once.
	Insert(ctx context.Context, in Insert) (Written, error)

	// TryInsert inserts no rows into the columns, which the server allows to those
	// only who may insert some.
	TryInsert(ctx context.Context, s *column.Schema, t Table) error

	// TryMixed tries the statement by which Insert sends rows that lack different
	// columns, of no rows. What the server has against the statement, whatever its
	// rows, is the refusal; any other trouble is an error.
	TryMixed(ctx context.Context, s *column.Schema, t Table) (refusal, err error)

	// Texts runs a query of so many columns, which are all of type String, and
	// returns the rows.
	Texts(ctx context.Context, columns int, sql string) ([][]string, error)

	// Close ends the connections. What runs ends with an error, at once.
	Close() error
}

// Insert is rows on their way to a table.
type Insert struct {
	Table Table
	Part  column.Part
	// Token names the rows for the server's deduplication; "" if the caller does
	// not want any, or the server knows no tokens.
	Token string
	// Deduplication says what to ask for.
	Deduplication Deduplication
}

// Written is what a server says of an insert that succeeded.
type Written struct {
	// Rows are those that were written, materialized views' included: at least
	// the insert's own.
	Rows int64
	// Known reports whether the server has told.
	Known bool
	// Deduplicated reports whether the server has recognised the insert and
	// stored nothing. Servers tell it over the native protocol only.
	Deduplicated bool
}

var _ Server = (*Replica)(nil)
