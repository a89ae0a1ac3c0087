package traffic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// jet publishes to a stream of JetStream.
type jet struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	subject string
	pending []promise
}

// promise is an acknowledgement that is still to come.
type promise struct {
	ack  jetstream.PubAckFuture
	done func(model.Outcome, int64)
}

// NewJet feeds a stream that listens on the subject and one more token, the number
// of the part.
func NewJet(name string, connect Connect, subject string, parts int, shape Shape, random *rand.Rand) (*Publisher, error) {
	conn, err := connect(again()...)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncTimeout(answer))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	return newPublisher(name, parts, &jet{conn: conn, js: js, subject: subject}, shape, random), nil
}

func (j *jet) send(r model.Record, body []byte, done func(model.Outcome, int64)) {
	ack, err := j.js.PublishMsgAsync(&nats.Msg{Subject: fmt.Sprintf("%s.%d", j.subject, r.Part), Data: body})
	if err != nil {
		if errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrConnectionClosed) {
			done(model.Refused, -1)
		}
		return
	}
	j.pending = append(j.pending, promise{ack, done})
}

func (j *jet) flush() {
	late := time.NewTimer(answer)
	defer late.Stop()
	for _, p := range j.pending {
		select {
		case ack := <-p.ack.Ok():
			p.done(model.Acked, int64(ack.Sequence))
		case err := <-p.ack.Err():
			var api *jetstream.APIError
			if errors.As(err, &api) && api.Code < 500 { // else it may be on its way to other nodes
				p.done(model.Refused, -1)
			}
		case <-late.C:
			j.pending = j.pending[:0]
			return
		}
	}
	j.pending = j.pending[:0]
}

func (j *jet) renew() {}

func (j *jet) close() { j.conn.Close() }
