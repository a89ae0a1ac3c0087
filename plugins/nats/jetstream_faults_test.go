package nats

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// all collects what the input delivers until every number below n was there,
// and acknowledges it. It returns how many came more than once.
func (r *jetRig) all(n int, before ...string) (repeated int) {
	r.t.Helper()
	seen := map[string]bool{}
	for _, s := range before {
		seen[s] = true
	}
	for len(seen) < n {
		got, _ := r.readN(1, true)
		for _, s := range got {
			if seen[s] {
				repeated++
			}
			seen[s] = true
		}
	}
	return repeated
}

func (r *jetRig) deleteConsumer() {
	r.t.Helper()
	require.NoError(r.t, r.js.DeleteConsumer(r.t.Context(), "FEED", "bridge"))
}

// The consumer is made anew where the first message stands that is not settled.
// What is held is recognised, and what is settled while nobody is there to hear.
func TestJetMakesADeletedConsumerAnew(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 100}")
		r.publish(0, 300)
		got, b := r.readN(300, false)
		b[0].ack(t)
		r.acknowledged(uint64(len(b[0].messages)))
		r.deleteConsumer()
		r.publish(300, 2000)
		for _, rest := range b[1:] {
			rest.ack(t)
		}
		assert.Zero(t, r.all(2000, got...))
		r.settled(2000)
		assert.Positive(t, r.in.current().intake.counts().stalls)
		assert.Len(t, r.log.lines("The JetStream consumer was gone and is there again"), 1)
		assert.Empty(t, r.log.lines("JetStream delivers nothing, trying again"), "no outage to speak of")
	})
}

// acknowledged waits until everything up to a sequence is acknowledged.
func (r *jetRig) acknowledged(upTo uint64) {
	eventually(r.t, func() bool { return r.info().AckFloor.Stream == upTo }, func() string { return fmt.Sprintf("%+v", r.info()) })
}

func TestJetWaitsForAConsumerThatItMayNotMake(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, "bind: true")
	err := r.in.Connect(t.Context())
	require.ErrorIs(t, err, jetstream.ErrConsumerNotFound)
	assert.ErrorContains(t, err, `durable: the consumer "bridge" of stream "FEED" does not exist, and bind is set`)

	conf := jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy}
	_, err = js.CreateConsumer(t.Context(), "FEED", conf)
	require.NoError(t, err)
	connect(t, r.in)
	r.publish(0, 10)
	r.all(10)
	r.settled(10)

	r.deleteConsumer()
	r.log.awaitLine(t, "JetStream delivers nothing, trying again until it does")
	eventually(t, func() bool { return r.figures.Link.State().Err != nil }, func() string { return "an operator has to see that" })
	conf.DeliverPolicy, conf.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 11
	_, err = js.CreateConsumer(t.Context(), "FEED", conf)
	require.NoError(t, err)
	r.publish(10, 20)
	r.all(20, numbers(0, 10)...)
	r.settled(20)
	r.log.awaitLine(t, "JetStream delivers again")
	assert.NoError(t, r.figures.Link.State().Err)
}

func TestJetGoesOnAfterARestartOfTheServer(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		dir := t.TempDir()
		s := startServer(t, withJetStream(dir), onPortOfItsOwn(t))
		js := jetClient(t, s.ClientURL())
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FEED", Subjects: []string{"feed.>"}})
		require.NoError(t, err)
		r := newJetRig(t, s.ClientURL(), js, yaml+"batch: {count: 100}")
		connect(t, r.in)
		r.publish(0, 1000)
		got, held := r.readN(500, false)

		samePort := onPortOf(s)
		stopServer(s)
		r.log.awaitLine(t, "NATS connection lost")
		startServer(t, withJetStream(dir), samePort)
		r.log.awaitLine(t, "NATS connection is back")
		for _, b := range held {
			b.ack(t)
		}
		storeAnyhow(t, js, 1000)
		r.all(1001, got...)
		eventually(t, func() bool { return r.info().NumAckPending == 0 }, func() string { return fmt.Sprintf("%+v", r.info()) })
	})
}

func TestJetStartsAnewWithAStreamThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml)
		r.publish(0, 100)
		_, held := r.readN(100, false)
		require.NoError(t, r.js.DeleteStream(t.Context(), "FEED"))
		r.log.awaitLine(t, "JetStream delivers nothing, trying again until it does")
		makeStream(t, r.js, 1)
		r.publish(0, 50)
		got, others := r.readN(50, false)
		assert.Equal(t, numbers(0, 50), got, "its sequences begin at one again: they are other messages")
		for _, b := range held {
			b.ack(t) // of the stream that is no more
		}
		require.NoError(t, r.in.current().flush(t.Context()))
		assert.Equal(t, 50, r.info().NumAckPending)
		for _, b := range others {
			b.ack(t)
		}
		r.settled(50)
	})
}

// A server that takes requests and never answers is noticed, and asked again.
func TestJetNoticesThatNothingIsAnswered(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	proxy, err := stack.Proxy(strings.TrimPrefix(s.ClientURL(), "nats://"))
	require.NoError(t, err)
	defer proxy.Close()
	r := newJetRig(t, "nats://"+proxy.Addr(), js, "")
	connect(t, r.in)
	r.publish(0, 10)
	r.all(10)
	require.NoError(t, proxy.Timeout(0)) // answers are swallowed, the connection stays
	eventually(t, func() bool { return r.in.current().intake.counts().stalls > 0 }, func() string { return "not noticed" })
	proxy.Clear()
	r.publish(10, 20)
	r.all(20, numbers(0, 10)...)
	r.settled(20)
}

// storeAnyhow asks again until a number is stored, once: the stream may not be there
// yet, or have no leader.
func storeAnyhow(t *testing.T, js jetstream.JetStream, number int) {
	t.Helper()
	eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "feed.a", fmt.Append(nil, number), jetstream.WithMsgID(fmt.Sprint(number)))
		return err == nil
	}, func() string { return "the stream does not store" })
}

func jetCluster(t *testing.T) (c *stack.NATSCluster, urls string) {
	t.Helper()
	c, err := stack.StartNATSCluster(3)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, strings.Join(c.URLs(), ",")
}

func TestJetFollowsTheLeaderOfItsConsumer(t *testing.T) {
	t.Parallel()
	_, urls := jetCluster(t)
	js := jetClient(t, urls)
	makeStream(t, js, 3)
	r := newJetRig(t, urls, js, "batch: {count: 100}\nack_policy: all")
	connect(t, r.in)
	r.publish(0, 1000)
	got, b := r.readN(1000, false)
	for range 3 {
		before := r.info().Cluster.Leader
		_, err := js.Conn().Request("$JS.API.CONSUMER.LEADER.STEPDOWN.FEED.bridge", nil, patience)
		require.NoError(t, err)
		eventually(t, func() bool { l := r.leader(); return l != "" && l != before }, func() string { return "no other leader" })
	}
	for _, b := range b {
		b.ack(t)
	}
	r.publish(1000, 2000)
	r.all(2000, got...)
	r.unacknowledged(0)
}

// tryInfo is what the server says about the consumer, if anybody is there to say it.
func (r *jetRig) tryInfo() (*jetstream.ConsumerInfo, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	c, err := r.js.Consumer(ctx, "FEED", "bridge")
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}

// leader is the node that leads the consumer, "" while there is none.
func (r *jetRig) leader() string {
	info, err := r.tryInfo()
	if err != nil || info.Cluster == nil {
		return ""
	}
	return info.Cluster.Leader
}

// unacknowledged waits until the server counts so many messages as that, and has
// no others. It reads meanwhile: an acknowledgement that a leader took with it is
// for a message that comes again.
func (r *jetRig) unacknowledged(n int) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	again := make(chan service.MessageBatch)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	reading.Go(func() { r.readAll(ctx, again) })
	reading.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-again:
			case <-ctx.Done():
			}
		}
	})
	eventually(r.t, func() bool {
		info, err := r.tryInfo()
		return err == nil && info.NumAckPending == n && info.NumPending == 0
	}, func() string { return fmt.Sprintf("%+v\n%s", r.info(), r.log) })
}

func TestJetSurvivesTheNodeThatItIsConnectedTo(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		c, urls := jetCluster(t)
		js := jetClient(t, urls)
		makeStream(t, js, 3)
		r := newJetRig(t, urls, js, yaml+"batch: {count: 100}\nack_wait: 10s")
		connect(t, r.in)
		r.publish(0, 1000)
		got, held := r.readN(500, false)
		c.Stop(c.Index(r.in.current().conn.ConnectedUrl()))
		r.log.awaitLine(t, "NATS connection is back")
		for _, b := range held {
			b.ack(t)
		}
		for i := 1000; i < 1100; i++ {
			storeAnyhow(t, js, i)
		}
		assert.Zero(t, r.all(1100, got...))
		r.unacknowledged(0)
	})
}

// Held for more than twice ack_wait, while paused: the server is told, and delivers
// nothing again. On a busy machine half of ack_wait has to be enough for that.
func TestJetLongPauseRedeliversNothing(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"ack_wait: 12s\nbatch: {count: 100}")
		r.publish(0, 1000)
		got, held := r.readN(1000, false)
		r.gate.Hold(gate.ReasonOperator)
		start := r.ticks()
		eventually(t, func() bool { return r.ticks()-start >= 2*ticksPerWait+1 }, func() string { return "too slow" })
		info := r.info()
		assert.Zero(t, info.NumRedelivered)
		assert.Equal(t, 1000, info.NumAckPending)
		for _, b := range held {
			b.ack(t)
		}
		r.settled(1000)
		r.gate.Release(gate.ReasonOperator)
		r.publish(1000, 1010)
		assert.Zero(t, r.all(1010, got...))
		assert.Zero(t, r.in.current().intake.counts().repeated)
	})
}

// A message that is delivered too often is given up, counted and named; none
// is left lying at the server.
func TestJetGivesUpWhatIsDeliveredTooOften(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"max_deliveries: 2\nbatch: {count: 1}")
		r.publish(0, 10)
		poisoned := 0
		good := map[string]bool{}
		for len(good) < 9 || poisoned < 2 {
			b := r.read()
			if number := contents(t, b.messages)[0]; number == "4" {
				poisoned++
				b.nack(t)
			} else {
				good[number] = true
				b.ack(t)
			}
		}
		r.log.awaitLine(t, "was delivered 2 times and never settled: it is given up (max_deliveries)")
		r.settled(10)
		assert.Equal(t, 2, poisoned)
		assert.EqualValues(t, 1, r.in.current().intake.counts().terminated)
		assert.Len(t, r.log.lines("sequence=5"), 1)
	})
}

func TestJetReplicasShareAConsumer(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	one, other := newJetRig(t, s.ClientURL(), js, "batch: {count: 50}"), newJetRig(t, s.ClientURL(), js, "batch: {count: 50}")
	read := make(chan service.MessageBatch)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	for _, r := range []*jetRig{one, other} {
		connect(t, r.in)
		readers.Go(func() { r.readAll(ctx, read) })
	}
	eventually(t, func() bool { return one.info().NumWaiting == 2 }, func() string { return "one of them asks for nothing" })
	one.publish(0, 20000)
	seen := map[string]bool{}
	for len(seen) < 20000 {
		for _, s := range contents(t, <-read) {
			assert.False(t, seen[s], s)
			seen[s] = true
		}
	}
	one.settled(20000)
	assert.Positive(t, one.in.current().intake.counts().received)
	assert.Positive(t, other.in.current().intake.counts().received)
}

// ticks are the keeper's, ticksPerWait of them in an ack_wait.
func (r *jetRig) ticks() uint32 {
	k := r.in.current().intake
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ledger.tick
}

// readAll reads and acknowledges until ctx ends.
func (r *jetRig) readAll(ctx context.Context, to chan<- service.MessageBatch) {
	for {
		messages, answer, err := r.in.ReadBatch(ctx)
		if err != nil || answer(ctx, nil) != nil {
			return
		}
		select {
		case to <- messages:
		case <-ctx.Done():
			return
		}
	}
}
