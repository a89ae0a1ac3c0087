package e2e

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// env are environment variables of config/bridge.yaml.
type env map[string]string

// rig is what one test works with: a ClickHouse of its own, the other servers that
// it shares, and names in them that no other test uses.
type rig struct {
	t     *testing.T
	id    string
	nats  *stack.NATS
	kafka *stack.Kafka
	ch    stack.ClickHouse
	env   env
	args  []string // of data-bridge run, before the config
	yaml  string   // the config, in the repository's root
	feeds map[marketdata.Kind]*feed
}

var rigs atomic.Int64

// partitions of the topic of each rig.
const partitions = 4

// soonGone lets Kafka notice soon that a member of the group has died.
var soonGone = []string{"--set", "input.broker.inputs.2.pausable_kafka.session_timeout=6s"}

// longMissed makes a member that vanishes without leaving its group hold its
// partitions for longer than any test waits.
var longMissed = []string{"--set", "input.broker.inputs.2.pausable_kafka.session_timeout=5m"}

// newRig connects a test with the shared servers and a ClickHouse of the kind for
// itself.
func newRig(t *testing.T, kind string) *rig {
	t.Helper()
	return newRigOn(t, stack.Shared.NATS(t), ownClickHouse(t, kind))
}

// newRigOn is newRig for servers of the test's own; they hold the tables already.
func newRigOn(t *testing.T, nats *stack.NATS, ch stack.ClickHouse) *rig {
	t.Helper()
	r := &rig{
		t:     t,
		id:    fmt.Sprintf("e2e%d", rigs.Add(1)),
		nats:  nats,
		kafka: stack.Shared.Kafka(t),
		ch:    ch,
		yaml:  bridgeYAML,
		feeds: map[marketdata.Kind]*feed{},
	}
	require.NoError(t, r.kafka.CreateTopic(within(t), r.topic(), partitions))
	r.env = env{
		"NATS_URLS":            nats.URL(),
		"NATS_TICKS_SUBJECT":   r.subject(marketdata.Ticks) + ".>",
		"NATS_CANDLES_SUBJECT": r.subject(marketdata.Candles) + ".>",
		"NATS_QUEUE":           r.id,
		"KAFKA_BROKERS":        r.kafka.Addr(),
		"KAFKA_TOPICS":         r.topic(),
		"KAFKA_GROUP":          r.id,
		"KAFKA_COMMIT_PERIOD":  "1s",
		"CLICKHOUSE_ADDRESSES": ch.Addr(),
		"CLICKHOUSE_PROTOCOL":  ch.Protocol(),
		"CLICKHOUSE_USERNAME":  ch.User(),
		"CLICKHOUSE_PASSWORD":  ch.Password(),
		// An outage ends when the test says so: come back soon.
		"RETRY_MAX_INTERVAL": "500ms",
		"HEARTBEAT_INTERVAL": "250ms",
		"DEAD_LETTER_PATH":   filepath.Join(t.TempDir(), "dead_letter.jsonl"),
	}
	if ch.Legacy() { // its tables have DateTime
		r.env["CLICKHOUSE_TIME_PRECISION"] = "truncate"
	}
	return r
}

func (r *rig) topic() string                       { return r.id + ".external" }
func (r *rig) subject(kind marketdata.Kind) string { return r.id + "." + string(kind) }

// within is a context for one step that may hang.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// stall freezes ClickHouse until resume, or the end of the test.
func (r *rig) stall() {
	r.t.Helper()
	r.t.Cleanup(func() { _ = r.ch.Continue() })
	require.NoError(r.t, r.ch.Stall())
}

func (r *rig) unstall() {
	r.t.Helper()
	require.NoError(r.t, r.ch.Continue())
}

// stopClickHouse takes ClickHouse down until startClickHouse, or the end of the test.
func (r *rig) stopClickHouse() {
	r.t.Helper()
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.ch.Start(ctx); err != nil {
			r.t.Errorf("starting ClickHouse again: %v", err)
		}
	})
	require.NoError(r.t, r.ch.Stop())
}

func (r *rig) startClickHouse() {
	r.t.Helper()
	require.NoError(r.t, r.ch.Start(within(r.t)))
}

// tally counts what ClickHouse holds of this rig's stream.
func (r *rig) tally(kind marketdata.Kind) harness.Tally {
	r.t.Helper()
	n, err := r.count(kind)
	require.NoError(r.t, err)
	return n
}

// awaitStored waits until so many different records of the kind are stored, for as
// long as more of them come.
func (r *rig) awaitStored(kind marketdata.Kind, distinct int64) harness.Tally {
	r.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last harness.Tally
	for more := time.Now(); ; <-tick.C {
		n, err := r.count(kind)
		if err == nil {
			if n.Distinct > last.Distinct {
				more = time.Now()
			}
			last = n
		}
		if last.Distinct >= distinct {
			return last
		}
		if time.Since(more) > patience {
			require.FailNow(r.t, "not stored", "%s: %d of %d records (%v)", kind, last.Distinct, distinct, err)
		}
	}
}

func (r *rig) count(kind marketdata.Kind) (harness.Tally, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	return harness.Count(ctx, r.ch, "market."+string(kind), r.id)
}

// start runs the rig's config with its environment and more.
func (r *rig) start(more ...env) *bridge {
	r.t.Helper()
	return r.startBinary(binary, more...)
}

func (r *rig) startBinary(path string, more ...env) *bridge {
	r.t.Helper()
	all := maps.Clone(r.env)
	all["STATUS_ADDRESS"], all["HTTP_ADDRESS"] = freeAddress(r.t), freeAddress(r.t)
	for _, m := range more {
		maps.Copy(all, m)
	}
	args := append(append([]string{"run"}, r.args...), filepath.Join(root, r.yaml))
	return startBridge(r.t, path, all["STATUS_ADDRESS"], all, args...)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := stack.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// oneEngine is the ClickHouse of the tests that run on one only: 18.16, which
// speaks the native protocol, where there is the apt-get that it comes from.
func oneEngine() string {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return stack.KindChDB
	}
	return stack.KindLegacy
}

// engines runs a test on both ClickHouse engines, beside other tests.
func engines(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newRig(t, kind))
		})
	}
}
