package clickhouse

import (
	"errors"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldOnProcessorError = "on_processor_error"

	failedDeadLetter = "dead_letter"
	failedStore      = "store"
)

func onProcessorErrorField() *service.ConfigField {
	return service.NewStringEnumField(fieldOnProcessorError, failedDeadLetter, failedStore).
		Description("What to do with a message that a processor has failed at and nothing has caught, such as a `mapping` that throws: the stream goes on with it as it was before that processor. " +
			"With `" + failedDeadLetter + "` its records are bad rows and go to `dead_letter`, with the processor's error; with `" + failedStore + "` they are stored like any other, with the zeros and defaults of the columns that the processor would have filled. " +
			"`max_dead_letter_share` holds for them too: a mapping that fails at every record stops its rows, as a wrong table does.").
		Default(failedDeadLetter).Example(failedStore)
}

// processorError is why a record is not stored that a processor has failed at.
type processorError struct{ err error }

func (e *processorError) Error() string { return "a processor failed: " + e.err.Error() }
func (e *processorError) Unwrap() error { return e.err }

// isFailed reports whether a processor has failed at what the error is of.
func isFailed(err error) bool {
	var fault *processorError
	return errors.As(err, &fault)
}

// wordOfFailed says so without a word of the record, which a processor's error may hold.
const wordOfFailed = "a processor of the stream has failed at the record"

// reasonFailed is the value of metaReason for such records.
const reasonFailed = "processor_error"

// takeFailed makes bad rows of the records that a processor has failed at. Whatever
// else is wrong with them comes of that.
func (c *config) takeFailed(all []record, groups []group, bad []badRow) ([]group, []badRow) {
	failed := failedAt(all)
	if failed == nil || c.storeFailed {
		return groups, bad
	}
	for i, row := range bad {
		if err := failed[row.index]; err != nil {
			bad[i].err = err
		}
	}
	var kept []group
	for _, g := range groups {
		var rows []int
		g.each(all, func(row int) {
			if err := failed[row]; err != nil {
				bad = append(bad, badRow{index: row, table: g.table, err: err})
				return
			}
			rows = append(rows, row)
		})
		if len(rows) > 0 {
			g.rows = rows
			kept = append(kept, g)
		}
	}
	slices.SortFunc(bad, func(a, b badRow) int { return a.index - b.index })
	return kept, bad
}

// failedAt returns, for each record, the error of a processor that its message
// carries; nil when none does.
func failedAt(all []record) (failed []error) {
	var last *service.Message
	var err error
	for i, r := range all {
		if r.msg != last { // those of a frame share theirs
			last, err = r.msg, nil
			if fault := r.msg.GetError(); fault != nil {
				err = &processorError{fault}
			}
		}
		if err == nil {
			continue
		}
		if failed == nil {
			failed = make([]error, len(all))
		}
		failed[i] = err
	}
	return failed
}

// countStoredFailed counts the records of a batch that are stored though a processor
// has failed at them.
func (o *output) countStoredFailed(s *shipment) {
	failed := failedAt(s.all)
	if failed == nil || !o.cfg.storeFailed {
		return
	}
	for _, d := range s.parts {
		n := int64(0)
		for i := range d.records {
			if failed[d.row(i)] != nil {
				n++
			}
		}
		o.countFailed(d.table, n)
	}
}

// countBadFailed counts those of bad rows that a processor had failed at.
func (o *output) countBadFailed(bad []badRow) {
	byTable := map[string]int64{}
	for _, row := range bad {
		if isFailed(row.err) {
			byTable[guardedName(row.table)]++
		}
	}
	for table, n := range byTable {
		o.countFailed(table, n)
	}
}

// countFailed counts records that a processor had failed at.
func (o *output) countFailed(table string, n int64) {
	if n == 0 {
		return
	}
	if table == "" {
		o.board.UnroutedErrors.Add(n)
	} else {
		o.board.Table(table).ProcessorErrors.Add(n)
	}
	o.metrics.processorErrors.Incr(n, table)
}
