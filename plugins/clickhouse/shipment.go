package clickhouse

import (
	"context"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// shipment is what one batch has for its tables, and for the dead letters. Each
// part of it is settled as soon as it has ended, whatever the others wait for.
type shipment struct {
	out   *output
	ctx   context.Context //nolint:containedctx // of the call that waits for it
	all   []record
	tray  []*delivery // rows that are bad before anything was sent, by table
	parts []*delivery // the others, by table and shard
	ways  []*way      // of the parts
	ended chan *delivery

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
	s := &shipment{out: o, ctx: ctx, all: all, failures: failures{all: all}, tray: strays(append(bad, homeless...))}
	s.ended = make(chan *delivery, len(groups)+len(s.tray))
	flight := flightOf(batch)
	for _, g := range groups {
		w := o.ways.to(target{table: g.table, shard: g.shard})
		d := newDelivery(ctx, g.of(all), g.rows)
		d.table, d.sealed, d.flight, d.salts, d.done = g.table, g.sealed, flight, w.sink.salts, s.ended
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

// send brings every part on its way. Where so many rows of a table are bad already
// that it is hardly the rows, they and their neighbours wait for somebody.
func (s *shipment) send() {
	rows := map[string]int{}
	for _, d := range s.parts {
		rows[d.table] += len(d.records)
		rows[""] += len(d.records)
	}
	for table, good := range rows {
		if !slices.ContainsFunc(s.tray, func(d *delivery) bool { return d.table == table }) {
			s.out.guards.of(table).settled(good, 0)
		}
	}
	var parked []string
	for _, d := range s.tray {
		g := s.out.guards.of(d.table)
		if err := g.judge(rows[d.table], len(d.bad)); err != nil {
			parked = append(parked, d.table)
			go s.park(g, d, rows[d.table], err)
			continue
		}
		g.settled(rows[d.table], len(d.bad))
		d.end()
	}
	s.add(func(table string) bool { return !slices.Contains(parked, table) })
}

// add gives the parts for some tables to their lanes.
func (s *shipment) add(which func(table string) bool) {
	for i, d := range s.parts {
		if which(d.table) {
			s.ways[i].lane.Add(d)
		}
	}
}

// park keeps rows, and those of the same table that came with them, until their share
// is small enough or the call ends. Rows whose table cannot be told wait alone.
func (s *shipment) park(g *guard, d *delivery, good int, verdict error) {
	o, rows := s.out, len(d.bad)
	if d.table != "" {
		rows += good
	}
	waiting := o.board.AwaitRepair(rows)
	for n := 1; verdict != nil; n++ {
		word := verdict.Error() + "; such as: " + incidentOf(d.bad[0], "").Message
		waiting.Failed(&classifiedError{server.SchemaFault, word})
		if repeats, tell := g.told.Tell(repeatEvery); tell {
			o.log.With("table", d.table, "rows", rows, "attempt", n, "repeats", repeats).
				Errorf("%d rows%s are kept: %v; such as: %v", rows, ofTable(d.table), verdict, o.cfg.redact(d.bad[0].err))
			o.board.Report(status.Incident{Table: d.table, Class: server.SchemaFault.String(), Message: word, Count: 1})
		}
		select {
		case <-time.After(o.cfg.backoff.Wait(n)):
			verdict = g.judge(good, len(d.bad))
		case <-s.ctx.Done():
			waiting.Done()
			s.takeBack(d)
			return
		}
	}
	waiting.Done()
	g.settled(good, len(d.bad))
	if d.table != "" {
		s.add(func(table string) bool { return table == d.table })
	}
	d.end()
}

// takeBack ends what is parked when the call does.
func (s *shipment) takeBack(d *delivery) {
	if d.table != "" {
		for _, part := range s.parts {
			if part.table == d.table {
				part.Fail(s.ctx.Err())
			}
		}
	}
	d.err = s.ctx.Err()
	d.end()
}

func ofTable(table string) string {
	if table == "" {
		return ""
	}
	return " for table \"" + table + "\""
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
		return s.ctx.Err() // who gives the batch up is waiting
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
