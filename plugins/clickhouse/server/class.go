package server

import (
	"context"
	"errors"
	"strings"
)

// Class says what is to be done about a failed insert.
type Class int

const (
	// Retry says that it may pass by itself, and that nothing was stored.
	Retry Class = iota
	// RetrySlow says that the server is overloaded; come back later than for Retry.
	RetrySlow
	// TooLarge says that the insert is too large for a limit of the server, of its user or
	// of a proxy before it; nothing of it was stored. Smaller ones may fit, and it
	// is for the caller to tell a limit from a load that passes.
	TooLarge
	// UnknownOutcome says that the rows may be stored or not; the same rows are sent
	// again, unchanged.
	UnknownOutcome
	// RowFault says that some row of the block is at fault; it is looked for by halving.
	RowFault
	// SchemaFault says that the table is not what we took it for; its schema is read
	// again.
	SchemaFault
	// AccessFault says that somebody has to change a right, a password or a setting; rows
	// are kept.
	AccessFault
	// ViewFault says that a materialized view that the table feeds has refused rows that
	// the table may have stored already. Sending them in other company could
	// store them again: the same rows are sent again, unchanged.
	ViewFault

	// Classes is how many there are.
	Classes
)

func (c Class) String() string {
	if c < 0 || c >= Classes {
		return "unknown class"
	}
	return [...]string{
		"retry", "retry and slow down", "too large", "unknown outcome",
		"row fault", "schema fault", "access fault", "view fault",
	}[c]
}

// Label is the class as the value of a metric's label.
func (c Class) Label() string { return strings.ReplaceAll(c.String(), " ", "_") }

// NeedsSomebody reports whether waiting alone will not help.
func (c Class) NeedsSomebody() bool {
	return c == SchemaFault || c == AccessFault || c == ViewFault
}

// Overload reports whether the server has more than it can take, so that it is
// to be left alone for longer.
func (c Class) Overload() bool { return c == RetrySlow || c == TooLarge }

// Classified is an error that knows its class. Packages above implement it for
// errors of their own.
type Classified interface {
	error
	ClickHouseClass() Class
}

// manyPartitions is how the server says that a block touches too many
// partitions. It bears the code of too many parts, but waiting does not help:
// halving the block does.
const manyPartitions = "Too many partitions for single INSERT"

// formLimit is how the server says that a form is too large, as which a mixed insert
// is sent over HTTP. Of itself the code would be about a load that passes.
const formLimit = "http_max_multipart_form_data_size"

// pushingToView is how the server says that not the table but a view behind it
// has failed.
const pushingToView = "while pushing to view"

// Classify decides what to do about an error of an insert or of reading a
// schema. It is the only place where that is decided. An error of which nothing
// is known is UnknownOutcome.
func Classify(err error) Class {
	var own Classified
	if errors.As(err, &own) {
		return own.ClickHouseClass()
	}
	code, ok := Code(err)
	if !ok {
		if NeverSent(err) {
			return Retry
		}
		// The network, a time-out, an unexpected end, the driver: whatever it
		// is, the server may have stored the block before.
		return statusClass(err)
	}
	class := ClassOf(code)
	text := err.Error()
	switch {
	case strings.Contains(text, manyPartitions):
		return RowFault
	case strings.Contains(text, formLimit):
		return TooLarge
	case strings.Contains(text, pushingToView) && (class == RowFault || class == SchemaFault || class == AccessFault):
		return ViewFault
	case strings.Contains(text, pushingToView) && (class == Retry || class == RetrySlow || class == TooLarge):
		return UnknownOutcome // the table's own rows may be there already
	}
	return class
}

// classifiedError is an error of this package of a known class.
type classifiedError struct {
	class Class
	text  string
}

func (e *classifiedError) Error() string          { return e.text }
func (e *classifiedError) ClickHouseClass() Class { return e.class }

// ErrSchemaChanged says that the INSERT's columns on the server are not those
// that the rows were decoded for.
var ErrSchemaChanged error = &classifiedError{SchemaFault, "the table's columns have changed on the server"}

// ErrNotStored says that the server claims success and yet did not say that it
// is ClickHouse, or that it has written every row.
var ErrNotStored error = &classifiedError{UnknownOutcome, "the answer does not say that the rows are stored"}

// ErrClosed is returned for what is asked of a replica that was closed.
var ErrClosed error = &classifiedError{Retry, "the connections are closed"}

// givenUp reports whether an error came of its caller's giving up.
func givenUp(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, ErrClosed)
}

// NothingWritten reports whether the server has refused an insert before it
// wrote anything, so that its rows may also be sent in other company.
func NothingWritten(err error) bool {
	code, ok := Code(err)
	return ok && (code == codeTooManyQueries || code == codeTooManyParts) && !strings.Contains(err.Error(), pushingToView)
}
