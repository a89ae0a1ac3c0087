package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// step is a moment in the way of a chunk, seen from outside of the bridge.
type step string

// The steps at which a bridge is killed.
const (
	fetching        step = "a fetch is asked for"
	commitComes     step = "a commit is on its way and never arrives"
	commitDone      step = "a commit is made and never confirmed"
	insertComes     step = "an insert is on its way and never arrives"
	insertUnderWay  step = "an insert is under way"
	insertDone      step = "an insert is stored and never confirmed"
	insertConfirmed step = "an insert is stored and confirmed"
	anyTime         step = "at any time"
)

var apacheSteps = []step{insertComes, insertUnderWay, insertDone, insertConfirmed, anyTime}

var steps = []step{fetching, commitComes, commitDone, insertComes, insertUnderWay, insertDone, insertConfirmed, anyTime}

// fuse kills a bridge at a step.
type fuse struct {
	mu    sync.Mutex
	armed step
	left  int // how often the step may pass before
	kill  func()
	blown chan struct{}
}

// arm sets the bridge to be killed when the step comes for the nth time.
func (f *fuse) arm(s step, n int, kill func()) (blown <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.left, f.kill, f.blown = s, n, kill, make(chan struct{})
	return f.blown
}

// reach reports whether the bridge was killed because of this step.
func (f *fuse) reach(s step) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed != s {
		return false
	}
	if f.left--; f.left > 0 {
		return false
	}
	f.armed = ""
	f.kill()
	close(f.blown)
	return true
}

// settled waits for the end of a kill that is under way.
func (f *fuse) settled() {
	f.mu.Lock()
	defer f.mu.Unlock()
}

// onceRig is a bridge with exactly_once, whose broker and ClickHouse watch for
// the steps at which it is killed.
type onceRig struct {
	*rig
	fuse    fuse
	brokers []string
	topic   string
	house   string         // how the bridge reaches ClickHouse
	more    map[string]any // of the input
}

// newOnceRig takes kfake, which can be told to lose what it is asked.
func newOnceRig(t *testing.T) *onceRig {
	r := &onceRig{rig: newRig(t, stack.KindChDB)}
	r.house = r.watchClickHouse()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, r.id))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	fake.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		r.fuse.reach(fetching)
		return nil, nil, false
	})
	fake.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		r.fuse.reach(commitDone)
		if r.fuse.reach(commitComes) {
			return nil, fmt.Errorf("lost"), true
		}
		return nil, nil, false
	})
	r.brokers, r.topic = fake.ListenAddrs(), r.id
	r.startFeed()
	return r
}

// newApacheOnceRig takes the real broker.
func newApacheOnceRig(t *testing.T) *onceRig {
	r := &onceRig{rig: newRig(t, stack.KindChDB)}
	if why := r.kafka.Fake(); why != "" {
		t.Skip("NOT RUN on Apache Kafka:", why)
	}
	r.house, r.brokers, r.topic = r.watchClickHouse(), r.kafka.Brokers(), r.rig.topic()
	r.startFeed()
	return r
}

func (r *onceRig) startFeed() {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...))
	require.NoError(r.t, err)
	r.t.Cleanup(client.Close)
	gen, err := marketdata.New(1, marketdata.External, r.id)
	require.NoError(r.t, err)
	r.feeds[marketdata.External] = &feed{t: r.t, gen: gen, sink: marketdata.KafkaSink(client, r.topic)}
}

// watchClickHouse puts a proxy before ClickHouse and returns its host:port.
func (r *onceRig) watchClickHouse() string {
	target, err := url.Parse("http://" + r.ch.Addr())
	require.NoError(r.t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasPrefix(req.URL.Query().Get("query"), "INSERT") {
			forward.ServeHTTP(w, req)
			return
		}
		r.passInsert(w, req, forward)
	}))
	r.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// passInsert forwards an INSERT, whose outcome does not depend on who waits for it.
func (r *onceRig) passInsert(w http.ResponseWriter, req *http.Request, forward http.Handler) {
	if r.fuse.reach(insertComes) {
		return
	}
	answer := httptest.NewRecorder()
	stored := make(chan struct{})
	go func() {
		defer close(stored)
		forward.ServeHTTP(answer, req.Clone(r.t.Context()))
	}()
	r.fuse.reach(insertUnderWay)
	<-stored
	if r.fuse.reach(insertDone) {
		return
	}
	for k, v := range answer.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	r.fuse.reach(insertConfirmed)
}

// start runs the shipped example with small chunks.
func (r *onceRig) start() *bridge {
	r.t.Helper()
	status := freeAddress(r.t)
	path := r.example("kafka_exactly_once", func(config map[string]any) {
		in := config["input"].(map[string]any)["pausable_kafka"]
		set(in, map[string]any{
			"seed_brokers": r.brokers, "topics": []string{r.topic}, "consumer_group": r.id, "commit_period": "100ms",
			"heartbeat_interval": "100ms", "session_timeout": "6s", "topic_lag_refresh_period": "100ms", "instance_id": "one", // a restart takes the partitions over at once
			"batch": map[string]any{"count": 5 + rand.IntN(100), "period": "20ms"},
		})
		set(in, r.more)
		set(config["output"].(map[string]any)["clickhouse"], map[string]any{
			"addresses": []string{r.house}, "retry": map[string]any{"max_interval": "100ms"},
		})
		set(config["buffer"].(map[string]any)["backpressure"], map[string]any{"status_server": map[string]any{"address": status}})
	})
	return startBridge(r.t, plain, status, nil, "run", path)
}

// killAt starts a bridge and kills it when the step comes for the nth time.
func (r *onceRig) killAt(s step, n int) {
	r.t.Helper()
	b := r.start()
	if s == anyTime {
		n = 1
	}
	blown := r.fuse.arm(s, n, b.Kill)
	if s == anyTime {
		time.AfterFunc(time.Duration(100+rand.IntN(900))*time.Millisecond, func() { r.fuse.reach(anyTime) })
	}
	select {
	case <-b.Done():
	case <-time.After(patience):
		require.FailNow(r.t, "never reached", "%s (%d), the log ends: %s", s, n, b.Tail(30))
	}
	r.fuse.settled()
	select {
	case <-blown:
	default:
		require.FailNow(r.t, "the bridge ended by itself", "%s", b.Tail(30))
	}
}

// checkOnce lets a last bridge finish, and counts.
func (r *onceRig) checkOnce(published int64) {
	r.t.Helper()
	last := r.start()
	r.awaitStored(marketdata.External, published)
	last.until("all is settled", func(h harness.Health) bool {
		return h.Metrics.Backpressure.Level == 0 && h.Inputs["external"].Lag != nil && *h.Inputs["external"].Lag == 0
	})
	last.stop()
	n := r.tally(marketdata.External)
	r.t.Logf("published %d, stored %d, different %d", published, n.Rows, n.Distinct)
	assert.Equal(r.t, published, n.Rows)
	assert.Equal(r.t, published, n.Distinct)
}

// killAgainAndAgain goes through all steps so often, in any order. Each life of the
// bridge meets a flow of some records, however long it lasts on a busy machine.
func (r *onceRig) killAgainAndAgain(steps []step, times int) {
	r.t.Helper()
	for range times {
		for _, i := range rand.Perm(len(steps)) {
			stop := r.stream(marketdata.External, marketdata.Shape{Rate: 1000, Count: 1500})
			r.killAt(steps[i], 1+rand.IntN(8))
			stop()
		}
	}
	r.checkOnce(r.published(marketdata.External))
}

// Every record is stored once, whenever the bridge is killed.
func TestExactlyOnceAtEveryStep(t *testing.T) {
	t.Parallel()
	newOnceRig(t).killAgainAndAgain(steps, 2)
}

// The same with the real broker, which cannot be told to lose a commit.
func TestExactlyOnceOnApacheKafka(t *testing.T) {
	t.Parallel()
	newApacheOnceRig(t).killAgainAndAgain(apacheSteps, 1)
}

// The counterpart, which shows that the test can fail: the same kills without
// exactly_once store records twice.
func TestWithoutExactlyOnceKillsStoreTwice(t *testing.T) {
	t.Parallel()
	r := newOnceRig(t)
	r.more = map[string]any{"exactly_once": false, "commit_period": "1m"}
	stop := r.stream(marketdata.External, marketdata.Shape{Rate: 2000})
	for range 3 {
		r.killAt(insertConfirmed, 5)
	}
	published := stop()
	r.start()
	n := r.awaitStored(marketdata.External, published)
	assert.Positive(t, n.Duplicated())
}
