package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// A replica of the shipped configuration that is killed and started again goes on with
// its partitions at once, since it has a place of its own in the group: its session
// would expire after five minutes, which no test waits for.
func TestKilledAndBackOnKafka(t *testing.T) {
	r := newRig(t, oneEngine())
	if why := r.kafka.Fake(); why != "" {
		t.Skip("NOT RUN on Apache Kafka:", why)
	}
	r.args = longMissed
	r.env["KAFKA_INSTANCE_ID"] = r.id + "-0"
	first := r.startBinary(plain).ready()
	r.publish(marketdata.External, 2000)
	r.awaitStored(marketdata.External, 2000)
	before := r.onlyMember()
	first.kill()
	r.publish(marketdata.External, 2000)

	began := time.Now()
	b := r.startBinary(plain)
	stored := b.until("new records are stored", func(h harness.Health) bool { return h.Outputs["clickhouse"].Rows > 0 })
	t.Logf("%d records were stored %s after the start", stored.Outputs["clickhouse"].Rows, time.Since(began).Round(time.Millisecond))
	n := r.awaitStored(marketdata.External, 4000)
	t.Logf("all of them %s after the start, %d twice", time.Since(began).Round(time.Millisecond), n.Duplicated())
	assert.Zero(t, n.Missing(4000, 0))
	after := r.onlyMember()
	assert.Equal(t, r.env["KAFKA_INSTANCE_ID"], *after.InstanceID)
	assert.NotEqual(t, before.MemberID, after.MemberID, "the group knows the new one in the place of the old one")
	b.stop()
}

// onlyMember waits until the rig's group has one member with partitions, and returns it.
func (r *rig) onlyMember() kadm.DescribedGroupMember {
	r.t.Helper()
	r.awaitMembers(1)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
	require.NoError(r.t, err)
	defer client.Close()
	groups, err := kadm.NewClient(client).DescribeGroups(within(r.t), r.id)
	require.NoError(r.t, err)
	require.Len(r.t, groups[r.id].Members, 1)
	m := groups[r.id].Members[0]
	require.NotNil(r.t, m.InstanceID, "a static member")
	return m
}

// A reader of a durable consumer has no session: what is published after it was killed
// goes to its successor at once. What the killed one held comes back after ack_wait,
// which is longer here than any test waits for the rest.
func TestKilledAndBackOnJetStream(t *testing.T) {
	j := newJetRig(newRig(t, oneEngine()), "explicit")
	j.wait = "5m"
	first := j.start()
	j.publish(marketdata.Candles, 2000)
	j.awaitStored(marketdata.Candles, 2000)
	first.until("all is acknowledged", func(harness.Health) bool { return j.consumer().NumAckPending == 0 })
	first.kill()
	j.publish(marketdata.Candles, 2000)

	began := time.Now()
	b := j.start()
	n := j.awaitStored(marketdata.Candles, 4000)
	t.Logf("all records were stored %s after the start", time.Since(began).Round(time.Millisecond))
	assert.Zero(t, n.Missing(4000, 0))
	assert.Zero(t, n.Duplicated())
	b.stop()
}

// Core NATS knows nothing of who was there before.
func TestKilledAndBackOnNATS(t *testing.T) {
	r := newRig(t, oneEngine())
	r.startBinary(plain).ready().kill()
	began := time.Now()
	b := r.startBinary(plain).ready()
	r.publish(marketdata.Ticks, 2000)
	n := r.awaitStored(marketdata.Ticks, 2000)
	t.Logf("subscribed and stored %s after the start", time.Since(began).Round(time.Millisecond))
	assert.Zero(t, n.Missing(2000, 0))
	b.stop()
}
