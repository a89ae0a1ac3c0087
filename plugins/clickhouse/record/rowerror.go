package record

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Why a record cannot become a row, beside what columns say.
var (
	ErrUnknown  = errors.New("no column takes it, and unknown_fields is reject")
	ErrNoColumn = errors.New("no field that is a column of the table")
	ErrMissing  = errors.New("the record lacks it, and the column has neither a default nor null")
	ErrUneven   = errors.New("the arrays of one Nested have different lengths")
	ErrInternal = errors.New("a fault in data-bridge itself, which the log tells of")
	ErrLost     = errors.New("the table has lost this column, which records still have")
)

// ErrDefaultsAlone is ErrNoColumn where that cannot be a row at all: an INSERT has to
// name a column, whose default then does not apply.
var ErrDefaultsAlone = fmt.Errorf("%w, and each of these has a default that only the server can work out: give one a constant default, or send it", ErrNoColumn)

// RowError says why one record cannot become a row.
type RowError struct {
	Column string // "" when the record as a whole is at fault
	Field  bool   // Column is the path of a field that no column takes
	Type   string // of the column
	Value  string // as the record has it, shortened; "" if there is none to show
	Err    error
}

func (e *RowError) Error() string {
	switch {
	case e.Column == "":
		return e.Err.Error()
	case e.Field:
		return fmt.Sprintf("field %q: %v", e.Column, e.Err)
	case e.Value == "":
		return fmt.Sprintf("column %q: %v", e.Column, e.Err)
	}
	return fmt.Sprintf("column %q (%s): value %s: %v", e.Column, e.Type, e.Value, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// Shorten returns the beginning of a value, for messages.
func Shorten(b []byte) string {
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
