package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// sender is a client of one server. A publisher calls it from one goroutine.
type sender interface {
	// send hands records to the server, and has settled each of them, or left it
	// unknown, when flush returns. done is called from any goroutine.
	send(r model.Record, body []byte, done func(model.Outcome, int64))
	// flush waits for what the server says of all that was sent, as long as that is
	// likely to come.
	flush()
	// renew forgets what is known of topic or stream. Nothing is on its way then.
	renew()
	close()
}

// Publisher feeds one source. Its methods may be called from any goroutine.
type Publisher struct {
	*History
	name   string
	sender sender
	shape  Shape

	mu     sync.Mutex // of what follows, and of sending
	random *rand.Rand
	turn   int

	stop chan struct{}
	done chan struct{}
}

func newPublisher(name string, parts int, s sender, shape Shape, random *rand.Rand) *Publisher {
	return &Publisher{History: newHistory(parts), name: name, sender: s, shape: shape, random: random}
}

// Name is that of the source.
func (p *Publisher) Name() string { return p.name }

// Start publishes in the publisher's shape until Stop.
func (p *Publisher) Start() {
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(p.done)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.round()
			}
		}
	}()
}

// Stop ends Start. It may be called without, and again.
func (p *Publisher) Stop() {
	if p.stop == nil {
		return
	}
	close(p.stop)
	<-p.done
	p.stop = nil
}

// Close ends the publisher.
func (p *Publisher) Close() {
	p.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sender.close()
}

func (p *Publisher) round() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.shape.burst(p.random)
	for range n {
		p.one(p.shape.Poison > 0 && p.random.IntN(p.shape.Poison) == 0)
	}
	if n > 0 {
		p.sender.flush()
	}
}

// one sends a record of the next part, and returns where it is in the history.
func (p *Publisher) one(poison bool) int {
	p.turn++
	part := p.turn % p.parts()
	at, r := p.add(part, p.shape.draw(p.random), poison)
	p.sender.send(r, Body(r), func(o model.Outcome, position int64) { p.settle(at, o, position) })
	return at
}

// Fence publishes until the server has one more record of each part, and returns
// their sequences by part.
func (p *Publisher) Fence(ctx context.Context) ([]int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := p.parts()
	fence := make([]int64, parts)
	for missing := parts; missing > 0; {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("publishing a last record of %s: %w", p.name, err)
		}
		at := p.one(false)
		p.sender.flush()
		r := p.record(at)
		if r.Outcome == model.Acked && fence[r.Part] == 0 {
			fence[r.Part] = r.Seq
			missing--
		}
	}
	return fence, nil
}

// Quietly runs act while nothing is on its way: no record is sent meanwhile, and
// what the server had to say of those before is known.
func (p *Publisher) Quietly(act func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sender.flush()
	return act()
}

// Renew tells that topic or stream is about to become another one, or to get more
// parts. It is called within Quietly.
func (p *Publisher) Renew() { p.sender.renew() }
