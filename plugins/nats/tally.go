package nats

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/time/rate"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// tally keeps the books of one input and publishes them on the board and as
// metrics. Its law, at every moment:
//
//	received = handed over + dropped + conflated + slow consumer + queued
//
// Received is everything that the server delivered to the client, the drops of
// a slow consumer included: it is what the connection counted on the wire, so
// that nothing can get lost between two counters. Dropped is what a pause
// discarded, and what was still queued when its connection ended. Conflated is
// what a newer message of its key took the place of during a pause. Queued is
// the rest: it sits in nats.go's pending queue or in the hold.
type tally struct {
	hold    *hold
	figures *status.Input
	log     *service.Logger

	mu        sync.Mutex
	session   *session // the one whose counters are live; nil without one
	past      totals   // of the sessions that have ended; dropped is what died with them
	published totals
	unlogged  int64 // slow-consumer drops that no log line has told yet
	sometimes rate.Sometimes
}

type totals struct{ received, dropped, conflated, slow int64 }

func newTally(h *hold, figures *status.Input, log *service.Logger) *tally {
	return &tally{
		hold: h, figures: figures, log: log,
		sometimes: rate.Sometimes{Interval: 5 * time.Second},
	}
}

// begin counts a session in, from its first message on.
func (t *tally) begin(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session = s
}

// publish brings the board and the metrics up to date. It is called for each
// batch and by a ticker, never for a message.
func (t *tally) publish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, _ := t.now()
	t.show(now)
}

// end takes the session out of the books; the callbacks of its subscriptions
// have returned. What it received and nobody has is slow-consumer drops if the
// session was drained, for then everything else was taken in. If not, it was
// still queued in the client and died with the connection: that is returned,
// and counts as dropped.
func (t *tally) end(s *session, drained bool) (lost int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != s {
		return 0
	}
	now, h := t.now()
	t.past = totals{received: now.received, dropped: t.past.dropped, slow: now.slow}
	t.session = nil
	rest := now.received - now.dropped - now.conflated - now.slow - h.handed - h.held
	if drained {
		t.past.slow += rest
	} else {
		t.past.dropped += rest
		lost = rest
	}
	now, _ = t.now()
	t.show(now)
	return lost
}

// now reads the counters, what was received last: so it is never less than the
// sum of the others.
func (t *tally) now() (totals, holdFigures) {
	h := t.hold.counts()
	sum := t.past
	sum.dropped += h.dropped
	sum.conflated += h.conflated
	if t.session != nil {
		sum.slow += t.session.slowConsumer()
		sum.received += t.session.received()
	}
	return sum, h
}

func (t *tally) show(now totals) {
	t.figures.Received.Add(now.received - t.published.received)
	t.figures.Dropped.Add(now.dropped - t.published.dropped)
	t.figures.Conflated.Add(now.conflated - t.published.conflated)
	t.figures.SlowConsumer.Add(now.slow - t.published.slow)
	t.figures.PublishSometimes()
	t.unlogged += now.slow - t.published.slow
	t.published = now
	if t.unlogged > 0 {
		t.sometimes.Do(t.logSlow)
	}
}

func (t *tally) logSlow() {
	t.log.With("discarded", t.unlogged, "total", t.published.slow).
		Warn("NATS slow consumer: the client's queue was beyond pending_limits, messages were discarded")
	t.unlogged = 0
}
