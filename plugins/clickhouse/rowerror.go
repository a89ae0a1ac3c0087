package clickhouse

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	errNull      = errors.New("null, but the column is not Nullable")
	errDuplicate = errors.New("the field is given twice")
	errUnknown   = errors.New("no column of that name")
	errNoColumn  = errors.New("no field that is a column of the table")
	errInternal  = errors.New("a fault in data-bridge itself, which the log tells of")
	errLost      = errors.New("the table has lost this column, which records still have")
)

// rowError says why one record cannot become a row.
type rowError struct {
	column     string // "" when the record as a whole is at fault
	columnType string
	value      string // shortened
	err        error
}

func (e *rowError) Error() string {
	switch {
	case e.column == "":
		return e.err.Error()
	case e.value == "":
		return fmt.Sprintf("column %q: %v", e.column, e.err)
	}
	return fmt.Sprintf("column %q (%s): value %s: %v", e.column, e.columnType, e.value, e.err)
}

func (e *rowError) Unwrap() error { return e.err }

// shorten returns the beginning of a value, for messages.
func shorten(b []byte) string {
	const most = 64
	if len(b) <= most {
		return string(b)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return string(b[:cut]) + "…"
}
