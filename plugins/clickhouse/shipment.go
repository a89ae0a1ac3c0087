package clickhouse

import (
	"context"
	"slices"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// shipment is what one batch has for its tables, and for the dead letters. Each
// part of it is settled as soon as it has ended, whatever the others wait for.
type shipment struct {
	out    *output
	ctx    context.Context //nolint:containedctx // of the call that waits for it, or until it is handed back
	cancel context.CancelCauseFunc
	flight string
	all    []record
	tray   []*delivery // rows that are bad before anything was sent, by table
	parts  []*delivery // the others, by table and shard
	ways   []*way      // of the parts
	ended  chan *delivery

	mu   sync.Mutex
	sent bool // some of it was, or is a dead letter

	held     held
	failures failures
	rejected []badRow // handed back at the end, as the host wants it
	err      error    // why the batch as a whole comes again
}

// ship divides a batch by table. It has to be left.
func (o *output) ship(ctx context.Context, batch service.MessageBatch, all []record) *shipment {
	groups, bad := o.cfg.namer.split(all)
	groups, bad = o.cfg.takeFailed(all, groups, bad)
	groups, homeless := o.cfg.sharder.divide(all, groups)
	groups = separate(all, groups)
	s := &shipment{out: o, flight: flightOf(batch), all: all, failures: failures{all: all}, tray: strays(append(bad, homeless...))}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.ended = make(chan *delivery, len(groups)+len(s.tray))
	for _, g := range groups {
		w := o.ways.to(target{table: g.table, shard: g.shard})
		d := newDelivery(s.ctx, g.of(all), g.rows)
		d.table, d.sealed, d.flight, d.salts, d.done = g.table, g.sealed, s.flight, w.sink.salts, s.ended
		s.parts, s.ways = append(s.parts, d), append(s.ways, w)
	}
	for _, d := range s.tray {
		d.done = s.ended
	}
	s.held.expect(o.board, s.parts)
	return s
}

// strays makes deliveries of rows that are bad already, one for each table.
func strays(bad []badRow) (tray []*delivery) {
	for _, row := range bad {
		table := guardedName(row.table)
		i := slices.IndexFunc(tray, func(d *delivery) bool { return d.table == table })
		if i < 0 {
			i = len(tray)
			tray = append(tray, &delivery{table: table, attempts: 1})
		}
		tray[i].bad = append(tray[i].bad, row)
	}
	return tray
}

// guardedName is the name by which rows are judged: "" where the table cannot be told,
// since any text may have been taken for the name of one.
func guardedName(table string) string {
	if checkTableName(table) != nil {
		return ""
	}
	return table
}

// settle returns when every part has ended and its dead letters are delivered, and
// says which messages of the batch, if any, are not settled.
func (s *shipment) settle(batch service.MessageBatch) error {
	for range cap(s.ended) {
		d := <-s.ended
		if s.err == nil {
			s.err = s.settleOne(d)
		}
		s.held.ended(d)
	}
	if s.err != nil {
		return s.err
	}
	s.out.reportRows(s.rejected, status.ClassRejected)
	s.out.countBadFailed(s.rejected)
	return s.failures.of(batch)
}

func (s *shipment) settleOne(d *delivery) error {
	if s.ctx.Err() != nil && (d.err != nil || len(d.bad) > 0) {
		return context.Cause(s.ctx) // who gives the batch up is waiting
	}
	for _, i := range d.failed {
		s.failures.add(d.err, d.row(i))
	}
	bad := make([]badRow, len(d.bad))
	for i, row := range d.bad {
		bad[i] = badRow{index: d.row(row.index), table: row.table, err: row.err}
	}
	if s.out.letters.reject {
		for _, row := range bad {
			s.failures.add(row.err, row.index)
		}
		s.rejected = append(s.rejected, bad...)
		return nil
	}
	return s.out.deliverLetters(s.ctx, s.all, bad, max(1, d.attempts))
}

// leave ends the use of the ways.
func (s *shipment) leave() {
	s.cancel(nil)
	for _, w := range s.ways {
		s.out.ways.leave(w)
	}
}

// held tells each table how many rows that are settled are still unacknowledged, since
// they came in one batch with rows of it that are not.
type held struct {
	tables  []heldBy
	settled int64
}

// heldBy is what waits for one table.
type heldBy struct {
	figures *status.Table
	name    string
	open    int   // parts for it that have not ended
	told    int64 // rows
}

func (h *held) expect(board *status.Output, parts []*delivery) {
	for _, d := range parts {
		i := slices.IndexFunc(h.tables, func(t heldBy) bool { return t.name == d.table })
		if i < 0 {
			i = len(h.tables)
			h.tables = append(h.tables, heldBy{figures: board.Table(d.table), name: d.table})
		}
		h.tables[i].open++
	}
}

// ended notes that a part waits for nothing any more but for the others.
func (h *held) ended(d *delivery) {
	h.settled += int64(max(len(d.records), len(d.bad)))
	for i := range h.tables {
		t := &h.tables[i]
		if t.name == d.table && len(d.records) > 0 {
			t.open--
		}
		waits := h.settled
		if t.open == 0 {
			waits = 0
		}
		t.figures.Held.Add(waits - t.told)
		t.told = waits
	}
}
