package nats

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	pulledMessages = 12_000
	pulledAckWait  = time.Second
)

// pulled is what a reader by nats.go's own pull has got, and passed on until it was
// paused.
type pulled struct {
	consumer jetstream.Consumer

	mu     sync.Mutex
	more   *sync.Cond
	paused bool
	passed int // of these, and acknowledged
	again  int // of these, not for the first time
}

// pass takes one message over, when it may.
func (p *pulled) pass(m jetstream.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.paused {
		p.more.Wait()
	}
	p.passed++
	if meta, err := m.Metadata(); err == nil && meta.NumDelivered > 1 {
		p.again++
	}
	_ = m.Ack()
}

func (p *pulled) setPaused(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = is
	p.more.Broadcast()
}

func (p *pulled) consume(t *testing.T) jetstream.ConsumeContext {
	cc, err := p.consumer.Consume(p.pass, jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes))
	require.NoError(t, err)
	return cc
}

// The same pause of the input: it has what it asked for in its own hands.
func TestPauseLongerThanAckWait(t *testing.T) {
	r := jetConnected(t, "ack_wait: 1s\nbatch: {count: 100, period: 1ms}")
	r.publish(0, pulledMessages)
	r.readN(100, true)
	r.gate.Hold("test")
	r.untilIdle()
	<-time.After(2 * pulledAckWait) // that is the pause
	waiting := r.info().NumAckPending
	r.gate.Release("test")
	r.readN(pulledMessages-100, true)
	r.settled(pulledMessages)
	t.Logf("%d messages waited in the input", waiting)
	assert.LessOrEqual(t, waiting, pullMessages)
	assert.Zero(t, r.in.current().intake.counts().redelivered)
}

// The client's own Fetch does not tell a message that is larger than what was asked for
// from a stream that has nothing: whoever relies on it asks for ever.
func TestTheClientsOwnFetchHidesALargeMessage(t *testing.T) {
	_, js := jetServer(t)
	_, err := js.Publish(t.Context(), "feed.a", make([]byte, 2000))
	require.NoError(t, err)
	c, err := js.CreateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	got, err := c.Fetch(10, jetstream.FetchMaxBytes(1000), jetstream.FetchMaxWait(pullExpiry))
	require.NoError(t, err)
	for range got.Messages() {
		t.Error("a message that is larger than what was asked for")
	}
	assert.NoError(t, got.Error(), "where it says so, the package's documentation is out of date")
}
