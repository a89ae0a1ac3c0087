package traffic

import (
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// answer is how long a publisher waits for what a server says of a record, before it
// goes on and knows nothing of it.
const answer = 5 * time.Second

// again are the options of a NATS connection that finds its server again soon, and
// keeps nothing for it meanwhile: what cannot be sent is refused.
func again() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
}

// core publishes to core NATS. A server has what a flush has confirmed.
type core struct {
	conn    *nats.Conn
	subject string
	pending []func(model.Outcome, int64)
}

// Connect opens a connection to a NATS server with options.
type Connect func(...nats.Option) (*nats.Conn, error)

// NewCore feeds a subject of core NATS, as one part.
func NewCore(name string, connect Connect, subject string, shape Shape, random *rand.Rand) (*Publisher, error) {
	conn, err := connect(again()...)
	if err != nil {
		return nil, err
	}
	return newPublisher(name, 1, &core{conn: conn, subject: subject}, shape, random), nil
}

func (c *core) send(_ model.Record, body []byte, done func(model.Outcome, int64)) {
	if err := c.conn.Publish(c.subject, body); err != nil {
		done(model.Refused, -1)
		return
	}
	c.pending = append(c.pending, done)
}

func (c *core) flush() {
	err := c.conn.FlushTimeout(answer)
	for _, done := range c.pending {
		if err == nil {
			done(model.Acked, -1)
		}
	}
	c.pending = c.pending[:0]
}

func (c *core) renew() {}

func (c *core) close() { c.conn.Close() }
