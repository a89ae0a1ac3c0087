package clickhouse

import (
	"errors"
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// reasons are the errors of rows that say nothing of a record's content.
var reasons = []error{
	column.ErrNull, column.ErrDuplicate, rec.ErrUnknown, rec.ErrNoColumn, rec.ErrLost, rec.ErrUneven, rec.ErrMissing, column.ErrNotAUUID, column.ErrNotEnum, column.ErrNotAnIP,
	column.ErrNoElement, column.ErrNoVariant,
	column.ErrNotANumber, column.ErrRange, column.ErrPrecision, column.ErrNotATime, column.ErrNotADate, column.ErrEpoch, column.ErrNotAClock,
	json.ErrMalformed, json.ErrNotUTF8,
}

// reasonOf says why a row does not fit without a word of what it holds: values are
// for the dead letters, incidents are for whoever sees the status page.
func reasonOf(e *rec.RowError) string {
	var kind *column.KindError
	if errors.As(e.Err, &kind) {
		return kind.Error()
	}
	for _, known := range reasons {
		if errors.Is(e.Err, known) {
			return known.Error()
		}
	}
	return "it does not fit"
}

// incidentOf words the fault of a row that goes to the dead letters, or back.
func incidentOf(row badRow, class string) status.Incident {
	i := status.Incident{Table: row.table, Class: class, Count: 1}
	var fault *rec.RowError
	code, ok := server.Code(row.err)
	switch {
	case isFailed(row.err):
		i.Table, i.Message = guardedName(row.table), wordOfFailed
	case errors.As(row.err, &fault):
		i.Column, i.Message = fault.Column, reasonOf(fault)
		if fault.Type != "" {
			i.Message = fault.Type + ": " + i.Message
		}
	case ok:
		i.Message = fmt.Sprintf("ClickHouse refuses the row with code %d", code)
	default:
		i.Table, i.Message = "", "the record does not tell its table or its shard"
	}
	return i
}

// reportRows tells of rows that were not stored, those of one cause together, and
// returns how many there are of each.
func (o *output) reportRows(bad []badRow, class string) map[status.Incident]int64 {
	counts := map[status.Incident]int64{}
	for _, row := range bad {
		counts[incidentOf(row, class)]++
	}
	for i, n := range counts {
		i.Count = n
		o.board.Report(i)
	}
	return counts
}

// wordOf says why an insert failed without a word of what a record holds, for
// /health and the page.
func wordOf(err error) string {
	var fault *rec.RowError
	var flood *floodError
	switch {
	case errors.As(err, &flood) && errors.As(flood.example, &fault):
		return fmt.Sprintf("%v; such as %s", flood.verdict, wordOfRow(fault))
	case flood != nil:
		return flood.verdict.Error() // the server's words may hold a value
	case errors.As(err, &fault):
		return fmt.Sprintf("%v: %s", errDrift, wordOfRow(fault))
	}
	var fatal *lane.PanicError
	if errors.As(err, &fatal) {
		return "a fault in data-bridge itself: see the log" // it may say what a record holds
	}
	return err.Error()
}

// wordOfRow says what is wrong with a row without its value.
func wordOfRow(fault *rec.RowError) string {
	if fault.Column == "" {
		return reasonOf(fault)
	}
	shown := fmt.Sprintf("column %q", fault.Column)
	if fault.Field {
		shown = fmt.Sprintf("field %q", fault.Column)
	}
	if fault.Type != "" {
		shown += " (" + fault.Type + ")"
	}
	return shown + ": " + reasonOf(fault)
}
