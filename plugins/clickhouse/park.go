package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// parked are bad rows that wait, with what came with them for the same table, since
// there are so many that it is hardly the rows.
type parked struct {
	*delivery
	guard   *guard
	good    int // rows that came with them
	verdict error
	waiting *status.Wait
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
	var kept []*parked
	for _, d := range s.tray {
		g, good := s.out.guards.take(d.table), rows[d.table]
		if err := g.judge(good, len(d.bad)); err != nil {
			kept = append(kept, &parked{delivery: d, guard: g, good: good, verdict: err})
			continue
		}
		g.settled(good, len(d.bad))
		s.out.guards.release(g)
		s.sent = true
		d.end()
	}
	moves := func(table string) bool {
		return !slices.ContainsFunc(kept, func(p *parked) bool { return p.table == table })
	}
	s.sent = s.sent || slices.ContainsFunc(s.parts, func(d *delivery) bool { return moves(d.table) })
	for _, p := range kept {
		p.waiting = s.out.board.AwaitRepair(p.waits())
		p.waiting.Failed(&classifiedError{server.SchemaFault, p.word()})
	}
	s.out.returned.back(s.flight) // what is kept of it is shown again
	for _, p := range kept {
		go s.park(p)
	}
	s.add(moves)
}

// add gives the parts for some tables to their lanes.
func (s *shipment) add(which func(table string) bool) {
	for i, d := range s.parts {
		if which(d.table) {
			s.ways[i].lane.Add(d)
		}
	}
}

// waits is how many rows wait. Those whose table cannot be told wait alone.
func (p *parked) waits() int {
	if p.table == "" {
		return len(p.bad)
	}
	return p.good + len(p.bad)
}

// word says why they wait, without a word of the records.
func (p *parked) word() string {
	return p.verdict.Error() + "; such as: " + incidentOf(p.bad[0], "").Message
}

// park keeps rows until their share is small enough, or the call ends. Of a batch of
// which nothing was sent, the buffer gets all back after a while and hands it out again:
// processors may have failed at what has passed since, and what waits behind it in the
// buffer may be better.
func (s *shipment) park(p *parked) {
	o := s.out
	defer o.guards.release(p.guard)
	until := time.Now().Add(o.cfg.backoff.Max)
	for n := 1; p.verdict != nil; n++ {
		o.tellParked(p, n)
		select {
		case <-time.After(o.cfg.backoff.Wait(n)):
		case <-s.ctx.Done():
			s.takeBack(p)
			return
		}
		p.verdict = p.guard.judge(p.good, len(p.bad))
		if p.verdict != nil && !time.Now().Before(until) {
			s.handBack(p.verdict)
		}
	}
	if p.mayPass() {
		s.handBack(errPass)
	}
	if !s.begin() {
		s.takeBack(p)
		return
	}
	p.waiting.Done()
	p.guard.settled(p.good, len(p.bad))
	if p.table != "" {
		s.add(func(table string) bool { return table == p.table })
	}
	p.end()
}

// tellParked says that rows are kept: in /health, and now and then in the log.
func (o *output) tellParked(p *parked, attempt int) {
	word := p.word()
	p.waiting.Failed(&classifiedError{server.SchemaFault, word})
	if repeats, tell := p.guard.told.Tell(repeatEvery); tell {
		o.log.With("table", p.table, "rows", p.waits(), "attempt", attempt, "repeats", repeats).
			Errorf("%d rows%s are kept: %v; such as: %v", p.waits(), ofTable(p.table), p.verdict, o.cfg.redact(p.bad[0].err))
		o.board.Report(status.Incident{Table: p.table, Class: server.SchemaFault.String(), Message: word, Count: 1})
	}
}

// begin reports whether some of the shipment may be settled: it is not handed back.
func (s *shipment) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.sent = true
	return true
}

// errPass is why rows go back that may be dead letters by now.
var errPass = errors.New("what a processor failed at goes through the processors once more, since others pass")

// mayPass reports whether the processors, if they are asked again, may make something of
// the rows: others passed them meanwhile, and rows that do not this time are dead letters.
func (p *parked) mayPass() bool {
	return slices.ContainsFunc(p.bad, func(row badRow) bool { return isFailed(row.err) })
}

// handBackError says why a batch goes back to the buffer as a whole.
type handBackError struct{ verdict error }

func (e *handBackError) Error() string { return "nothing of it was sent: " + e.verdict.Error() }
func (e *handBackError) Unwrap() error { return e.verdict }

// handBack gives the whole batch back, unless some of it was sent, which would be stored
// again, or it comes of no buffer that would know it again.
func (s *shipment) handBack(verdict error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sent && s.flight != "" {
		s.cancel(&handBackError{verdict})
	}
}

// takeBack ends what is parked when the call does, or the batch is handed back; then
// its rows are shown as parked until it comes again.
func (s *shipment) takeBack(p *parked) {
	cause := context.Cause(s.ctx)
	if p.table != "" {
		for _, part := range s.parts {
			if part.table == p.table {
				part.Fail(cause)
			}
		}
	}
	p.err = cause
	var back *handBackError
	if errors.As(cause, &back) {
		s.out.returned.keep(s.flight, p.waiting)
	} else {
		p.waiting.Done()
	}
	p.end()
}

func ofTable(table string) string {
	if table == "" {
		return ""
	}
	return fmt.Sprintf(" for table %q", table)
}

// returned is what the buffer has got back and is to hand out again, by the names of its
// flights. It is safe for concurrent use.
type returned struct {
	mu  sync.Mutex
	all map[string][]*status.Wait
}

// keep goes on showing rows that wait.
func (r *returned) keep(flight string, w *status.Wait) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string][]*status.Wait{}
	}
	r.all[flight] = append(r.all[flight], w)
}

// back ends that: the flight has come again.
func (r *returned) back(flight string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.all[flight] {
		w.Done()
	}
	delete(r.all, flight)
}

// close ends it for all: nothing comes any more.
func (r *returned) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.all {
		for _, w := range list {
			w.Done()
		}
	}
	r.all = nil
}
