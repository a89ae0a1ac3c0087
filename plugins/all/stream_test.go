package all_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 3 * time.Minute

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, patience, 5*time.Millisecond, what)
}

// stream is a stream with our buffer, as the host builds it, and what came out of it.
type stream struct {
	*service.Stream
	t     *testing.T
	api   string // host:port of the host's own HTTP
	ended chan error

	mu     sync.Mutex
	frozen chan struct{} // closed when the output goes on; nil when it does not stand still
	stored []string
	sizes  []int
}

func run(t *testing.T, input string) *stream {
	t.Helper()
	return runBatched(t, "{count: 100, period: 100ms}", input)
}

func runBatched(t *testing.T, batch, input string) *stream {
	t.Helper()
	return runBuffered(t, "{batch: "+batch+", status_server: {enabled: false}}", input)
}

func runBuffered(t *testing.T, buffer, input string) *stream {
	t.Helper()
	s := &stream{t: t, api: freeAddress(t), ended: make(chan error, 1)}
	env := service.GlobalEnvironment().Clone()
	require.NoError(t, env.RegisterBatchOutput("collect", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			return s, service.BatchPolicy{}, 1, nil
		}))
	b := env.NewStreamBuilder()
	require.NoError(t, b.SetYAML("input:\n  "+strings.ReplaceAll(strings.TrimSpace(input), "\n", "\n  ")+`
buffer: {backpressure: `+buffer+`}
output: {collect: {}}
http: {enabled: true, address: "`+s.api+`"}
logger: {level: none}
`))
	var err error
	s.Stream, err = b.Build()
	require.NoError(t, err)
	go func() { s.ended <- s.Run(context.Background()) }()
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (s *stream) Connect(context.Context) error { return nil }
func (s *stream) Close(context.Context) error   { return nil }

func (s *stream) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if frozen := s.frozen; frozen != nil {
		s.mu.Unlock()
		<-frozen
		s.mu.Lock()
	}
	s.sizes = append(s.sizes, len(batch))
	for _, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		s.stored = append(s.stored, string(body))
	}
	return nil
}

// freeze makes the output stand still until the function is called that it returns.
func (s *stream) freeze() (goOn func()) {
	frozen := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = frozen
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.frozen = nil
		close(frozen)
	})
}

func (s *stream) stop() {
	s.t.Helper()
	require.NoError(s.t, s.StopWithin(patience))
	require.NoError(s.t, <-s.ended)
}

func (s *stream) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.stored...)
}

// count is how many of the records begin so.
func (s *stream) count(prefix string) (n int) {
	for _, body := range s.all() {
		if strings.HasPrefix(body, prefix) {
			n++
		}
	}
	return n
}

func (s *stream) gate() *gate.Gate { return gate.Of(s.Resources(), "") }

func kafka(t *testing.T, topics ...string) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	for _, topic := range topics {
		for i := range 1000 {
			client.Produce(t.Context(), &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%s %d", topic, i)}, nil)
		}
	}
	require.NoError(t, client.Flush(t.Context()))
	return c.ListenAddrs()[0]
}

// Topics that are read one after another are all read.
func TestASequenceReadsAllOfItsInputs(t *testing.T) {
	broker := kafka(t, "first", "second")
	one := func(topic string) string {
		return strings.NewReplacer("$TOPIC", topic, "$BROKER", broker).Replace(`
      - read_until:
          check: content() == "$TOPIC 999"
          input:
            label: $TOPIC
            pausable_kafka: {seed_brokers: [$BROKER], topics: [$TOPIC], consumer_group: g, start_offset: earliest, batch: {count: 1}}`)
	}
	s := run(t, "sequence:\n    inputs:"+one("first")+one("second"))
	select {
	case err := <-s.ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "the stream did not end")
	}
	assert.Equal(t, 1000, s.count("first "))
	assert.Equal(t, 1000, s.count("second "))
}

func natsServer(t *testing.T) (*server.Server, *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	conn, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return s, conn
}

// publish sends what somebody is there to hear, and waits until the server has it.
func publish(t *testing.T, s *server.Server, conn *nats.Conn, subject, word string, n int) {
	t.Helper()
	eventually(t, "somebody has subscribed to "+subject, func() bool {
		found, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: subject})
		return err == nil && found.Total > 0
	})
	for i := range n {
		require.NoError(t, conn.Publish(subject, []byte(word+" "+strconv.Itoa(i))))
	}
	require.NoError(t, conn.FlushTimeout(patience))
}

// post sends a body to the host's own HTTP.
func (s *stream) post(path, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.api+path, strings.NewReader(body))
	require.NoError(s.t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, string(answer))
}

// An input that takes another one's place delivers.
func TestADynamicInputIsReplaced(t *testing.T) {
	s, conn := natsServer(t)
	input := func(subject string) string {
		return fmt.Sprintf("{label: feed, pausable_nats: {urls: [%q], subjects: [%s], batch: {period: 1ms}}}", s.ClientURL(), subject)
	}
	st := run(t, "dynamic:\n    inputs:\n      feed: "+input("old"))
	publish(t, s, conn, "old", "old", 100)
	eventually(t, "the first one delivers", func() bool { return st.count("old ") == 100 })

	for _, subject := range []string{"new", "newer"} {
		st.post("/inputs/feed", input(subject))
		publish(t, s, conn, subject, subject, 100)
		eventually(t, "it delivers: "+subject, func() bool { return st.count(subject+" ") == 100 })
	}
	in := status.Of(st.Resources(), "").Input("feed", status.KindNATS)
	assert.EqualValues(t, 300, in.Received.Load())
	assert.Zero(t, in.Discarded())
	assert.False(t, st.gate().State().Draining)
	st.stop()
}

// While the output stands still, an input that is to be replaced takes in nothing more,
// and what it has is counted at once. Its place is taken when the output goes on, where
// whoever asked for that has waited.
func TestADynamicInputIsReplacedWhenTheOutputGoesOn(t *testing.T) {
	s, conn := natsServer(t)
	input := func(subject string) string {
		return fmt.Sprintf("{label: feed, pausable_nats: {urls: [%q], subjects: [%s], batch: {count: 10, period: 1ms}}}", s.ClientURL(), subject)
	}
	st := runBuffered(t, "{max_buffer_size: 100, enabled: false, batch: {count: 10, period: 10ms}, status_server: {enabled: false}}", "dynamic:\n    inputs:\n      feed: "+input("old"))
	in := status.Of(st.Resources(), "").Input("feed", status.KindNATS)
	publish(t, s, conn, "old", "old", 10)
	eventually(t, "it delivers", func() bool { return st.count("old ") == 10 })
	goOn := st.freeze()
	publish(t, s, conn, "old", "old", 1000)
	eventually(t, "the buffer is full, and blocks the input", func() bool { return in.Received.Load() == 1010 && in.Level.Load() == 100 })

	answered := make(chan struct{})
	go func() { defer close(answered); st.post("/inputs/feed", input("new")) }()
	eventually(t, "the old one has ended its subscription, and counted what it had", func() bool {
		found, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: "old"})
		return err == nil && found.Total == 0 && in.Dropped.Load() > 0
	})
	assert.GreaterOrEqual(t, in.Dropped.Load(), int64(850), "1000, but for the buffer and a few batches on their way there")
	publish(t, s, conn, "new", "new", 100)
	goOn()
	<-answered
	eventually(t, "the new one delivers", func() bool { return st.count("new ") == 100 })
	eventually(t, "received = stored + dropped", func() bool {
		return in.Received.Load() == 1110 && in.Received.Load() == int64(st.count(""))+in.Discarded()
	})
	assert.Equal(t, in.Dropped.Load(), in.LostAtStop.Load())
	st.stop()
}

// Where another input goes on, the end of ours ends nothing: neither the heartbeat,
// nor the forming of batches.
func TestTheEndOfAPausableInputBesideAnotherOne(t *testing.T) {
	broker := kafka(t, "topic")
	s := run(t, strings.ReplaceAll(`broker:
    inputs:
      - read_until:
          check: content() == "topic 999"
          input:
            label: topic
            pausable_kafka: {seed_brokers: [$BROKER], topics: [topic], consumer_group: g, start_offset: earliest, batch: {count: 1}}
      - generate: {interval: 1ms, mapping: root = "more"}`, "$BROKER", broker))
	eventually(t, "the topic is read", func() bool { return s.count("topic ") == 1000 })
	in := status.Of(s.Resources(), "").Input("topic", status.KindKafka)
	eventually(t, "its input has ended", func() bool { return in.Link.State().Closed })
	assert.False(t, s.gate().State().Draining)
	assert.True(t, s.gate().Governed())
	s.mu.Lock()
	s.sizes = nil
	s.mu.Unlock()
	before := s.count("more")
	eventually(t, "the other one goes on", func() bool { return s.count("more") > before+500 })
	s.mu.Lock()
	batches := len(s.sizes)
	s.mu.Unlock()
	assert.Less(t, batches, 250, "its batches wait for their period")
	s.stop()
}

// A host that stops the stream, and is no binary of ours that drains it before, waits
// for what is held: that leaves at once, and is stored.
func TestAStopDoesNotWaitForTheBatchPeriod(t *testing.T) {
	broker := kafka(t, "topic")
	s := runBatched(t, "{count: 300, period: 1h}", strings.ReplaceAll(`label: topic
pausable_kafka: {seed_brokers: [$BROKER], topics: [topic], consumer_group: g, start_offset: earliest}`, "$BROKER", broker))
	in := status.Of(s.Resources(), "").Input("topic", status.KindKafka)
	eventually(t, "all is accepted, and what makes full batches stored", func() bool {
		return in.Accepted.Load() == 1000 && s.count("topic ") == 900
	})
	s.stop()
	assert.Equal(t, 1000, s.count("topic "))
}
