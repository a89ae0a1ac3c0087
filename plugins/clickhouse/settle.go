package clickhouse

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// settle delivers the bad rows and says which messages, if any, are not
// settled.
func (o *output) settle(ctx context.Context, batch service.MessageBatch, all []record, deliveries []*delivery, bad []badRow) error {
	failures := failures{all: all}
	tries := 1
	for _, d := range deliveries {
		if d.err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, row := range d.bad {
			bad = append(bad, badRow{index: d.row(row.index), table: row.table, err: row.err})
		}
		for _, i := range d.failed {
			failures.add(d.err, d.row(i))
		}
		tries = max(tries, d.attempts)
	}
	if o.letters.reject {
		for _, row := range bad {
			failures.add(row.err, row.index)
		}
		o.reportRows(bad, status.ClassRejected)
		return failures.of(batch)
	}
	if err := o.letters.deliver(ctx, all, bad, tries); err != nil {
		return err
	}
	o.countDeadLetters(bad)
	o.letters.told.tell(o.reportRows(bad, status.ClassDeadLetter))
	return failures.of(batch)
}

func (o *output) countDeadLetters(bad []badRow) {
	byTable := map[string]int64{}
	for _, row := range bad {
		byTable[row.table]++
	}
	for table, n := range byTable {
		if checkTableName(table) != nil {
			table = "" // any text may have been taken for the name of one
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
