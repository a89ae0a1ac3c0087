package clickhouse

import (
	"errors"
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// reasons are the errors of rows that say nothing of a record's content.
var reasons = []error{
	errNull, errDuplicate, errUnknown, errNoColumn, errLost, errNotAUUID, errNotEnum, errNotAnIP, errNoElement, errNoVariant,
	errNotANumber, errRange, errPrecision, errNotATime, errNotADate, errEpoch, errLocalTime, errMalformed, errNotUTF8,
}

// reason says why a row does not fit without a word of what it holds: values are
// for the dead letters, incidents are for whoever sees the status page.
func (e *rowError) reason() string {
	var kind *kindError
	if errors.As(e.err, &kind) {
		return kind.Error()
	}
	for _, known := range reasons {
		if errors.Is(e.err, known) {
			return known.Error()
		}
	}
	return "it does not fit"
}

// incidentOf words the fault of a row that goes to the dead letters, or back.
func incidentOf(row badRow, class string) status.Incident {
	i := status.Incident{Table: row.table, Class: class, Count: 1}
	var fault *rowError
	code, ok := server.Code(row.err)
	switch {
	case errors.As(row.err, &fault):
		i.Column, i.Message = fault.column, fault.reason()
		if fault.columnType != "" {
			i.Message = fault.columnType + ": " + i.Message
		}
	case ok:
		i.Message = fmt.Sprintf("ClickHouse refuses the row with code %d", code)
	default:
		i.Table, i.Message = "", "the record does not tell its table or its shard"
	}
	return i
}

// reportRows tells of rows that were not stored, those of one cause together.
func (o *output) reportRows(bad []badRow, class string) {
	counts := map[status.Incident]int64{}
	for _, row := range bad {
		counts[incidentOf(row, class)]++
	}
	for i, n := range counts {
		i.Count = n
		o.board.Report(i)
	}
}

// wordOf says why an insert failed without a word of what a record holds, for
// /health and the page.
func wordOf(err error) string {
	var fault *rowError
	if errors.As(err, &fault) {
		shown := fmt.Sprintf("%v: column %q", errDrift, fault.column)
		if fault.columnType != "" {
			shown += " (" + fault.columnType + ")"
		}
		return shown + ": " + fault.reason()
	}
	return err.Error()
}
