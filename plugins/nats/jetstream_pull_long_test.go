//go:build long

package nats

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pause of nats.go's Consume that is longer than ack_wait: what it has asked for ahead
// waits in the client, where nobody can keep it alive, or is thrown away, and the server
// delivers it again. That is why the input does not use it: see the package's
// documentation.
func TestLongPauseOfTheClientsOwnConsume(t *testing.T) {
	for name, way := range map[string]struct {
		pause, resume func(*testing.T, *pulled, jetstream.ConsumeContext)
	}{
		"the callback waits": {
			func(*testing.T, *pulled, jetstream.ConsumeContext) {},
			func(_ *testing.T, p *pulled, _ jetstream.ConsumeContext) { p.setPaused(false) },
		},
		"stop": {
			func(_ *testing.T, p *pulled, cc jetstream.ConsumeContext) {
				cc.Stop()
				p.setPaused(false)
				<-cc.Closed()
			},
			func(t *testing.T, p *pulled, _ jetstream.ConsumeContext) { t.Cleanup(p.consume(t).Stop) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Whether the server gives a message to another request first is a matter of
			// moments: it does in nearly every round.
			again := 0
			for round := 0; again == 0 && round < 5; round++ {
				again = comeAgain(t, way.pause, way.resume)
			}
			assert.Positive(t, again)
		})
	}
}

// comeAgain is how many messages nats.go's Consume delivers again after such a pause.
func comeAgain(t *testing.T, pause, resume func(*testing.T, *pulled, jetstream.ConsumeContext)) int {
	t.Helper()
	_, js := jetServer(t)
	c, err := js.CreateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{
		Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, AckWait: pulledAckWait, MaxAckPending: -1,
	})
	require.NoError(t, err)
	p := &pulled{consumer: c}
	p.more = sync.NewCond(&p.mu)
	p.setPaused(true)
	publishNumbers(t, js, "feed.a", 0, pulledMessages)
	cc := p.consume(t)
	t.Cleanup(cc.Stop)
	r := &jetRig{t: t, js: js, log: &logBuffer{}}
	waiting := 0
	eventually(t, func() bool { waiting = r.info().NumAckPending; return waiting > 0 },
		func() string { return "nothing is asked for ahead" })
	pause(t, p, cc)
	<-time.After(2 * pulledAckWait) // that is the pause
	resume(t, p, cc)
	r.settled(pulledMessages)
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("%d messages waited in the client or were thrown away, %d of %d came again", waiting, p.again, pulledMessages)
	return p.again
}
