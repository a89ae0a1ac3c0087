package clickhouse

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// deliverLetters brings bad rows to the dead-letter output, and counts them when it has
// them.
func (o *output) deliverLetters(ctx context.Context, all []record, bad []badRow, attempts int) error {
	if len(bad) == 0 {
		return nil
	}
	if err := o.letters.deliver(ctx, all, bad, attempts); err != nil {
		return err
	}
	o.countDeadLetters(bad)
	o.letters.told.tell(o.reportRows(bad, status.ClassDeadLetter))
	return nil
}

func (o *output) countDeadLetters(bad []badRow) {
	byTable := map[string]int64{}
	for _, row := range bad {
		byTable[guardedName(row.table)]++
	}
	o.countBadFailed(bad)
	for table, n := range byTable {
		if table == "" {
			o.board.Unrouted.Add(n)
		} else {
			o.board.Table(table).DeadLetters.Add(n)
		}
		o.metrics.deadLetters.Incr(n, table)
	}
}

// failures collects the records that were not settled.
type failures struct {
	all      []record
	headline error
	rows     []int
	errs     []error
}

func (f *failures) add(err error, rows ...int) {
	if f.headline == nil {
		f.headline = err
	}
	for _, row := range rows {
		f.rows = append(f.rows, row)
		f.errs = append(f.errs, err)
	}
}

// of returns an error that names exactly the messages whose records failed, nil
// if there are none.
func (f *failures) of(batch service.MessageBatch) error {
	if len(f.rows) == 0 {
		return nil
	}
	e := service.NewBatchError(batch, f.headline)
	for i, row := range f.rows {
		_ = e.Failed(f.all[row].at, f.errs[i]) // returns e
	}
	return e
}
