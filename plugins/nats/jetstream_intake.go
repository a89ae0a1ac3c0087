package nats

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// intake takes in what the server delivers and hands it out in batches. It also
// decides when the server is asked for more: there is one request at a time, it
// asks for no more than there is room for, and none is sent while paused. So a
// pause needs no message to be given back: what the last request still brings
// is taken in.
//
// nats.go's own iterators cannot do that: they ask for more while they hand out
// what they have, and to stop them is to give up the subscription on which the
// server is still delivering, whose messages then come again after ack_wait.
//
// All methods are safe for concurrent use; take is called by one goroutine.
type intake struct {
	conf  intakeConfig
	ready chan struct{} // holds a token when take has a reason to look again
	wake  chan struct{} // holds a token when the puller has
	again chan struct{} // holds a token when something that is held has come again
	short chan struct{} // holds a token when the stream has deleted what was not delivered

	mu           sync.Mutex
	ledger       ledger
	place        place
	receipts     receipts
	msgs         []*nats.Msg // waiting for take
	runs         []*run      // what msgs are in, in the same order
	bytes        int         // of msgs
	since        time.Time   // when the first of msgs came
	expected     uint64      // the consumer sequence that comes next
	request      request
	judged       uint64       // the request whose outcome was told
	oversized    bool         // the next message is larger than all the room there is
	wanting      int          // this much room was less than the next message takes; 0 where that is not known
	window       int          // bytes that the link brings in the time of a request
	wire         func() int64 // bytes that the connection has brought; nil where nobody knows
	made         time.Time    // when the present consumer was
	floor        uint64       // up to where the server said that everything is settled
	shared       bool         // others have, or had, messages of this consumer
	paused       bool
	draining     bool
	disconnected bool
	left         bool // nobody takes any more
	closed       bool
	figures      intakeFigures
}

// intakeConfig bounds what waits in an intake, and a batch.
type intakeConfig struct {
	messages, bytes int
	count           int
	period          time.Duration
	maxDeliveries   uint64 // 0: no limit
	poison          func(m *nats.Msg, d delivery)
}

// intakeFigures count messages since the intake was made.
type intakeFigures struct {
	received    int64 // taken in
	redelivered int64 // of these, not for the first time
	repeated    int64 // delivered again while they were held: not taken in twice
	nacked      int64 // rejected by the stream, to be delivered again
	terminated  int64 // given up
	discarded   int64 // rejected, of a stream that is no more: lost
	stalls      int64 // requests that did not end well
}

// answer is one thing to say to the server about a message; the zero value is
// nothing.
type answer struct {
	reply string
	word  []byte
}

func newIntake(conf intakeConfig, all bool) *intake {
	return &intake{
		conf:   conf,
		ledger: newLedger(all),
		window: min(firstWindow, conf.bytes),
		ready:  make(chan struct{}, 1),
		wake:   make(chan struct{}, 1),
		again:  make(chan struct{}, 1),
		short:  make(chan struct{}, 1),
	}
}

// offer takes in one message. It never blocks: the request was for what there
// is room for. What it returns is to be said to the server at once: that a
// message is settled of which it had not heard so, or that one is given up.
func (k *intake) offer(m *nats.Msg, d delivery) (say answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answered(m.Size())
	k.place.follow(d)
	if !k.place.lost.none() {
		signal(k.short)
	}
	if k.closed {
		return say
	}
	if k.left {
		return answer{m.Reply, ackNak}
	}
	k.follow(d)
	was := k.ledger.standing(d.stream)
	switch was {
	case held:
		k.figures.repeated++
		signal(k.again)
		return say
	case past:
		k.figures.repeated++
		return answer{m.Reply, ackAck}
	}
	if d.count > 1 {
		k.figures.redelivered++
	}
	if k.conf.maxDeliveries > 0 && d.count > k.conf.maxDeliveries {
		return k.terminate(m, d, was)
	}
	k.figures.received++
	k.add(m, d, was)
	return say
}

// follow notices deliveries that did not come here.
func (k *intake) follow(d delivery) {
	if d.consumer > k.expected {
		k.shared = true
		if k.ledger.all {
			k.ledger.debt.messages += d.consumer - k.expected
			k.ledger.debt.upTo = max(k.ledger.debt.upTo, d.stream)
		}
	}
	k.expected = d.consumer + 1
}

// terminate gives a message up. Where one acknowledgement covers all before it,
// so does a termination: there the message counts as settled instead.
func (k *intake) terminate(m *nats.Msg, d delivery, was standing) (say answer) {
	k.figures.terminated++
	k.conf.poison(m, d)
	if !k.ledger.all {
		return answer{m.Reply, ackTerm}
	}
	r := k.ledger.open(nil, d.stream)
	k.ledger.add(r, itemOf(m, d), was)
	r.waiting = false
	for _, reply := range k.ledger.settle(r) {
		say = answer{reply, ackAck}
	}
	return say
}

func itemOf(m *nats.Msg, d delivery) item {
	return item{sequence: d.stream, reply: m.Reply, count: uint32(d.count)}
}

func (k *intake) add(m *nats.Msg, d delivery, was standing) {
	var current *run
	if n := len(k.runs); n > 0 && len(k.runs[n-1].items) < k.conf.count {
		current = k.runs[n-1]
	}
	r := k.ledger.open(current, d.stream)
	if r != current {
		k.runs = append(k.runs, r)
	}
	k.ledger.add(r, itemOf(m, d), was)
	k.msgs = append(k.msgs, m)
	k.bytes += m.Size()
	n := len(k.msgs)
	if n == 1 {
		k.since = time.Now()
	}
	if n == 1 || n == k.conf.count {
		signal(k.ready)
	}
}

// take waits for a batch: a full one, one whose period is over, or any while
// draining. It never returns an empty one. A cancelled context leaves everything
// in place.
func (k *intake) take(ctx context.Context) ([]*nats.Msg, []*run, error) {
	for {
		msgs, runs, rest, err := k.look(ctx)
		if len(msgs) > 0 || err != nil {
			return msgs, runs, err
		}
		await(ctx, k.ready, rest)
	}
}

func (k *intake) look(ctx context.Context) (msgs []*nats.Msg, runs []*run, rest time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, nil, 0, err
	}
	n := len(k.msgs)
	switch {
	case n == 0:
		return nil, nil, 0, k.over()
	case n < k.conf.count && !k.draining:
		if rest = k.conf.period - time.Since(k.since); rest > 0 {
			return nil, nil, rest, nil
		}
	}
	msgs, runs = k.cut(min(n, k.conf.count))
	signal(k.wake)
	return msgs, runs, 0, nil
}

// over says why an empty intake will not fill again, if it will not.
func (k *intake) over() error {
	switch {
	case k.closed || k.draining:
		return service.ErrEndOfInput
	case k.disconnected:
		return service.ErrNotConnected
	}
	return nil
}

// cut takes the first n messages out, and their runs.
func (k *intake) cut(n int) (msgs []*nats.Msg, runs []*run) {
	msgs = k.msgs[:n:n]
	k.msgs = k.msgs[n:]
	for _, m := range msgs {
		k.bytes -= m.Size()
	}
	k.since = time.Now()
	for n > 0 {
		r := k.runs[0]
		rest := k.ledger.split(r, min(n, len(r.items)))
		runs = append(runs, r)
		n -= len(r.items)
		if rest == nil {
			k.runs = k.runs[1:]
		} else {
			k.runs[0] = rest
		}
	}
	return msgs, runs
}

// restart says where the consumer stands that was made then: the next consumer
// sequence, and how many messages up to which one were delivered and are not
// settled.
func (k *intake) restart(made time.Time, next, pending, upTo uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made = made
	k.expected = next
	elsewhere := pending - min(pending, k.ledger.held())
	k.shared = k.shared || elsewhere > 0
	if k.ledger.all {
		k.ledger.debt = debt{messages: elsewhere, upTo: upTo}
	}
}

// stands notes up to where the consumer has settled everything, whoever did. What
// is said of a consumer that is no more may be about another stream.
func (k *intake) stands(made time.Time, floor uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if made.Equal(k.made) {
		k.floor = max(k.floor, floor)
	}
}

// giveUpAfter says after how many deliveries a message is given up, 0 for never.
func (k *intake) giveUpAfter(deliveries int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conf.maxDeliveries = uint64(deliveries) //nolint:gosec // validated
}

// forget drops all knowledge of a stream that is no more. What the pipeline
// still has of it is not acknowledged any more: that would be for a message of
// the new stream that has the same sequence. What waits is handed over: nobody
// can deliver it again.
func (k *intake) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.ledger.due {
		r.settled, r.orphan = true, true
	}
	tick := k.ledger.tick
	k.ledger = newLedger(k.ledger.all)
	k.ledger.tick = tick
	k.receipts.pending = nil
	k.floor, k.shared = 0, false
}

// resumeAt is where a consumer has to start that takes the place of one that is
// gone: the first message that is not settled. It is 0 if none was ever
// delivered. What others have of it only the server can tell, and last did.
func (k *intake) resumeAt() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	first := k.ledger.firstUnsettled()
	switch {
	case first == 0 && k.floor == 0:
		return 0
	case first == 0, k.shared:
		return k.floor + 1
	}
	return first
}

// ackAll reports whether one acknowledgement covers all before it.
func (k *intake) ackAll() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ledger.all
}

// inDebt reports whether acknowledgements wait for messages that are elsewhere.
func (k *intake) inDebt() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ledger.debt.messages > 0
}

// relieve lowers the debt to what the server's count of unsettled messages
// leaves for others, and returns what can be acknowledged for it.
func (k *intake) relieve(pending uint64) receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.debt.messages = min(k.ledger.debt.messages, pending-min(pending, k.ledger.held()))
	return k.receipts.open(k.ledger.advance(), nil, k.ledger.tick)
}

// settle answers the runs of a batch and returns what to acknowledge.
func (k *intake) settle(runs []*run) receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	var replies []string
	for _, r := range runs {
		if !r.settled && !k.closed {
			replies = append(replies, k.ledger.settle(r)...)
		}
	}
	return k.receipts.open(replies, runs, k.ledger.tick)
}

// confirmed notes that the server has heard of acknowledgements.
func (k *intake) confirmed(id uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r, ok := k.receipts.take(id); ok {
		k.ledger.forget(r.runs...)
	}
}

// unconfirmed returns the acknowledgements that the server has not confirmed for
// that many ticks: they are to be sent again.
func (k *intake) unconfirmed(ticks uint32) []receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.receipts.overdue(k.ledger.tick, ticks)
}

// nack answers the runs of a batch that was rejected. It returns what the server
// is to deliver again, and how much nobody can.
func (k *intake) nack(runs []*run) (items []item, lost int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range runs {
		switch {
		case r.orphan:
			lost += int64(len(r.items))
		case !r.settled && !k.closed:
			items = append(items, k.ledger.nack(r)...)
		}
	}
	k.figures.nacked += int64(len(items))
	k.figures.discarded += lost
	return items, lost
}

// overdue moves the keeper's clock on: it returns the replies of what the server
// has not heard of for that many ticks.
func (k *intake) overdue(passed, ticks uint32) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.tick += passed
	return k.ledger.overdue(ticks)
}

// close ends the intake and returns what is not settled, to be given back.
func (k *intake) close() (items []item) {
	k.set(func() {
		k.closed = true
		items = k.ledger.unsettled()
		k.msgs, k.runs = nil, nil
	})
	return items
}

// letGo gives up what take has not handed out, and what still comes. It returns what the
// server is to deliver again.
func (k *intake) letGo() (items []item) {
	k.set(func() {
		k.draining, k.left = true, true
		items = k.giveUp(k.runs)
		k.msgs, k.runs, k.bytes = nil, nil, 0
	})
	return items
}

// takeBack is letGo for what take returned and nobody was handed.
func (k *intake) takeBack(runs []*run) []item {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.giveUp(runs)
}

func (k *intake) giveUp(runs []*run) (items []item) {
	for _, r := range runs {
		if !r.settled && !r.orphan && !k.closed {
			items = append(items, k.ledger.nack(r)...)
		}
	}
	return items
}

func (k *intake) setPaused(is bool) {
	k.set(func() { k.paused, k.place.away = is, k.place.away || is })
}
func (k *intake) setDisconnected(is bool) { k.set(func() { k.disconnected = is }) }
func (k *intake) drain()                  { k.set(func() { k.draining = true }) }

// set changes the state and lets everyone who waits look at it.
func (k *intake) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	signal(k.ready)
	signal(k.wake)
}

func (k *intake) counts() intakeFigures {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.figures
}

// waiting is how many messages take has not handed out.
func (k *intake) waiting() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.msgs)
}
